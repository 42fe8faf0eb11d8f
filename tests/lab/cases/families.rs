//! Bare servers of other families than Debian with systemd: with `OpenRC`, with dnf, with the small tools of busybox. They
//! are as real as Debian's packages of these make them; the packages lie in the image. Of apk there is none, so that only
//! its words are seen.

use super::{
    bare::{BUILD, Bare, Servers},
    cases,
    machine::ssh,
    site::PATH,
};
use crate::lab::{Host, Init, Lab, wait_for};
use hostout::host::{STEPS, Wanted};

cases![
    openrc_starts_what_is_live,
    dnf_installs_what_is_missing,
    small_tools_are_enough,
    locked_users_are_unlocked,
];

fn sh(host: &Host, script: &str) -> String {
    host.run(&["sh", "-c", script])
}

fn openrc_starts_what_is_live() {
    let bare = Bare::new(Lab::start_with(Init::OpenRc, 1), "");
    let host = bare.host();
    let bootstrap = || bare.hostout(&["bootstrap", "far", "--hardening", "--yes"]);
    let runs_local = || sh(host, "rc-update show default").contains(" local |");
    bare.hostout(&["bootstrap", "far", "--dry-run"])
        .exits(0)
        .says(&[
            "MB of memory, openrc",
            "/etc/local.d/git-hostout-hello-far.start: start what is live at boot",
        ]);
    assert!(!runs_local(), "a dry run");
    let accepts = || {
        let words = ["-o", "PubkeyAuthentication=no", "-o", "BatchMode=yes"];
        let login = ssh(&bare.lab, &[&words[..], &["root@web1", "true"]].concat()).output();
        String::from_utf8(login.unwrap().stderr).unwrap()
    };
    assert!(accepts().contains("(publickey,password"), "{}", accepts());
    bootstrap().exits(0);
    assert!(runs_local());
    assert!(accepts().contains("(publickey)"), "{}", accepts());
    bootstrap().exits(0).says(&["nothing is to be made"]);

    // Cut off between two commands, and an sshd that somebody else has started.
    sh(
        host,
        "rc-update del local default; rm /etc/ssh/sshd_config.d/00-git-hostout.conf; rc-service sshd reload; \
         rc-service sshd zap",
    );
    assert!(!runs_local());
    bootstrap().exits(0);
    assert!(runs_local());
    assert!(accepts().contains("(publickey)"), "{}", accepts());

    bare.project.commit("Name the runtime user");
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    for _ in 0..2 {
        host.power_cycle();
        let page = || host.page(bare.project.port);
        assert!(wait_for(page).is_some_and(|page| page.contains("Hello")));
    }
    sh(host, "rc-service local status");
    let seen = sh(host, "ps -o user:32= -C supervisord");
    assert_eq!(seen.trim_end(), "hello-run");
    bare.is_healthy_again();
}

