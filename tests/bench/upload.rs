//! Many bytes to a host.

use crate::{
    lab::{self, Lab, Line},
    report::{Beside, Report, median, succeed},
    support::{Sandbox, sshd::Sshd},
};
use hostout::{
    execute::{MUCH, Upload},
    host::Command,
    pack::Store,
    release::{Artifact, Digest},
    transport::{Conversation, Target, Unattended, connect},
};
use std::{
    fs::{self, File},
    io::{self, Read},
    process::Stdio,
    time::Duration,
};

const SIZE: usize = 200 << 20;
const RUNS: usize = 3;
const WHEELS: usize = 40;

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
    match lab::missing() {
        None => far(report),
        Some(why) => report.note(&format!("over 50 ms: NOT RUN: {why}")),
    }
}

/// As many wheels, to a test host that is far away.
fn far(report: &mut Report) {
    let (lab, sandbox) = (Lab::start(1), Sandbox::new());
    lab.host(0).slow(Line {
        round_trip: Duration::from_millis(50),
        ..Line::default()
    });
    let store = Store::open(sandbox.path("store")).unwrap();
    let folder = sandbox.path("wheels");
    fs::create_dir(&folder).unwrap();
    let mut random = File::open("/dev/urandom").unwrap();
    let mut artifact = |number: usize| {
        let mut bytes = vec![0; SIZE / WHEELS];
        random.read_exact(&mut bytes).unwrap();
        fs::write(folder.join(number.to_string()), &bytes).unwrap();
        Artifact {
            file: number.to_string(),
            sha256: store.put(&bytes).unwrap(),
            size: bytes.len() as u64,
            targets: Vec::new(),
            reproducible: true,
        }
    };
    let artifacts: Vec<Artifact> = (0..WHEELS).map(&mut artifact).collect();
    let config = lab.config().display().to_string();
    let mut turn = 0;
    let ssh = format!("ssh -F {config}");
    let rsync = median(RUNS, || {
        turn += 1;
        let mut command = sandbox.command("rsync", &folder);
        succeed(
            command
                .args(["-a", "-e", &ssh, "."])
                .arg(format!("web1:rsync{turn}")),
        );
    });
    let scp = median(RUNS, || {
        turn += 1;
        let mut command = sandbox.command("scp", &folder);
        command.args(["-q", "-r", "-F", &config, "."]);
        succeed(command.arg(format!("web1:scp{turn}")));
    });
    let ours = median(RUNS, || {
        turn += 1;
        let target = Target {
            host: "web1".to_owned(),
            ssh_config: Some(lab.config()),
            host_key: None,
        };
        let mut web1 = connect(&target, &Unattended).unwrap();
        let path = format!("/home/deploy/ours{turn}");
        let upload = Upload {
            store: &store,
            path: &path,
            python: "python3",
            much: MUCH,
            stop: &|| false,
            watch: &|_| (),
        };
        upload
            .carry_out(web1.as_mut(), &artifacts)
            .unwrap()
            .unwrap();
    });
    for (name, other) in [("rsync", rsync), ("scp", scp)] {
        report.row(
            "over 50 ms, several sessions, login too",
            ours,
            Beside(name, other),
        );
    }
    let megabytes = u32::try_from(SIZE >> 20).unwrap();
    let speed = |took: Duration| f64::from(megabytes) / took.as_secs_f64();
    report.note(&format!(
        "MB/s over 50 ms: {:.0}, rsync {:.0}, scp {:.0}",
        speed(ours),
        speed(rsync),
        speed(scp)
    ));
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
