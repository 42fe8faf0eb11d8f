//! What goes over the line to hosts, and the files that lie there: written by the agent, read by it and by us.

use super::{document, lines, path, same_shape, sample};
use hostout::host::{
    ActivateRequest, Activated, ActivationResult, Agent, Breaking, BundleRequest, DeadOwner, Event,
    FailureKind, HaveRequest, JournalRequest, ListenError, Listener, LockRequest, PrepareRequest,
    PruneRequest, Request, ServiceState, ShareRequest, StatusAnswer, StatusRequest, UnlockRequest,
};
use hostout::release::{Data, Digest, EntryId, Intent};
use semver::Version;
use serde::Serialize;
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::NamedTempFile;

fn digest(digit: &str) -> Digest {
    digit.repeat(64).parse().unwrap()
}

fn json(body: impl Serialize) -> Value {
    serde_json::from_slice(&Request::new(body).to_json().unwrap()).unwrap()
}

fn activation(id: EntryId) -> ActivateRequest {
    ActivateRequest {
        version: Version::new(1, 4, 2),
        manifest_sha256: digest("9"),
        id,
        entry: "format = 1".to_owned(),
        signature: String::new(),
        expected: Some(Version::new(1, 4, 1)),
        token: "t".to_owned(),
        keep_lock: false,
        keep: 5,
        health: Some("none".to_owned()),
        keep_unhealthy: true,
        deadline: 1800,
        stage: "staging".to_owned(),
        intent: Intent::Deploy,
        serial: Some(6),
        roll: Vec::new(),
        approvals: Vec::new(),
        bundle: None,
    }
}

/// Every request as this program writes it, in the order of the sample.
fn requests() -> Vec<Value> {
    let lock = LockRequest {
        token: "t".to_owned(),
        by: "Ada Example <ada@example.org>".to_owned(),
        from: "laptop".to_owned(),
        machine: "4b6a pid:[4026531836]".to_owned(),
        pid: 7,
        plan: "Deploy shop 1.4.2 to staging".to_owned(),
        lease: 120,
    };
    let id = || EntryId("8e6f79f83626d68a".to_owned());
    vec![
        json(StatusRequest {
            shared_files: vec!["secret.cfg".to_owned()],
            sha256: vec![digest("5")],
            data: None,
        }),
        json(HaveRequest {
            sha256: vec![digest("4")],
        }),
        json(PrepareRequest {
            manifest: "format = 1".to_owned(),
            manifest_sha256: digest("9"),
            signature: String::new(),
            buildout: "default".to_owned(),
            stage: "staging".to_owned(),
            id: id(),
            version: Version::new(1, 4, 2),
            lock,
            keep_lock: true,
            expected: Some(Version::new(1, 4, 1)),
            fetch: false,
        }),
        json(activation(id())),
        json(JournalRequest { wait: false }),
        json(PruneRequest {
            keep: 5,
            releases: Vec::new(),
            dry_run: true,
            lock: None,
        }),
        json(UnlockRequest::Token("t".to_owned())),
        json(UnlockRequest::Expired(Breaking {
            by: "Bob Example <bob@example.org>".to_owned(),
            reason: "her laptop is lost".to_owned(),
        })),
        json(UnlockRequest::Dead(DeadOwner {
            from: "laptop".to_owned(),
            machine: "4b6a pid:[4026531836]".to_owned(),
            pid: 7,
        })),
        json(StatusRequest {
            data: Some(Data::None { chosen: true }),
            ..StatusRequest::default()
        }),
        json(ShareRequest {
            content: "eA==".to_owned(),
        }),
        json(ActivateRequest {
            bundle: Some(BundleRequest {
                after: Some("0".repeat(40)),
                data: "eA==".to_owned(),
            }),
            ..activation(id())
        }),
        json(PruneRequest {
            keep: 3,
            releases: vec![Version::new(1, 4, 0)],
            dry_run: false,
            lock: None,
        }),
    ]
}

/// The agent as a file.
fn script() -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".py").tempfile().unwrap();
    file.write_all(Agent::SOURCE.as_bytes()).unwrap();
    file
}

