//! Many bytes to a host.

use crate::{
    report::{Beside, Report, median, succeed},
    support::{Sandbox, sshd::Sshd},
};
use hostout::{
    host::Command,
    release::Digest,
    transport::{Conversation, Target, Unattended, connect},
};
use std::{
    fs::{self, File},
    io::{self, Read},
    process::Stdio,
};

const SIZE: usize = 200 << 20;
const RUNS: usize = 3;

pub fn run(report: &mut Report) {
    let (sshd, sandbox) = (
        Sshd::start_with("Subsystem sftp internal-sftp"),
        Sandbox::new(),
    );
    let file = sandbox.path("bytes");
    let mut bytes = Vec::new();
    let random = File::open("/dev/urandom").unwrap();
    random.take(SIZE as u64).read_to_end(&mut bytes).unwrap();
    fs::write(&file, &bytes).unwrap();
    let config = sshd.config();

    let ssh = median(RUNS, || {
        let mut command = sandbox.command("ssh", sandbox.root());
        command
            .arg("-F")
            .arg(&config)
            .args(["web1", "cat >/dev/null"]);
        succeed(command.stdin(Stdio::from(File::open(&file).unwrap())));
    });
    let copy = sandbox.path("copy").display().to_string();
    let scp = median(RUNS, || {
        let mut command = sandbox.command("scp", sandbox.root());
        command.arg("-q").arg("-F").arg(&config).arg(&file);
        succeed(command.arg(format!("web1:{copy}")));
    });

    let target = Target {
        host: "web1".to_owned(),
        ssh_config: Some(config),
        host_key: None,
    };
    let mut web1 = connect(&target, &Unattended).unwrap();
    let ours = median(RUNS, || {
        let cat = Command::new(["sh", "-c", "cat >/dev/null"].map(str::to_owned).to_vec());
        let mut source = File::open(&file).unwrap();
        web1.run(&cat, &mut source, &mut io::sink()).unwrap();
    });
    let path = sandbox.path("srv").display().to_string();
    let mut agent = Conversation::new(web1.as_mut(), &path, "python3");
    agent.install().unwrap();
    let stream = archive(&bytes);
    let put = median(RUNS, || {
        agent.put(stream.as_slice(), stream.len() as u64).unwrap();
    });
    report.row(
        "transport, to nowhere",
        ours,
        Beside("ssh host 'cat >/dev/null'", ssh),
    );
    report.row(
        "agent put: hashed, synced, on disk",
        put,
        Beside("scp", scp),
    );
}

/// A tar with one member, named by its sha256.
fn archive(bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    let name = Digest::of(bytes).to_string();
    archive.append_data(&mut header, name, bytes).unwrap();
    archive.into_inner().unwrap()
}
