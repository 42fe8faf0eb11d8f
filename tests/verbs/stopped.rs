//! Ctrl-C before anything visible was begun: nothing is left but what was there before.

use crate::support::{CTRL_C, Project, Running, at_a_terminal, refs};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    thread,
    time::{Duration, Instant},
};

/// Hangs, with a child that does the same, while there is a file `hang-PLACE`; a file `hangs` says so.
const HANG: &str = "\
import os, subprocess, time
if os.path.exists('ROOT/hang-PLACE'):
    subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    open('ROOT/hangs', 'w').close()
    while os.path.exists('ROOT/hang-PLACE'):
        time.sleep(0.05)
";

const SETUP: &str = "
from setuptools import setup
setup(
    name='acme.single',
    version='0.1.dev0',
    packages=['acme.single'],
    package_dir={'': 'src'},
    entry_points={'zc.buildout': ['default = acme.single.recipe:Recipe']},
)
";

const RECIPE: &str = "

class Recipe:
    def __init__(self, *arguments):
        pass

    def install(self):
        return []
";

/// `fixtures/single` as an egg that is a recipe, too: both its build and its use can hang.
fn hanging() -> Project {
    let project = Project::from_fixture("single");
    let root = project.sandbox.root().display().to_string();
    let hang = |place: &str| HANG.replace("ROOT", &root).replace("PLACE", place);
    fs::remove_file(project.directory.join("pyproject.toml")).unwrap();
    project.write("setup.py", &(hang("build") + SETUP));
    project.write("src/acme/single/recipe.py", &(hang("resolve") + RECIPE));
    project.edit(
        "buildout.cfg",
        "parts = app\n",
        "parts = app hang\n\n[hang]\nrecipe = acme.single\n",
    );
    let project = project.add_stage_and_commit();
    project.hostout(&["init"]).exits(0);
    project
}

fn start(project: &Project, program: &str, arguments: &[&str]) -> Running {
    let command = project.sandbox.command(program, &project.directory);
    Running::start(&project.sandbox, command, arguments)
}

/// No scratch folder and no process, ours or a child's, is left. Through git the shell may be back before we are.
#[track_caller]
fn nothing_is_left(project: &Project) {
    let begin = Instant::now();
    while !project.sandbox.processes().is_empty() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "a process is left"
        );
        thread::sleep(Duration::from_millis(20));
    }
    let left = fs::read_dir(project.sandbox.path("tmp")).unwrap();
    let left: Vec<_> = left.flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_release_is_stopped_while_an_egg_is_built_and_while_buildout_runs() {
    let project = hanging();
    let before = refs(&project.sandbox, &project.directory);
    let hangs = project.sandbox.path("hangs");
    for place in ["build", "resolve"] {
        let hang = project.sandbox.path(&format!("hang-{place}"));
        fs::write(&hang, "").unwrap();
        for signal in ["INT", "TERM", "HUP"] {
            let mut release = start(&project, "git-hostout", &["release", "--yes"]);
            release.until("it hangs", || hangs.exists()).signal(signal);
            release.end().exits(130).says(&[
                "error: interrupted",
                "Nothing was released; what was live is live. Next: git hostout release",
            ]);
            nothing_is_left(&project);
            fs::remove_file(&hangs).unwrap();
        }
        // As a terminal does it: git and we get it at once, and git forwards it.
        let mut release = start(&project, "git", &["hostout", "release", "--yes"]);
        release
            .until("it hangs", || hangs.exists())
            .signal_all("INT");
        let ended = release.end();
        assert!(ended.interrupted(), "{ended}");
        nothing_is_left(&project);
        fs::remove_file(&hangs).unwrap();
        fs::remove_file(&hang).unwrap();
    }
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    project.hostout(&["resume"]).exits(0).says(&["nothing"]);
    project.hostout(&["release", "--yes"]).exits(0);

    // What rebuilds a release is stopped like what makes one.
    let hang = project.sandbox.path("hang-build");
    fs::write(&hang, "").unwrap();
    let mut verify = start(&project, "git-hostout", &["verify", "--rebuild"]);
    verify.until("it hangs", || hangs.exists()).signal("INT");
    verify
        .end()
        .exits(130)
        .says(&["Nothing was changed", "git hostout verify"]);
    nothing_is_left(&project);
    fs::remove_file(&hang).unwrap();
    project.hostout(&["verify", "--rebuild"]).exits(0);
}

