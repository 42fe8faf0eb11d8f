//! Hosts on which something is wrong: said in one sentence, and nothing is touched.

use crate::support::{Host, Project, Run, remove_tree, sshd};
use std::fs;

#[test]
fn a_host_that_cannot_be_trusted_or_reached() {
    let host = Host::quiet();
    let deploy = || host.hostout(&["deploy", "far", "--yes"]);
    fs::write(host.sshd.path("known_hosts"), "").unwrap();
    deploy().exits(20).says(&[&host.sshd.fingerprint()]);
    let other = host.project.sandbox.path("other");
    sshd::keygen(&other, "");
    let text = fs::read_to_string(other.with_extension("pub")).unwrap();
    host.sshd.know(text.rsplit_once(' ').unwrap().0);
    deploy().exits(20).says(&["key"]);
    host.sshd.know(&host.sshd.host_key());

    host.sshd.configure("Port 1");
    deploy().exits(20).says(&["web1", "refused"]);
    host.hostout(&["check", "far"])
        .exits(20)
        .says(&["web1", "refused", "is the server up"]);
    let run = host.hostout(&["status", "--json", "--exit-code"]).exits(20);
    let json = run.json();
    assert_eq!(json["stages"][0]["hosts"][0]["reachable"], false, "{json}");
    host.sshd.configure("HostName nowhere.invalid");
    deploy().exits(20).says(&["nowhere.invalid"]);

    let key = format!("IdentityFile {}", other.display());
    host.sshd.configure(&key);
    fs::write(host.sshd.path("authorized_keys"), "").unwrap();
    deploy()
        .exits(20)
        .says(&[&format!("login as {}", sshd::user()), "other", "/id"]);
    host.sshd.configure("User nobody-of-this-name");
    deploy()
        .exits(20)
        .says(&["login as nobody-of-this-name was refused", "/id"]);
    assert!(!host.path.exists());
    assert_eq!(host.project.git(&["rev-list", "--count", "hostout"]), "2");
}

#[test]
fn a_python_that_is_missing_or_does_not_fit() {
    let host = Host::of(Project::single(), "python = \"python-of-nowhere\"\n").release();
    host.hostout(&["deploy", "far", "--yes"])
        .exits(11)
        .says(&["python-of-nowhere", "install python3"]);
    host.hostout(&["check", "far"])
        .exits(11)
        .says(&["python-of-nowhere"]);
    let text = host.project.read("hostout.toml");
    let any = text.replace("python = \"python-of-nowhere\"\n", "");
    host.project.write("hostout.toml", &any);
    host.project.edit("pyproject.toml", ">=3.8", ">=3.99");
    host.project.commit("Need a python of the future");
    // Whether that is refused when it is resolved or when it is deployed: never later.
    let run = host.hostout(&["release", "--yes"]);
    if run.succeeded() {
        let run = host.hostout(&["deploy", "far", "--yes"]);
        run.exits(11).says(&["its python is", ">=3.99"]);
    } else {
        run.exits(11).says(&["3.99"]);
    }
    assert!(!host.path.exists());
}

