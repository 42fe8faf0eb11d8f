//! Servers that somebody used before `git hostout bootstrap`: what runs there, and what others set.

use super::{
    bare::{BUILD, Bare, Servers, deadly},
    cases,
    machine::ssh,
    site::PATH,
};
use crate::{
    lab::{Host, Init, Lab, wait_for},
    support::Project,
};

cases![
    what_runs_goes_on_as_the_other_user,
    shells_may_say_what_they_like,
];

/// Whom the page's server runs as; nothing where none runs.
fn whose(host: &Host) -> String {
    let look = "ps -e -o user:32=,args= | awk '/[w]aitress/ { print $1; exit }'";
    host.run(&["sh", "-c", look]).trim().to_owned()
}

fn what_runs_goes_on_as_the_other_user() {
    let bare = Bare::of(Project::hello(), Lab::start_with(Init::Cron, 1), "");
    let host = bare.host();
    let key = bare.project.sandbox.path("home/.ssh/id_ed25519.pub");
    let key = std::fs::read_to_string(key).unwrap();
    let user = format!(
        "useradd -m -s /bin/sh {BUILD} && printf '%s:*\\n' {BUILD} | chpasswd -e && cd /home/{BUILD} && \
         mkdir .ssh && printf '%s' \"$1\" > .ssh/authorized_keys && chown -R {BUILD}: . && install -d -o {BUILD} {PATH}"
    );
    host.run(&["sh", "-c", &user, "sh", &key]);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(whose(host), BUILD);
    let answers = |user: &str| {
        let page = || host.page(bare.project.port);
        let page = wait_for(page).unwrap_or_default();
        assert!(page.contains("Hello, world!"), "{page}");
        assert_eq!(whose(host), user);
        bare.is_healthy_again();
    };
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&[
            &format!("stop what is live at {PATH}, until it starts again as hello-run"),
            &format!("start what is live at {PATH} as hello-run"),
        ]);
    answers("hello-run");
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&["nothing is to be made"]);

    let rename = |old: &str, new: &str| {
        bare.project.edit("hostout.toml", old, new);
        bare.project.commit("Rename the runtime user");
    };
    rename("hello-run", "hello-one");
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    answers("hello-one");

    // Cut when all is stopped, before the line of sudoers and behind it; then the machine starts anew, too.
    for (old, new, command, starts) in [
        ("hello-one", "hello-two", "visudo", false),
        ("hello-two", "hello-three", "mv", false),
        ("hello-three", "hello-four", "mv", true),
    ] {
        rename(old, new);
        deadly(host, command);
        bare.hostout(&["bootstrap", "far", "--yes"]).exits(21);
        assert_eq!(whose(host), "", "it is stopped");
        if starts {
            host.power_cycle();
        }
        bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
        answers(new);
    }
    host.run(&["visudo", "-c"]);
}

fn shells_may_say_what_they_like() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    let first = "cp ~/.bashrc /tmp/rc 2> /dev/null; { echo 'printf Welcome'; cat /tmp/rc; } > ~/.bashrc; chsh -s /bin/bash";
    host.run(&["sh", "-c", first]);
    let mut noisy = ssh(&servers.lab, &["root@web1", "true"]);
    assert_eq!(noisy.output().unwrap().stdout, b"Welcome");
    servers.bootstrap("s1").exits(0);
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);
    servers
        .run(&["bootstrap", "s1", "--root-user", "deploy", "--yes"], &[])
        .exits(0);
}

