//! What counts as healthy, and what doesn't, of a site that is really started.

use crate::support::{Project, Run, free_port};
use std::fs;

const MODULE: &str = "src/acme.welcome/src/acme/welcome/__init__.py";

/// Releases what was committed, and deploys it.
#[track_caller]
fn deploy(project: &Project) -> Run {
    project.hostout(&["release", "--yes"]).exits(0);
    project.hostout(&["deploy", "local", "--yes"])
}

#[test]
fn the_answer_itself_is_looked_at() {
    let project = Project::released();
    project.edit(
        "hostout.toml",
        "stable = \"1s\"\n",
        &format!(
            "stable = \"1s\"\nsuccesses = 2\ntext = \"Hello, world!\"\ntcp = \"127.0.0.1:{}\"\n\
             header = \"Content-Type: text/plain; charset=utf-8\"\ncommand = [\"test\", \"-d\", \"bin\"]\n",
            project.port
        ),
    );
    project.commit("Ask for more");
    deploy(&project).exits(0).says(&[
        "it holds `Hello, world!`",
        "`test -d bin` ends with 0",
        "2 times in a row",
        "it stays so for 1 s",
    ]);
    assert_eq!(project.live().as_deref(), Some("0.1.1"));

    project.edit("hostout.toml", "timeout = \"30s\"", "timeout = \"2s\"");
    project.commit("Have less patience");
    project.greet("Good day");
    deploy(&project)
        .exits(22)
        .says(&["without the text 'Hello, world!'", "0.1.1 is live again"]);

    project.greet("Hello");
    let answer = "start_response(\"200 OK\", headers)";
    let login = "start_response(\"302 Found\", [(\"Location\", \"/login?came_from=/\")])";
    project.edit(MODULE, answer, login);
    project.commit("Let nobody in");
    deploy(&project).exits(22).says(&[
        "redirects to /login (status 302)",
        "a login page",
        "status = 302",
    ]);
    let text = project.read("hostout.toml");
    let (before, _) = text.split_once("text = ").unwrap();
    let (_, stages) = text.split_once("\n[stage.").unwrap();
    let meant = format!("{before}status = 302\n\n[stage.{stages}");
    project.write("hostout.toml", &meant);
    project.commit("Mean it");
    deploy(&project).exits(0).says(&["its status is 302"]);
    let status = ["status", "local", "--exit-code"];
    project.hostout(&status).exits(0);
}

#[test]
fn a_crash_loop_is_not_taken_for_life() {
    let project = Project::released();
    project.hostout(&["deploy", "local", "--yes"]).exits(0);
    let text = project.read(MODULE);
    project.write(
        MODULE,
        &format!(
            "{text}\n\nimport os\nimport threading\n\n\
             # Whatever comes, it is over after two seconds.\n\
             threading.Timer(2, os._exit, [3]).start()\n"
        ),
    );
    project.edit("hostout.toml", "stable = \"1s\"", "stable = \"1m\"");
    project.commit("Live briefly");
    deploy(&project)
        .exits(22)
        .says(&["web", "0.1.0 is live again"]);
    assert!(project.page().contains("Hello, world!"));
}

#[test]
fn a_service_that_never_stops_is_ended_and_never_runs_twice() {
    let project = Project::released();
    project.edit(
        "base.cfg",
        "startretries=1",
        "startretries=1 stopwaitsecs=1",
    );
    let text = project.read(MODULE);
    let deaf = format!(
        "{text}\n\nimport os\nimport signal\n\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         with open(\"var/pid\", \"w\") as file:\n    file.write(str(os.getpid()))\n"
    );
    project.write(MODULE, &deaf);
    project.commit("Hear nothing");
    deploy(&project).exits(0);
    let pid = fs::read_to_string(project.host.join("shared/var/pid")).unwrap();
    assert!(fs::exists(format!("/proc/{pid}/cwd")).unwrap());
    project.greet("Good day");
    deploy(&project).exits(0);
    assert!(project.page().contains("Good day, world!"));
    assert!(!fs::exists(format!("/proc/{pid}/cwd")).unwrap());
}

#[test]
fn passing_over_a_check_needs_a_reason_and_is_written_down() {
    let project = Project::released();
    let deploy = |more: &[&str]| project.hostout(&[&["deploy", "local", "--yes"], more].concat());
    deploy(&["--keep"]).exits(2).says(&["--keep", "-m"]);
    deploy(&["--health", "none", "-m", " "])
        .exits(2)
        .says(&["--health"]);
    let run = deploy(&["--health", "http://ada:s3cret@127.0.0.1/", "-m", "x"]).exits(2);
    assert!(!run.stderr.contains("s3cret"), "{run}");
    run.says(&["holds a password"]);
    deploy(&["--health", "127.0.0.1", "-m", "x"])
        .exits(2)
        .says(&["must begin with"]);
    assert!(!project.host.exists());

    let nothing = format!("http://127.0.0.1:{}/", free_port());
    project.edit("hostout.toml", "timeout = \"30s\"", "timeout = \"2s\"");
    project.commit("Have less patience");
    project.hostout(&["release", "--yes"]).exits(0);
    deploy(&["--keep", "--health", &nothing, "-m", "the proxy is late"])
        .exits(25)
        .says(&[&nothing]);
    let files = project.git(&["ls-tree", "-r", "--name-only", "hostout", "deployments/"]);
    let started = files
        .lines()
        .map(|path| project.ledger_file(path))
        .find(|text| text.contains("state = \"started\""))
        .unwrap();
    for line in [
        &format!("health = \"{nothing}\""),
        "keep = true",
        "reason = \"the proxy is late\"",
    ] {
        assert!(started.contains(line), "{started}");
    }
    let record = fs::read_to_string(project.host.join(".hostout/record")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let last = &record["history"][0];
    assert_eq!(last["result"], "unhealthy", "{record}");
    assert_eq!(last["health"], nothing, "{record}");
    assert_eq!(last["keep-unhealthy"], true, "{record}");

    // Whoever looks later is told why it is unhealthy.
    let patience = "timeout = \"2s\"";
    let text = format!("{patience}\ntext = \"never said\"");
    project.edit("hostout.toml", patience, &text);
    project.commit("Want words that it does not say");
    project.hostout(&["release", "--yes"]).exits(0);
    deploy(&["--keep", "-m", "as it is"]).exits(25);
    let status = ["status", "--exit-code"];
    project
        .hostout(&status)
        .exits(25)
        .says(&["unhealthy", "answers without the text 'never said'"]);
}