/// Runs lines of Python that know the agent as `agent`, and the paths below `top` as `layout`.
#[track_caller]
fn with_agent(top: &Path, lines: &str) {
    let load = r#"
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("agent", sys.argv[1])
agent = importlib.util.module_from_spec(spec)
spec.loader.exec_module(agent)
layout = agent.Layout(sys.argv[2])
"#;
    let script = script();
    let mut python = Command::new("python3");
    python.args(["-B", "-c", &format!("{load}{lines}")]);
    let ran = python.arg(script.path()).arg(top).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
}

/// Runs the agent at `top`: its lines, and its exit code.
fn agent(top: &Path, words: &[&str], request: &str) -> (String, Option<i32>) {
    let script = script();
    let mut child = Command::new("python3")
        .arg("-B")
        .arg(script.path())
        .arg("--path")
        .arg(top)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

fn listen(text: &str) -> (Vec<Event>, hostout::host::End) {
    let mut events = Vec::new();
    let mut listener = Listener::new(|event| events.push(event));
    listener.write_all(text.as_bytes()).unwrap();
    let end = listener.end().unwrap();
    (events, end)
}

#[test]
fn requests_are_written_as_they_were() {
    assert_eq!(requests(), lines("agent-requests.jsonl"));
}

#[test]
fn a_newer_request_is_refused_by_name_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    let top = home.path().join("site");
    for verb in [
        "status", "have", "install", "prepare", "activate", "prune", "unlock", "journal",
        "manifest", "recover",
    ] {
        let (answer, code) = agent(&top, &[verb], r#"{"format": 2}"#);
        assert_eq!(code, Some(3), "{verb}: {answer}");
        let refused = listen(&answer).1.read::<StatusAnswer>().unwrap_err();
        assert!(
            refused.to_string().contains("format 2"),
            "{verb}: {refused}"
        );
        let ListenError::Failed(failure) = refused else {
            panic!("{verb}: {answer}");
        };
        assert_eq!(failure.kind, FailureKind::NewerFormat, "{verb}");
        assert!(!top.exists(), "{verb}");
    }
}

#[test]
fn a_status_answer_means_what_it_meant() {
    let old = document("agent-status.json");
    let answer: StatusAnswer = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(answer.installed.as_deref(), Some("2".repeat(64).as_str()));
    assert_eq!(answer.path_state, hostout::host::PathState::Ours);
    assert_eq!(
        (answer.python.version.as_str(), answer.python.venv),
        ("3.11.7", true)
    );
    assert_eq!(answer.current.release, Some(Version::new(1, 4, 2)));
    assert_eq!(answer.releases[0].manifest, Some(digest("9")));
    assert_eq!(answer.lock.unwrap().step.as_deref(), Some("prepare"));
    assert_eq!(answer.services[0].state, ServiceState::Running);
    assert_eq!(answer.healthy, Some(true));
    assert!(answer.shared.files["secret.cfg"]);
    assert_eq!(answer.job.unwrap().result, Some(ActivationResult::Healthy));

    let home = tempfile::tempdir().unwrap();
    let (now, _) = agent(
        home.path(),
        &["status"],
        &lines("agent-requests.jsonl")[0].to_string(),
    );
    same_shape(&old, &serde_json::from_str(&now).unwrap(), "status");
}

/// A host where an old agent left its record and the journal of a job.
fn old_host() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let private = home.path().join(".hostout");
    let job = private.join("jobs/8e6f79f83626d68a");
    fs::create_dir_all(&job).unwrap();
    fs::copy(path("record.json"), private.join("record")).unwrap();
    fs::copy(path("journal.jsonl"), job.join("journal")).unwrap();
    home
}

#[test]
fn a_record_means_what_it_meant() {
    let home = old_host();
    let (answer, _) = agent(home.path(), &["status"], "");
    let answer: StatusAnswer = listen(&answer).1.read().unwrap();
    let record = answer.record.unwrap();
    assert_eq!(record.release, Some(Version::new(1, 4, 1)));
    assert_eq!(record.manifest, Some(digest("1")));
    assert_eq!(record.id.unwrap().0, "34b86a52c8bdb7bf");
    assert_eq!((record.serial, record.healthy), (Some(3), false));
    assert_eq!(record.stage.as_deref(), Some("staging"));
    assert_eq!(record.from, Some(Version::new(1, 4, 1)));
    assert_eq!(record.history.len(), 2);
    assert_eq!(record.history[1].result, ActivationResult::Reverted);
}

