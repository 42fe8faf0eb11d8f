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
    shells_may_say_what_they_like,
];

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

