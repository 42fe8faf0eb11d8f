//! `git hostout put`, `run`, `ssh`, `logs`.

use crate::support::{Host, Project, Run, at_a_terminal_with};
use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio};

const SECRET: &str = "[instance]\npassword = s3cret-word\n";

/// Permission bits of a file.
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs `git hostout ARGUMENTS` with `input` on its standard input.
fn fed(host: &Host, arguments: &[&str], input: &str) -> Run {
    let sandbox = &host.project.sandbox;
    let mut command = sandbox.command("git", &host.project.directory);
    command
        .env("HOSTOUT_SSH_CONFIG", host.sshd.config())
        .arg("hostout")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    Run::new(arguments, &child.wait_with_output().unwrap())
}

/// A missing shared file → the command to type → typed → deployed; then commands, a shell and logs in what is live.
#[test]
fn an_operator_s_day() {
    let project = Project::hello();
    project.write(".gitignore", "etc/secret.cfg\n");
    project.write("etc/secret.cfg", SECRET);
    let text = project.read("hostout.toml");
    project.write(
        "hostout.toml",
        &text.replacen(
            "[health]",
            "[shared]\nfiles = [\"etc/secret.cfg\"]\n\n[health]",
            1,
        ),
    );
    let host = Host::of(project, "").only().release();
    let shared = host.path.join("shared/etc/secret.cfg");

    // Before anything is deployed.
    host.hostout(&["run", "far", "--", "true"])
        .exits(11)
        .says(&["nothing is live: there is no"]);
    host.hostout(&["logs", "far"])
        .exits(11)
        .says(&["web1: nothing is live", "git hostout deploy far"]);
    host.hostout(&["deploy", "far", "--yes"]).exits(11).says(&[
        "web1: shared file etc/secret.cfg is missing",
        "git hostout put far etc/secret.cfg",
    ]);
    host.hostout(&["put", "far", "etc/other.cfg"])
        .exits(11)
        .says(&["etc/other.cfg is no shared file of far", "etc/secret.cfg"]);
    host.hostout(&["put", "far", "etc/secret.cfg", "nowhere"])
        .exits(2)
        .says(&[
            "cannot read nowhere",
            "name another file, or - for standard input",
        ]);
    fed(&host, &["put", "far", "etc/secret.cfg", "-"], "")
        .exits(2)
        .says(&["nothing was read for etc/secret.cfg", "--allow-empty"]);
    let dry = host.hostout(&["put", "far", "etc/secret.cfg", "--dry-run"]);
    dry.exits(0).says(&["for its owner only"]);
    assert!(!host.path.exists());

    let put = host
        .hostout(&["-v", "put", "far", "etc/secret.cfg"])
        .exits(0);
    assert!(!put.to_string().contains("s3cret"), "{put}");
    put.says(&[
        "Put etc/secret.cfg to far",
        "etc/secret.cfg is on web1; what runs reads it at its next start.",
    ]);
    assert_eq!(fs::read_to_string(&shared).unwrap(), SECRET);
    assert_eq!(mode(&shared), 0o600);
    host.hostout(&["put", "far", "etc/secret.cfg"])
        .exits(0)
        .says(&["etc/secret.cfg was there already, byte for byte."]);
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o644)).unwrap();
    fed(&host, &["put", "far", "etc/secret.cfg", "-"], "piped\n").exits(0);
    assert_eq!(fs::read_to_string(&shared).unwrap(), "piped\n");
    assert_eq!(mode(&shared), 0o600);
    let left: Vec<_> = fs::read_dir(shared.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    // A host that says no was reached.
    let [folder, aside] = ["shared/etc", "shared/aside"].map(|name| host.path.join(name));
    fs::rename(&folder, &aside).unwrap();
    std::os::unix::fs::symlink("/tmp", &folder).unwrap();
    host.hostout(&["put", "far", "etc/secret.cfg"])
        .exits(11)
        .says(&["leads out of", "put a folder in the place of the link"]);
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();

    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let current = host.path.join("releases/0.1.0").display().to_string();
    commands(&host, &current);
    shells(&host, &current);

    // The programs' own logs have no names of ours: supervisor's are found from its configuration.
    let logs = host.hostout(&["logs", "far", "-n", "50"]).exits(0);
    let logs = logs.says(&["supervisord started with pid", "Serving on http://"]);
    let mut following = host.start(&["logs", "far", "-f", "-n", "1"]);
    following.until_it_prints("supervisord.log <==");
    // Each start gives the programs' logs other names.
    let auto = logs.stdout.lines().find(|line| line.contains("-stdout---"));
    let auto = auto.unwrap().trim_matches(['=', '<', '>', ' ']);
    let (before, _) = auto.rsplit_once("---").unwrap();
    fs::write(
        format!("{before}---supervisor-anew.log"),
        "said after that\n",
    )
    .unwrap();
    following.until_it_prints("said after that");
    following.signal("TERM");
    let end = following.end();
    assert!(end.interrupted(), "{end}");
    assert!(!end.stderr.contains("error"), "that is how it ends: {end}");
}