fn dnf_installs_what_is_missing() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    sh(host, include_str!("../dnf.sh"));
    let slow = |command: &str| {
        sh(
            host,
            &format!("rm -f /run/slow; {command} > /run/slow.log 2>&1 &"),
        );
        let began = wait_for(|| host.has("/run/slow")().then_some(()));
        assert!(began.is_some(), "{}", host.read("/run/slow.log"));
    };

    servers.bootstrap("s1").exits(21).says(&[
        "packages:",
        "no enabled repositories",
        "is a package mirror reachable from there? see /etc/yum.repos.d",
    ]);
    let repository =
        "printf '[lab]\\nname=lab\\nbaseurl=%s\\ngpgcheck=0\\n' \"$1\" > /etc/yum.repos.d/lab.repo";
    let serve = |address: &str| host.run(&["sh", "-c", repository, "sh", address]);
    // dnf passes over what does not answer.
    serve("http://127.0.0.1:9");
    servers.bootstrap("s1").exits(21).says(&[
        "Unable to find a match: python3",
        "is a package mirror reachable from there? see /etc/yum.repos.d",
    ]);
    serve("file:///srv/repository");
    sh(host, "dnf -q clean all");

    slow("dnf -y install slow");
    servers.bootstrap("s1").exits(0).says(&[
        "dnf installs python3 sudo logrotate",
        "dnf (process",
        "holds the lock of rpm; waiting",
    ]);
    sh(host, "rpm -q python3 sudo logrotate slow");
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);

    // A library that wheels link is asked for by what its package provides; rpm itself would not wait.
    let wanted = Wanted {
        python: "python3".to_owned(),
        libraries: vec!["libc.so.6".to_owned(), "libpq.so.5".to_owned()],
        ..Wanted::default()
    };
    sh(host, "rpm -e slow");
    slow("rpm -i /srv/repository/*/slow-*.rpm");
    let apply = || servers.script(1, &wanted, &["packages"]);
    let said = apply();
    assert!(
        said.contains("dnf installs libpq.so.5()(64bit)\nwait\trpm (process "),
        "{said}"
    );
    assert!(said.ends_with("done\tpackages\nend\tok\n"), "{said}");
    sh(host, "rpm -q postgresql-libs");
    assert_eq!(apply(), "end\tok\n");

    // The newest python that there is may be too old.
    let old = "printf '#!/bin/sh\\n[ \"$1\" = -V ] && echo Python 3.6.8 && exit\\nexit 1\\n' > /srv/python3; \
               rpm -e python3; printf '#!/bin/sh\\nln -s /srv/python3 /usr/bin\\n' > /usr/local/sbin/dnf; \
               chmod 755 /srv/python3 /usr/local/sbin/dnf";
    sh(host, old);
    servers.bootstrap("s1").exits(21).says(&[
        "packages: its python3 is too old: Python 3.6.8; 3.9 is the least",
        "install a newer one there, and name it as python of the stage",
    ]);
}

/// Debian's busybox has no `adduser`, `su` and `chpasswd`: those that run are Debian's.
fn small_tools_are_enough() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    let tools = "dpkg --force-unsafe-io --install /srv/openrc/busybox_*.deb; rm /sbin/runuser; \
                 for tool in $(busybox --list); do \
                 case $tool in dpkg* | rpm* | run-parts | start-stop-daemon) ;; \
                 *) ln -s /bin/busybox /usr/local/sbin/$tool;; esac; done";
    sh(host, tools);
    assert!(sh(host, "readlink /proc/self/exe").contains("busybox"));
    let wanted = Wanted {
        project: "shop".to_owned(),
        stage: "live".to_owned(),
        build: "whoever-deploys".to_owned(),
        runtime: "whoever-runs-it".to_owned(),
        path: PATH.to_owned(),
        python: "python3".to_owned(),
        shared: vec!["var".to_owned()],
        key: "ssh-ed25519 AAAAsome somebody".to_owned(),
        ..Wanted::default()
    };
    sh(
        host,
        "rm /usr/bin/apt-get; mv /usr/sbin/logrotate /srv; mkdir -p /lib/apk/db; \
         printf '#!/bin/sh\necho \"$*\" >> /run/apk.log\n[ $4 = update ] || mv /srv/logrotate /usr/sbin\n' > /usr/local/sbin/apk; \
         chmod 755 /usr/local/sbin/apk; sleep 15 9>> /lib/apk/db/lock > /dev/null 2>&1 &",
    );
    let apply = || servers.script(1, &wanted, &STEPS);
    let said = apply();
    assert!(
        said.starts_with("begin\tpackages\tapk installs logrotate\nwait\tsleep (process "),
        "{said}"
    );
    assert_eq!(
        host.read("/run/apk.log"),
        "--quiet --wait 600 update\n--quiet --wait 600 add logrotate\n"
    );
    assert!(said.ends_with("done\trotate\nend\tok\n"), "{said}");
    assert_eq!(apply(), "end\tok\n");
}

/// sshd without PAM, as Alpine has it, lets nobody in who is locked, as users are who were made and given no password.
fn locked_users_are_unlocked() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    sh(
        host,
        &format!(
            "echo 'UsePAM no' > /etc/ssh/sshd_config.d/00.conf; kill -HUP $(cat /run/sshd.pid); useradd -m {BUILD}"
        ),
    );
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&[&format!("user {BUILD}, who deploys, locked no more")]);
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);
    sh(host, &format!("usermod -p '!$6$word' {BUILD}"));
    servers.bootstrap("s1").exits(11).says(&[
        &format!("user {BUILD} is there, and locked by somebody"),
        &format!("passwd -u {BUILD}"),
    ]);
}
