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
    two_projects_do_not_share_a_name,
    locks_of_apt_are_waited_for,
    passwords_end_wherever_they_were_let_in,
    sudo_may_want_a_terminal,
    shells_may_say_what_they_like,
    nothing_runs_on_noexec,
    expired_passwords_of_who_deploys,
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
        let groups = format!("stat -c %G {PATH}/shared {PATH}/shared/var {PATH}/backups | sort -u");
        assert_eq!(host.run(&["sh", "-c", &groups]).trim(), user);
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

fn two_projects_do_not_share_a_name() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    servers.bootstrap("s1").exits(0);
    let before = host.read("/etc/cron.d/git-hostout-single-s1");
    let place = |old: &str, new: &str| servers.project.edit("hostout.toml", old, new);
    place(PATH, "/srv/other");
    servers.bootstrap("s1").exits(11).says(&[
        &format!("/etc/cron.d/git-hostout-single-s1 is of a stage at {PATH}, and this one is at /srv/other"),
        "where that is another project, name this stage otherwise; where this stage moved from there, add --moved",
    ]);
    assert_eq!(host.read("/etc/cron.d/git-hostout-single-s1"), before);
    // A dash in one name is as good as one in the other.
    place("name = \"single\"", "name = \"single-s1\"");
    servers
        .project
        .add_stage_on(&[&format!("{BUILD}@web1")], "a-b", "/srv/ab", "");
    servers.bootstrap("a-b").exits(0);
    place("name = \"single-s1\"", "name = \"single\"");
    servers
        .project
        .add_stage_on(&[&format!("{BUILD}@web1")], "s1-a-b", "/srv/ab2", "");
    servers
        .bootstrap("s1-a-b")
        .exits(11)
        .says(&["is of a stage at /srv/ab, and this one is at /srv/ab2"]);

    servers
        .run(&["bootstrap", "s1", "--moved", "--yes"], &[])
        .exits(0)
        .says(&[&format!(
            "start what is live at boot, and no more what is at {PATH}"
        )]);
    let now = host.read("/etc/cron.d/git-hostout-single-s1");
    assert!(now.contains("/srv/other/.hostout/agent"), "{now}");
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);

    // Of what is gone nothing is lost.
    host.run(&["rm", "-r", "/srv/other"]);
    place("/srv/other", PATH);
    servers.bootstrap("s1").exits(0);
    assert_eq!(host.read("/etc/cron.d/git-hostout-single-s1"), before);
}

fn locks_of_apt_are_waited_for() {
    let servers = Servers::new(2);
    let host = servers.lab.host(0);
    host.remove_python();
    host.use_mirror();
    // As apt itself locks: fcntl(2), not flock(2)
    let lock = "perl -e 'use Fcntl; my $lock = pack(\"s s x4 q q i\", F_WRLCK, 0, 0, 0, 0); \
                open F, \">>\", \"/var/lib/apt/lists/lock\"; fcntl(F, F_SETLK, $lock) or exit 1; \
                open G, \">\", \"/run/locked\"; sleep 1 until -e \"/run/go\"' > /dev/null 2>&1 &";
    host.run(&["sh", "-c", lock]);
    assert!(wait_for(|| host.has("/run/locked")().then_some(())).is_some());
    let mut waiting = servers.start("s1", &[]);
    waiting.until_it_says("holds the lock of apt's lists; waiting");
    host.run(&["touch", "/run/go"]);
    waiting.end().exits(0).says(&["perl (process"]);

    let host = servers.lab.host(1);
    host.remove_python();
    host.use_mirror();
    host.run(&["touch", "/var/lib/dpkg/updates/0001"]);
    let run = servers
        .bootstrap("s2")
        .exits(21)
        .says(&["dpkg was cut off there before; as root there: dpkg --configure -a"]);
    assert!(!run.to_string().contains("package mirror"), "{run}");
    host.run(&["rm", "/var/lib/dpkg/updates/0001"]);
    // What the lists lack, because they could not be had, is told with why.
    host.run(&[
        "sh",
        "-c",
        "echo 'deb [trusted=yes] file:/srv/nowhere ./' > /etc/apt/sources.list",
    ]);
    servers.bootstrap("s2").exits(21).says(&[
        "file:/srv/nowhere",
        "is a package mirror reachable from there? see /etc/apt/sources.list",
    ]);
}