/// What a host runs that cannot be asked is not known: neither nothing, nor something else than the ledger says.
#[test]
fn a_host_that_has_no_answer_is_not_known() {
    let mut host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let table = "[stage.far]\n";
    let lost = format!("{table}python = \"python-of-nowhere\"\n");
    host.project.edit("hostout.toml", table, &lost);
    let unknown = "web1: what runs there is not known, as python-of-nowhere there has no answer: ";
    let why = &[
        unknown,
        "not found",
        "install python3 and python3-venv there",
    ];
    let run = host.hostout(&["status", "far"]).exits(0);
    for part in ["unknown", "python-of-nowhere there has no answer: "] {
        assert!(run.stdout.contains(part), "{run}");
    }
    for part in ["nothing", "ledger", "unreachable"] {
        assert!(!run.stdout.contains(part), "{part} in {run}");
    }
    host.hostout(&["status", "far", "--exit-code"])
        .exits(20)
        .says(&["web1 of stage far does not say what runs there"]);
    let json = host.status();
    let seen = &json["hosts"][0];
    assert_eq!(seen["reachable"], false, "{json}");
    assert!(seen["error"].as_str().unwrap().contains("has no answer"));
    for words in [
        &["rollback", "far", "--yes"][..],
        &["unlock", "far", "-m", "x"],
    ] {
        let run = host.hostout(words).exits(20).says(why);
        assert!(!run.stderr.contains("no earlier"), "{run}");
    }
    for verb in [&["deploy", "far", "--yes"][..], &["check", "far"]] {
        let run = host.hostout(verb).exits(11).says(why);
        assert!(!run.stderr.contains("MB free"), "{run}");
    }
    host.project.edit("hostout.toml", &lost, table);

    for (says, hint) in [
        (
            "This account is currently not available.",
            "its user needs a shell that reads what sh does; as root there: chsh -s /bin/sh USER",
        ),
        (
            "Password change required but no TTY available.",
            "log in once and change it: ssh web1; or, as root there, let it never expire: chage -d -1 USER",
        ),
        ("Go away.", "look what it says to a command: ssh web1 true"),
    ] {
        let wrapped = format!("ForceCommand echo '{says}'; exit 1");
        host.sshd = sshd::Sshd::start_with(&wrapped);
        host.hostout(&["rollback", "far", "--yes"])
            .exits(20)
            .says(&[says, hint]);
    }
}

#[test]
fn one_machine_by_two_names_is_found_by_check_too() {
    let host = Host::quiet();
    host.project
        .edit("hostout.toml", "[\"web1\"]", "[\"web1\", \"local\"]");
    host.project.commit("Name it twice");
    host.hostout(&["release", "--yes"]).exits(0);
    for words in [&["deploy", "far", "--yes"][..], &["check", "far"]] {
        host.hostout(words).exits(11).says(&[
            "web1 and local are one machine",
            "name it once in hostout.toml",
        ]);
    }
    assert!(!host.path.exists());
}

#[test]
fn a_path_that_is_somebody_elses() {
    let host = Host::quiet();
    let deploy = || host.hostout(&["deploy", "far", "--yes"]);
    fs::create_dir_all(host.path.join("htdocs")).unwrap();
    deploy()
        .exits(11)
        .says(&["holds files that are not git-hostout's"]);
    assert!(!host.path.join(".hostout").exists());
    remove_tree(&host.path);

    fs::write(&host.path, "a file").unwrap();
    deploy().exits(11);
    fs::remove_file(&host.path).unwrap();

    // Nobody may write below /proc, root included.
    host.project.edit(
        "hostout.toml",
        &host.path.display().to_string(),
        "/proc/1/shop",
    );
    deploy().exits(11).says(&["/proc/1/shop"]);
    host.project.edit(
        "hostout.toml",
        "/proc/1/shop",
        &host.path.display().to_string(),
    );

    deploy().exits(0);
    let current = host.path.join("current");
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    fs::write(current.join("theirs"), "").unwrap();
    deploy().exits(11).says(&["current", "move it away"]);
    assert!(current.join("theirs").exists());
    fs::remove_dir_all(&current).unwrap();
    deploy().exits(0);
}

#[test]
fn what_a_newer_program_left_is_read_and_never_written() {
    let project = Project::released_single();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let record = project.host.join(".hostout/record");
    let text = fs::read_to_string(&record).unwrap();
    let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
    assert_ne!(newer, text);
    fs::write(&record, &newer).unwrap();
    project.write("src/acme/single/new.py", "");
    project.commit("Change it");
    project.hostout(&["release", "--yes"]).exits(0);
    let said = &[
        "local: ",
        ".hostout/record is of format 2, by a newer git-hostout; this one knows up to 1",
        "install a newer git-hostout here",
    ];
    for arguments in [
        &["deploy", "local", "--yes"] as &[&str],
        &["check", "local"],
        &["prune", "local", "--keep", "1", "--yes"],
    ] {
        project.hostout(arguments).exits(11).says(said);
    }
    project
        .hostout(&["status", "local"])
        .exits(0)
        .says(&["0.1.0"]);
    assert_eq!(project.live().as_deref(), Some("0.1.0"));
    assert_eq!(fs::read_to_string(&record).unwrap(), newer);
    fs::write(&record, &text).unwrap();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
}