#[test]
fn a_journal_means_what_it_meant() {
    let home = old_host();
    let request = r#"{"format": 1, "wait": false}"#;
    let (answer, _) = agent(home.path(), &["journal", "8e6f79f83626d68a"], request);
    let (events, end) = listen(&answer);
    let step = Event::Step {
        step: "switch".to_owned(),
        detail: "1.4.1 -> 1.4.2".to_owned(),
    };
    let progress = Event::Progress {
        step: "eggs".to_owned(),
        done: 1,
        total: Some(2),
    };
    assert_eq!((&events[0], &events[2]), (&step, &progress));
    assert!(matches!(&events[1], Event::Warning { message } if message.contains("after-healthy")));
    let ended: Activated = end.activation().unwrap();
    assert_eq!(ended.result, ActivationResult::Reverted);
    assert_eq!(ended.current, Some(Version::new(1, 4, 1)));
    assert_eq!(ended.backup.as_deref(), Some("8e6f79f83626d68a-1.4.2"));
    assert_eq!(ended.kind, Some(FailureKind::Unhealthy));
    assert_eq!(ended.output, ["ImportError: no"]);
}

/// A backup as it lies on a host: the agent finds it whole, and the record tells of it.
#[test]
fn a_backup_means_what_it_meant() {
    let home = old_host();
    let private = home.path().join("backups/8e6f79f83626d68a-1.4.2/.hostout");
    fs::create_dir_all(&private).unwrap();
    fs::copy(path("backup-complete.json"), private.join("complete")).unwrap();
    fs::copy(path("backup-SHA256SUMS"), private.join("SHA256SUMS")).unwrap();
    let data = private.with_file_name("var/filestorage");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("Data.fs"), "FS21").unwrap();
    let mut seal = document("backup-complete.json");
    seal.as_object_mut().unwrap().remove("format");
    let mut record = document("record.json");
    record["backups"] = Value::Array(vec![seal]);
    fs::write(home.path().join(".hostout/record"), record.to_string()).unwrap();

    let (answer, _) = agent(home.path(), &["status"], "");
    let answer: StatusAnswer = listen(&answer).1.read().unwrap();
    let seen = answer.record.unwrap().backups.remove(0);
    assert_eq!(
        (
            seen.name.as_str(),
            seen.kind.as_str(),
            seen.files,
            seen.bytes,
            seen.healthy
        ),
        ("8e6f79f83626d68a-1.4.2", "zodb", 1, 4, true)
    );
    let check = r#"
[seal] = agent.listed_backups(layout)
agent.Sealed(layout, seal["name"]).check()
"#;
    with_agent(home.path(), check);
}

/// The agent writes what it wrote: its own functions, the values of the samples.
#[test]
fn record_and_journal_are_written_as_they_were() {
    let home = tempfile::tempdir().unwrap();
    let write = r#"
layout.make()
job = agent.Activation.__new__(agent.Activation)
job.layout, job.new, job.old, job.id, job.backup = layout, "1.4.2", "1.4.1", "8e6f79f83626d68a", None
job.request = {"serial": 6, "stage": "staging"}
job.journal = agent.Journal(layout, job.id)
os.makedirs(job.journal.folder)
job.journal.note({"event": "step", "step": "switch", "detail": ""})
job.remember("healthy", "1.4.2")
job.journal.note(job.end("healthy", "1.4.2 is live"))
"#;
    with_agent(home.path(), write);
    let text = |below: &str| fs::read_to_string(home.path().join(".hostout").join(below)).unwrap();
    let record = serde_json::from_str(&text("record")).unwrap();
    same_shape(&document("record.json"), &record, "record");
    let journal = text("jobs/8e6f79f83626d68a/journal");
    let new: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let old = lines("journal.jsonl");
    same_shape(&old[0], &new[0], "step");
    let mut end = old[3].clone();
    // Only a failure has these two.
    for key in ["kind", "hint"] {
        end.as_object_mut().unwrap().remove(key);
    }
    same_shape(&end, &new[1], "end");
    assert!(sample("record.json").starts_with("{\n \"format\": 1,"));
}