fn passwords_end_wherever_they_were_let_in() {
    let servers = Servers::new(2);
    let set = |number: usize, file: &str| {
        let block = format!(
            "printf 'Match Address 0.0.0.0/0\\n    PasswordAuthentication yes\\n' > /etc/ssh/sshd_config.d/{file} && \
             kill -HUP $(cat /run/sshd.pid)"
        );
        servers.lab.host(number - 1).run(&["sh", "-c", &block]);
    };
    let harden = |stage: &str| servers.run(&["bootstrap", stage, "--hardening", "--yes"], &[]);
    let settings = |number: usize| {
        let ask = "/usr/sbin/sshd -T -C user=deploy,host=somewhere,addr=192.0.2.7";
        servers.lab.host(number - 1).run(&["sh", "-c", ask])
    };
    set(1, "90.conf");
    harden("s1").exits(0).says(&[
        "sshd takes keys only, no passwords",
        "also where /etc/ssh/sshd_config.d/90.conf:2 lets them in",
    ]);
    assert!(settings(1).contains("passwordauthentication no"));
    harden("s1").exits(0).says(&["nothing is to be made"]);
    let mut login = ssh(
        &servers.lab,
        &["-o", "PubkeyAuthentication=no", "deploy@web1", "true"],
    );
    let said = String::from_utf8(login.output().unwrap().stderr).unwrap();
    assert!(!said.contains("password"), "{said}");

    // One that comes before ours counts more: nothing is claimed that isn't so.
    set(2, "00-a.conf");
    harden("s2")
        .exits(11)
        .says(&[
            "/etc/ssh/sshd_config.d/00-a.conf:2 lets passwords in, and counts more than what would be written",
            "take that line out there, or leave --hardening out",
        ]);
    assert!(settings(2).contains("passwordauthentication yes"));
}

fn sudo_may_want_a_terminal() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    // Where it counts more than anything that is included
    host.run(&["sh", "-c", "echo 'Defaults requiretty' >> /etc/sudoers"]);
    servers
        .run(&["bootstrap", "s1", "--root-user", "deploy", "--yes"], &[])
        .exits(20)
        .says(&[
            "sudo says: sudo: sorry, you must have a tty to run sudo",
            "`Defaults requiretty` of its sudoers is in the way: write `Defaults:deploy !requiretty` at its end with \
             visudo, or let root log in",
        ]);
    servers.bootstrap("s1").exits(21).says(&[
        "sudo wants a terminal of shipper: Defaults requiretty stands behind what includes /etc/sudoers.d",
        "move Defaults requiretty ahead of that line of /etc/sudoers, with visudo",
    ]);
    // Where distributions had it
    host.run(&[
        "sh",
        "-c",
        "sed -i '$d; 1i Defaults requiretty' /etc/sudoers",
    ]);
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["Defaults:shipper !requiretty"]);
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);
    host.run(&["visudo", "-c"]);
    host.run(&[
        "runuser",
        "-u",
        BUILD,
        "--",
        "setsid",
        "sudo",
        "-n",
        "-u",
        "single-run",
        "true",
    ]);
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

fn nothing_runs_on_noexec() {
    let bare = Bare::new(Lab::start(1), "");
    let host = bare.host();
    host.run(&["mount", "-t", "tmpfs", "-o", "noexec", "srv", "/srv"]);
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(11)
        .says(&[
            &format!(
                "{PATH} is on a file system that is mounted noexec: no program there can be run"
            ),
            "mount it without noexec, or name another path for the stage",
        ]);
    host.run(&["mount", "-o", "remount,exec", "/srv"]);
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    bare.project.commit("Name the runtime user");
    host.run(&["mount", "-o", "remount,noexec", "/srv"]);
    bare.hostout(&["deploy", "far", "--yes"]).exits(11).says(&[
        &format!("{PATH} is on a file system that is mounted noexec: no program there can be run"),
        "mount it without noexec, or name another path for the stage",
    ]);
    host.run(&["mount", "-o", "remount,exec", "/srv"]);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
}

fn expired_passwords_of_who_deploys() {
    let servers = Servers::new(3);
    let sh = |number: usize, script: &str| servers.lab.host(number - 1).run(&["sh", "-c", script]);
    // A password that nobody has
    sh(1, "useradd -m -s /bin/sh shipper && chage -d 0 shipper");
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["user shipper, who deploys, whose password expires no more"]);
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);

    sh(
        2,
        "useradd -m -s /bin/sh shipper && echo shipper:Zebra-77 | chpasswd && chage -d 2020-01-01 -M 90 shipper",
    );
    servers.bootstrap("s2").exits(11).says(&[
        "the password of shipper has expired, so that nobody gets in as them",
        "change it there: passwd shipper; where only keys are used: chage -d -1 -M -1 shipper",
    ]);
    sh(2, "chage -d -1 -M -1 shipper");
    servers.bootstrap("s2").exits(0);

    // A login that is no good
    sh(
        3,
        "printf '#!/bin/sh\\necho closed for repairs >&2\\nexit 7\\n' > /bin/closed && chmod 755 /bin/closed && \
         useradd -m -s /bin/closed shipper",
    );
    servers.bootstrap("s3").exits(21).says(&[
        "it was made ready, but nothing can be run there as shipper: closed for repairs",
        "git hostout bootstrap s3, which goes on",
    ]);
    // One that is content with everything
    sh(3, "printf '#!/bin/sh\nexit 0\n' > /bin/closed");
    servers
        .bootstrap("s3")
        .exits(21)
        .says(&["nothing can be run there as shipper: nothing is said"]);
    sh(3, "usermod -s /bin/true shipper");
    servers
        .bootstrap("s3")
        .exits(11)
        .says(&["user shipper is there, and may not log in: the shell is /bin/true"]);
}