#[test]
fn a_shared_file_has_to_be_there_first() {
    let host = Host::of(
        Project::single(),
        "\n[stage.far.shared]\nfiles = [\"secret.cfg\"]\n",
    )
    .release();
    host.hostout(&["deploy", "far", "--yes"]).exits(11).says(&[
        "shared file secret.cfg is missing",
        "git hostout put far secret.cfg",
    ]);
    let shared = host.path.join("shared");
    fs::create_dir_all(&shared).unwrap();
    fs::write(shared.join("secret.cfg"), "[secret]\n").unwrap();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let linked = fs::canonicalize(host.path.join("current/secret.cfg")).unwrap();
    assert_eq!(linked, fs::canonicalize(shared.join("secret.cfg")).unwrap());
}

#[test]
fn a_lock_names_its_holder() {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    host.project.write("src/acme/single/new.py", "");
    host.project.commit("Change it");
    host.hostout(&["release", "--yes"]).exits(0);
    let lock = host.path.join(".hostout/lock");
    fs::create_dir(&lock).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let owner = serde_json::json!({
        "token": "t", "by": "Bob <bob@example.org>", "from": "elsewhere", "machine": "", "plan": "", "pid": 7,
        "since": "2026-01-01T00:00:00Z", "step": "prepare", "lease": 600, "boot": boot.trim(), "until": 1e12,
    });
    fs::write(lock.join("owner"), owner.to_string()).unwrap();
    host.hostout(&["deploy", "far", "--yes"]).exits(12).says(&[
        "Bob <bob@example.org>",
        "elsewhere",
        "prepare",
    ]);
    host.hostout(&["check", "far"])
        .exits(11)
        .says(&["web1 is locked by Bob", "wait until they are done"]);
    assert!(host.status()["hosts"][0]["lock"].is_string());
    assert_eq!(host.live().as_deref(), Some("0.1.0"));
    fs::remove_dir_all(&lock).unwrap();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
}

#[test]
fn another_path_or_host_is_meant_or_refused() {
    let host = Host::quiet();
    host.hostout(&["deploy", "far", "--yes"]).exits(0);
    let other = host.project.sandbox.path("farther");
    host.project.edit(
        "hostout.toml",
        &host.path.display().to_string(),
        &other.display().to_string(),
    );
    host.hostout(&["deploy", "far", "--yes"])
        .exits(11)
        .says(&["moved from", "--moved"]);
    assert!(!other.exists());
    host.hostout(&["deploy", "far", "--yes", "--moved"])
        .exits(0);
    host.project.edit("hostout.toml", "\"web1\"", "\"local\"");
    host.hostout(&["deploy", "far", "--yes"])
        .exits(11)
        .says(&["web1", "local", "--moved"]);
    host.hostout(&["deploy", "far", "--yes", "--moved"])
        .exits(0);
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_sent() {
    let project = Project::released_single();
    // A file system of its own, seen by this command only.
    let alone = if sshd::user() == "root" { "-m" } else { "-rm" };
    let script =
        "mkdir \"$0\" && mount -t tmpfs -o size=30m none \"$0\" && git hostout deploy local --yes
        code=$?; ls -A \"$0\"; exit $code";
    let path = project.host.display().to_string();
    let arguments = [alone, "sh", "-c", script, &path];
    let mut command = project.sandbox.command("unshare", &project.directory);
    let output = command.args(arguments).output().unwrap();
    let run = Run::new(&arguments, &output).exits(11);
    assert_eq!(run.stdout, "", "nothing was written");
    run.says(&["MB free at", "needed", "git hostout prune local"]);
}