fn commands(host: &Host, current: &str) {
    for (code, words) in [
        (143, &["sh", "-c", "kill -TERM $$"][..]),
        (127, &["no-such-command"]),
        (126, &["./bin"]),
    ] {
        let run = [&["run", "far", "--"], words].concat();
        host.hostout(&run).exits(code);
    }
    let run = host.hostout(&["run", "far", "--", "pwd", "-P"]).exits(0);
    assert_eq!(run.stdout, format!("{current}\n"));
    let words = [
        "run",
        "far",
        "--",
        "printf",
        "%s|",
        "two words",
        "$HOME",
        "*",
        "",
    ];
    assert_eq!(host.hostout(&words).exits(0).stdout, "two words|$HOME|*||");
    for code in [3, 255] {
        let exit = format!("exit {code}");
        let run = host.hostout(&["run", "far", "--", "sh", "-c", &exit]);
        assert_eq!(run.exits(code).stderr, "");
    }
    let fed = fed(host, &["run", "far", "--", "cat"], "through\n").exits(0);
    assert_eq!(fed.stdout, "through\n");
    host.hostout(&["run", "far", "--", "no-such-command"])
        .exits(127);
    host.hostout(&["run", "far", "--hosts", "db*", "--", "true"])
        .exits(2)
        .says(&["matches none of the hosts of far"]);
    host.hostout(&["run", "far", "true"]).exits(2);

    // What a person's own logins begin with is not for commands.
    host.sshd
        .configure("RemoteCommand echo other\nSessionType none");
    let hi = host.hostout(&["run", "far", "--", "echo", "hi"]).exits(0);
    assert_eq!(hi.stdout, "hi\n");
    host.sshd.configure("Port 1");
    host.hostout(&["run", "far", "--", "true"])
        .exits(20)
        .says(&[
            "ssh could not log in; it says why above",
            "git hostout check",
        ]);
    host.sshd.configure("");
}

fn shells(host: &Host, current: &str) {
    let shell = fed(host, &["ssh", "far"], "pwd -P; exit 4\n").exits(4);
    assert!(shell.stdout.contains(current), "{shell}");
    host.hostout(&["ssh", "far", "web2"])
        .exits(2)
        .says(&["name one of the hosts of far: web1"]);
    let config = host.sshd.config().display().to_string();
    let ask = "test -t 1 && printf 'name? '; read name; echo \"<$name>\"; exit 7";
    at_a_terminal_with(
        &host.project.sandbox,
        &host.project.directory,
        &["run", "far", "--", "sh", "-c", ask],
        &[("HOSTOUT_SSH_CONFIG", &config)],
        "name? ",
        "ada\n",
    )
    .exits(7)
    .says(&["<ada>"]);
}

#[test]
fn several_hosts_are_told_apart() {
    let host = Host::of(Project::single(), "");
    let second = host.project.sandbox.path("second").display().to_string();
    host.project
        .add_stage_on(&["web1", "local"], "both", &second, "");
    host.project.commit("Two hosts");
    for name in ["current", "other"] {
        fs::create_dir_all(Path::new(&second).join(name)).unwrap();
    }
    let run = host
        .hostout(&["run", "both", "--", "sh", "-c", "echo here; echo there >&2"])
        .exits(0);
    for name in ["web1", "local"] {
        assert!(run.stdout.contains(&format!("{name}: here\n")), "{run}");
        assert!(run.stderr.contains(&format!("{name}: there\n")), "{run}");
    }
    let fails = "test -n \"$SSH_CONNECTION\" && exit 5; exit 0";
    host.hostout(&["run", "both", "--", "sh", "-c", fails])
        .exits(5)
        .says(&["web1 of both: status 5"]);
    let one = host.hostout(&["run", "both", "--hosts", "local", "--", "pwd", "-P"]);
    assert!(one.exits(0).stdout.ends_with("second/current\n"));
    host.hostout(&["ssh", "both"])
        .exits(2)
        .says(&["name one of the hosts of both: web1, local"]);
    let shell = fed(&host, &["ssh", "both", "local"], "pwd -P; exit 6\n").exits(6);
    assert!(shell.stdout.contains("second/current"), "{shell}");
}