#[test]
fn a_release_is_stopped_while_the_configuration_is_read() {
    let project = Project::single();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/more.cfg", server.local_addr().unwrap());
    project.edit(
        "buildout.cfg",
        "[buildout]\n",
        &format!("[buildout]\nextends = {url}\n"),
    );
    project.commit("Extend what never comes");
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    let mut release = start(&project, "git-hostout", &["release", "--yes"]);
    let (mut asking, _) = server.accept().unwrap();
    asking.read_exact(&mut [0; 3]).unwrap();
    release.signal("INT");
    release.end().exits(130).says(&["Nothing was released"]);
    nothing_is_left(&project);
    assert_eq!(refs(&project.sandbox, &project.directory), before);

    let answering = thread::spawn(move || {
        for asking in server.incoming() {
            let mut asking = asking.unwrap();
            let answer = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
            // Whoever asked may be gone.
            asking
                .read(&mut [0; 1024])
                .and_then(|_| asking.write_all(answer))
                .ok();
        }
    });
    project.hostout(&["release", "--yes"]).exits(0);
    assert!(!answering.is_finished());
}

#[test]
fn a_push_that_is_stopped_leaves_a_whole_release_that_resume_pushes() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let remote = project.sandbox.path("remote.git");
    let name = remote.display().to_string();
    project.git(&["init", "--quiet", "--bare", &name]);
    project.git(&["remote", "add", "origin", &name]);
    let pushing = project.sandbox.path("pushing");
    let hook = remote.join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(
        &hook,
        format!("#!/bin/sh\n: > '{}'\nsleep 600\n", pushing.display()),
    )
    .unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();

    let mut release = start(&project, "git-hostout", &["release", "--yes"]);
    release
        .until("it pushes", || pushing.exists())
        .signal("INT");
    release.end().exits(130).says(&[
        "interrupted while origin was told",
        "The release is whole here; origin may have it or not. Next: git hostout resume",
    ]);
    nothing_is_left(&project);
    assert_eq!(project.git(&["tag"]), "v0.1.0");
    assert_eq!(project.sandbox.git(&remote, &["for-each-ref"]), "");

    fs::remove_file(&hook).unwrap();
    project.hostout(&["resume", "--yes"]).exits(0);
    assert_eq!(project.sandbox.git(&remote, &["tag"]), "v0.1.0");
    project.hostout(&["verify"]).exits(0);
}

#[test]
fn a_question_is_answered_with_ctrl_c() {
    let project = Project::single();
    project.hostout(&["init"]).exits(0);
    let before = refs(&project.sandbox, &project.directory);
    at_a_terminal(
        &project.sandbox,
        &project.directory,
        &["release"],
        "Release it? [Y/n]",
        CTRL_C,
    )
    .exits(130)
    .says(&["\nerror: interrupted\nNothing was released; what was live is live."]);
    nothing_is_left(&project);
    assert_eq!(refs(&project.sandbox, &project.directory), before);
    at_a_terminal(
        &project.sandbox,
        &project.directory,
        &["release"],
        "Release it? [Y/n]",
        "y\n",
    )
    .exits(0)
    .says(&["Released single 0.1.0 (tag v0.1.0)."]);
}

#[test]
fn a_release_below_nohup_outlives_its_terminal() {
    let project = hanging();
    let hang = project.sandbox.path("hang-build");
    let hangs = project.sandbox.path("hangs");
    fs::write(&hang, "").unwrap();
    let arguments = ["git-hostout", "release", "--yes"];
    let mut release = start(&project, "nohup", &arguments);
    release.until("it hangs", || hangs.exists()).signal("HUP");
    fs::remove_file(&hang).unwrap();
    release.end().exits(0);
    assert_eq!(project.git(&["tag"]), "v0.1.0");
}

#[test]
fn an_end_that_cannot_be_signed_is_told_later_and_what_is_live_decides() {
    let project = Project::released_single();
    let key = project.sandbox.path("home/.ssh/id_ed25519");
    let away = key.with_extension("away");
    let script = format!("mv {} {}", key.display(), away.display());
    let hook = format!("\n[hooks]\nbefore-stop = [\"sh\", \"-c\", \"{script}\"]\n");
    project.write("hostout.toml", &(project.read("hostout.toml") + &hook));
    project.commit("Take the key away");
    project.hostout(&["release", "0.1.1", "--yes"]).exits(0);
    let deploy = ["deploy", "local", "0.1.1", "--yes"];
    project.hostout(&deploy).exits(0).says(&[
        "cannot sign with",
        "how this deployment ended has yet to be told, which `git hostout resume` does",
        "0.1.1 (tag v0.1.1) is live on local",
    ]);
    fs::rename(&away, &key).unwrap();
    project.hostout(&["resume"]).exits(0);
    let log = project.hostout(&["log", "--json"]).exits(0).json();
    assert_eq!(log["entries"][0]["result"], "healthy", "{log}");
}
