//! Bare servers become hosts: `git hostout bootstrap`, from a machine with sshd only to a served page, and what may stand
//! in its way.

use super::{Need, cases, machine::ssh, site::PATH};
use crate::{
    lab::{Host, Init, Lab},
    support::{Project, Run, Running, conversation},
};
use hostout::host::{Elevation, Wanted};
use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio};

cases![
    a_bare_server_serves_a_page,
    the_first_deployment_offers_it,
    a_bootstrap_that_is_cut_off_goes_on,
    two_people_at_once_wait_for_each_other,
    ctrl_c_ends_a_bootstrap_after_the_step_that_runs,
    a_second_ctrl_c_leaves_a_bootstrap_at_once,
    a_password_that_has_expired_is_changed_at_a_terminal,
    logins_that_are_not_as_they_should_be,
    keys_are_proved,
    machines_that_are_not_as_they_should_be,
    nobody_becomes_root_by_another_name,
    nobody_gets_rights_of_root_by_a_group,
    root_follows_no_link_of_who_deploys,
    root_goes_no_way_that_who_deploys_may_change,
    root_runs_no_program_of_who_deploys,
    data_is_given_away_as_far_as_it_is_theirs,
    services_get_to_their_folders,
    users_who_were_removed_come_back_to_what_was_theirs,
    no_two_projects_run_as_one_user,
    the_path_may_be_there,
    data_is_backed_up_and_put_back_by_its_owner;
    Need::Systemd; systemd_starts_what_is_live,
];

/// Who deploys, in these tests: nobody the image knows.
pub const BUILD: &str = "shipper";

/// A released project with the stage `far` on `shipper@web1`, where nobody knows that user yet.
pub struct Bare {
    pub project: Project,
    pub lab: Lab,
}

impl Bare {
    pub fn new(lab: Lab, more: &str) -> Self {
        Self::of(Project::hello(), lab, more)
    }

    pub fn of(project: Project, lab: Lab, more: &str) -> Self {
        project.add_stage_on(&[&format!("{BUILD}@web1")], "far", PATH, more);
        project.commit("Deploy to a server");
        let bare = Self { project, lab };
        bare.hostout(&["init"]).exits(0);
        bare.hostout(&["release", "--yes"]).exits(0);
        bare
    }

    pub fn host(&self) -> &Host {
        self.lab.host(0)
    }

    pub fn hostout(&self, arguments: &[&str]) -> Run {
        self.hostout_with(arguments, &[])
    }

    /// The same in another clone.
    pub fn hostout_in(&self, clone: &Path, arguments: &[&str]) -> Run {
        let config = own_key(&self.project, &self.lab);
        let variables = [("HOSTOUT_SSH_CONFIG", &*config)];
        self.project
            .sandbox
            .hostout_with(clone, arguments, &variables)
    }

    fn hostout_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let config = own_key(&self.project, &self.lab);
        let variables = [&[("HOSTOUT_SSH_CONFIG", &*config)], variables].concat();
        let project = &self.project;
        project
            .sandbox
            .hostout_with(&project.directory, arguments, &variables)
    }

    /// Waits until the services count as running, which supervisor says a second after they answer.
    pub fn is_healthy_again(&self) {
        let look = || self.hostout(&["status", "far", "--exit-code"]);
        let healthy = crate::lab::wait_for(|| look().succeeded().then_some(()));
        assert!(healthy.is_some(), "{}", look());
    }
}

/// The lab's ssh configuration, in which whoever deploys logs in by a key of their own.
fn own_key(project: &Project, lab: &Lab) -> String {
    let key = project.sandbox.path("home/.ssh/id_ed25519");
    let config = lab.config_with_key(BUILD, &key, &project.sandbox.path("ssh_config"));
    config.display().to_string()
}

/// What a bootstrap has made, as text: users, groups, files with their owners and modes.
fn made(host: &Host, runtime: &str) -> String {
    let look = format!(
        "getent passwd {BUILD} {runtime}; getent group {BUILD} {runtime}; id {BUILD}; cat {PATH}/.hostout/runtime; \
         stat -c '%A %U %G %n' {PATH} {PATH}/shared {PATH}/shared/var {PATH}/backups /etc/sudoers.d/* /home/{BUILD}/.ssh/* \
         /etc/cron.d/* /etc/logrotate.d/git*; cat /home/{BUILD}/.ssh/authorized_keys /etc/sudoers.d/git-hostout-* \
         /etc/logrotate.d/git-hostout-* /etc/cron.d/git-hostout-*"
    );
    String::from_utf8(host.exec(&["sh", "-c", &look]).stdout).unwrap()
}

fn a_bare_server_serves_a_page() {
    let bare = Bare::new(Lab::start_with(Init::Cron, 1), "");
    let host = bare.host();
    host.use_mirror();
    host.remove_python();
    let plan = bare.hostout(&["bootstrap", "far", "--dry-run"]).exits(0);
    assert!(plan.stdout.contains("apt-get installs python3"), "{plan}");
    plan.says(&[
        "user shipper, who deploys",
        "shipper ALL=(hello-run:hello-run) NOPASSWD: ALL",
        "that shipper logs in by a key",
        "runtime-user = \"hello-run\"",
    ]);
    assert!(host.exec(&["id", BUILD]).stdout.is_empty(), "a dry run");
    bare.hostout(&["deploy", "far", "--yes"])
        .exits(20)
        .says(&["login as shipper was refused"]);

    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&[
            "hostout.toml names runtime-user now: commit it",
            "The servers of far are ready. Next: git hostout deploy far",
        ]);
    let first = made(host, "hello-run");
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&["The servers of far are ready: nothing is to be made."]);
    assert_eq!(made(host, "hello-run"), first);
    host.run(&["visudo", "-c"]);
    host.run(&["logrotate", "--debug", "/etc/logrotate.conf"]);
    assert!(
        bare.project
            .read("hostout.toml")
            .contains("runtime-user = \"hello-run\"")
    );
    bare.project.commit("Name the runtime user");

    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    let page = || host.page(bare.project.port);
    assert!(page().unwrap().contains("Hello, world!"));
    // Services run as the runtime user, who may write only what survives releases.
    let who = "ps -o user:32= -C supervisord; ps -e -o user:32=,args= | grep [w]aitress";
    let seen = host.run(&["sh", "-c", who]);
    assert!(
        seen.lines().all(|line| line.starts_with("hello-run")),
        "{seen}"
    );
    assert!(seen.lines().count() > 1, "{seen}");
    let writable = format!(
        "find {PATH} -user hello-run -prune -o -type d -writable -print 2> /dev/null; true"
    );
    let writable = host.run(&["runuser", "-u", "hello-run", "--", "sh", "-c", &writable]);
    let allowed = [format!("{PATH}/backups"), format!("{PATH}/shared/var")];
    for folder in writable.lines() {
        assert!(
            allowed.iter().any(|allowed| folder.starts_with(allowed)),
            "{writable}"
        );
    }
    bare.hostout(&["run", "far", "--", "id", "-un"])
        .exits(0)
        .says(&["hello-run"]);
    // Somebody's clone may not name that user yet: the host knows.
    let named = bare.project.read("hostout.toml");
    let unnamed = named.replace("runtime-user = \"hello-run\"\n", "");
    assert_ne!(named, unnamed);
    bare.project.write("hostout.toml", &unnamed);
    bare.hostout(&["run", "far", "--", "id", "-un"])
        .exits(0)
        .says(&["hello-run"]);
    bare.hostout(&["logs", "far"])
        .exits(0)
        .says(&["supervisord"]);
    bare.project.write("hostout.toml", &named);
    bare.hostout(&["run", "far", "--as", "build", "--", "id", "-un"])
        .exits(0)
        .says(&["shipper"]);
    for (code, words) in [
        (127, &["no-such-command"][..]),
        (126, &["./bin"]),
        (137, &["sh", "-c", "kill -KILL $$"]),
    ] {
        bare.hostout(&[&["run", "far", "--"], words].concat())
            .exits(code);
    }
    bare.hostout(&["logs", "far"])
        .exits(0)
        .says(&["supervisord"]);

    bare.project.greet("Good day");
    bare.hostout(&["release", "--yes"]).exits(0);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert!(page().unwrap().contains("Good day, world!"));
    bare.hostout(&["rollback", "far", "--yes"]).exits(0);
    assert!(page().unwrap().contains("Hello, world!"));

    host.power_cycle();
    let up = crate::lab::wait_for(|| page().filter(|page| page.contains("Hello, world!")));
    assert!(up.is_some(), "cron starts what is live");
    bare.is_healthy_again();
}

/// Servers of one lab, each the only one of a stage of its name, for bootstraps without any release.
pub struct Servers {
    pub project: Project,
    pub lab: Lab,
}

impl Servers {
    pub fn new(count: u8) -> Self {
        let lab = Lab::start_with(Init::Cron, count);
        let project = Project::single();
        for number in 1..=count {
            let place = format!("{BUILD}@web{number}");
            project.add_stage_on(&[&place], &format!("s{number}"), PATH, "");
        }
        project.commit("Deploy to servers");
        Self { project, lab }
    }

    pub fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let config = own_key(&self.project, &self.lab);
        let variables = [&[("HOSTOUT_SSH_CONFIG", &*config)], variables].concat();
        let (sandbox, directory) = (&self.project.sandbox, &self.project.directory);
        sandbox.hostout_with(directory, arguments, &variables)
    }

    pub fn bootstrap(&self, stage: &str) -> Run {
        self.run(&["bootstrap", stage, "--yes"], &[])
    }

    /// What the script says of some steps on a host, counted from 1, when root is given nothing but it.
    pub fn script(&self, number: usize, wanted: &Wanted, steps: &[&str]) -> String {
        let line = Wanted::apply(&Elevation::Root).shell_line();
        let mut child = ssh(&self.lab, &[&format!("root@web{number}"), &line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let script = wanted.script(steps);
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let (_, said) = said.split_once("\nscript\tbegins\n").expect(&said);
        said.to_owned()
    }

    pub fn start(&self, stage: &str, more: &[&str]) -> Running {
        let config = own_key(&self.project, &self.lab);
        let (sandbox, directory) = (&self.project.sandbox, &self.project.directory);
        let words = [&["bootstrap", stage, "--yes"], more].concat();
        Running::with_hosts(sandbox, directory, config.as_ref(), &words)
    }
}

/// A command of the host that does its work and then kills the script, once; for root, who alone can do that.
pub fn deadly(host: &Host, command: &str) {
    let text = format!(
        "#!/bin/sh\nPATH=/usr/sbin:/usr/bin\n[ $(id -u) = 0 ] || exec {command} \"$@\"\nrm -f \"$0\"\n{command} \"$@\"\npkill -KILL -f '^sh -s -- apply'\nexit 1\n"
    );
    let place = format!("/usr/local/sbin/{command}");
    let write = "printf '%s' \"$2\" > \"$1\" && chmod 755 \"$1\"";
    host.run(&["sh", "-c", write, "sh", &place, &text]);
}

fn the_first_deployment_offers_it() {
    let bare = Bare::new(Lab::start(1), "");
    let project = &bare.project;
    project.greet("Good day");
    let config = own_key(project, &bare.lab);
    // A dry run shows what would be made, and ends as if nobody had been asked.
    conversation(
        &project.sandbox,
        &project.directory,
        &["deploy", "far", "--dry-run"],
        &[("HOSTOUT_SSH_CONFIG", &*config)],
        &[
            ("release it first? [Y/n]", "n\n"),
            ("(Enter if there is none):", "\n"),
            ("Make it ready, as root? [Y/n]", "y\n"),
        ],
    )
    .exits(20)
    .says(&["user shipper, who deploys", "login as shipper was refused"]);
    let known = ["getent", "passwd", BUILD];
    assert!(!bare.host().exec(&known).status.success());

    let run = conversation(
        &project.sandbox,
        &project.directory,
        &["deploy", "far"],
        &[("HOSTOUT_SSH_CONFIG", &*config)],
        &[
            ("release it first? [Y/n]", "n\n"),
            ("(Enter if there is none):", "\n"),
            ("Make it ready, as root? [Y/n]", "y\n"),
            ("Make it so? [Y/n]", "y\n"),
            ("Deploy it? [Y/n]", "y\n"),
        ],
    )
    .exits(0);
    let run = run.says(&[
        "User 'shipper' not found or unable to connect to shipper@web1. Make it ready, as root?",
        "hello 0.1.0 (tag v0.1.0) is live on far.",
    ]);
    // That was settled before.
    let asked = run.stdout.matches("release it first?").count();
    assert_eq!(asked, 1, "{run}");
    let page = bare.host().page(project.port);
    assert!(page.unwrap().contains("Hello, world!"));
}

fn a_bootstrap_that_is_cut_off_goes_on() {
    // What the script calls in its steps, first of all in some one of them.
    let commands = [
        "groupadd", "useradd", "chpasswd", "usermod", "mkdir", "mv", "chown", "chmod", "visudo",
    ];
    let servers = Servers::new(u8::try_from(commands.len()).unwrap() + 1);
    let last = servers.lab.host(commands.len());
    servers
        .bootstrap(&format!("s{}", commands.len() + 1))
        .exits(0);
    let whole = made(last, "single-run");
    assert!(
        whole.contains("shipper ALL=(single-run:single-run) NOPASSWD: ALL"),
        "{whole}"
    );
    for (index, command) in commands.into_iter().enumerate() {
        let (host, stage) = (servers.lab.host(index), format!("s{}", index + 1));
        deadly(host, command);
        servers.bootstrap(&stage).exits(21).says(&[
            "the script ended before its end",
            &format!("git hostout bootstrap {stage}, which goes on"),
        ]);
        servers.bootstrap(&stage).exits(0).says(&[&format!(
            "The servers of {stage} are ready. Next: git add hostout.toml && git commit, git hostout release, then git hostout \
             deploy {stage}"
        )]);
        let number = format!("-s{}", commands.len() + 1);
        let now = made(host, "single-run").replace(&format!("-{stage}"), &number);
        let now = now.replace(
            &format!("stage {stage}"),
            &format!("stage {}", &number[1..]),
        );
        assert_eq!(now, whole, "cut after {command}");
        servers
            .bootstrap(&stage)
            .exits(0)
            .says(&["nothing is to be made"]);
    }
}

/// Makes one of its commands take so many seconds, once.
fn slow(host: &Host, seconds: u8) {
    let text = format!(
        "#!/bin/sh\nrm -f \"$0\"\ntouch /run/slow\nsleep {seconds}\nexec groupadd \"$@\"\n"
    );
    let write =
        "printf '%s' \"$1\" > /usr/local/sbin/groupadd && chmod 755 /usr/local/sbin/groupadd";
    host.run(&["sh", "-c", write, "sh", &text]);
}

fn two_people_at_once_wait_for_each_other() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    slow(host, 4);
    let mut first = servers.start("s1", &[]);
    first.until("slow", || {
        host.exec(&["test", "-e", "/run/slow"]).status.success()
    });
    let second = servers.bootstrap("s1").exits(0);
    second.says(&[
        "Ada Example <ada@example.org> from",
        "bootstraps this host; waiting",
    ]);
    first.end().exits(0);
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);
}

fn ctrl_c_ends_a_bootstrap_after_the_step_that_runs() {
    let servers = Servers::new(2);
    let host = servers.lab.host(0);
    slow(host, 5);
    let given = ["--root-user", "deploy", "--hosts", "*web1", "--hardening"];
    let mut stopped = servers.start("s1", &given);
    stopped.until("slow", || {
        host.exec(&["test", "-e", "/run/slow"]).status.success()
    });
    stopped.signal("INT");
    let run = stopped.end();
    assert!(run.interrupted(), "{run}");
    run.says(&[
        "the step that runs is done first. Ctrl-C again does not wait for it",
        "error: interrupted\n",
        "What was made stays; what was live is live. Next: git hostout bootstrap s1 --hosts '*web1' --hardening --root-user deploy, \
         which goes on",
    ]);
    host.run(&["getent", "group", "single-run"]);
    let sudoers = host.exec(&["test", "-e", "/etc/sudoers.d/git-hostout-single-s1"]);
    assert!(!sudoers.status.success(), "it went on");
    assert!(!servers.project.read("hostout.toml").contains("single-run"));
    servers.bootstrap("s1").exits(0);

    // While it only waits it ends at once, there too.
    let host = servers.lab.host(1);
    host.remove_python();
    host.use_mirror();
    let lock = "perl -e 'use Fcntl \":flock\"; open F, \">>\", \"/var/lib/dpkg/lock-frontend\"; flock F, LOCK_EX; sleep 60' \
                > /dev/null 2>&1 &";
    host.run(&["sh", "-c", lock]);
    let mut stopped = servers.start("s2", &[]);
    stopped.until_it_says("holds the lock of dpkg; waiting");
    let begin = std::time::Instant::now();
    stopped.signal("INT");
    let run = stopped.end();
    assert!(run.interrupted() && begin.elapsed().as_secs() < 20, "{run}");
    let look = || host.exec(&["pgrep", "-f", "^sh -s -- apply"]);
    let ended = crate::lab::wait_for(|| (!look().status.success()).then_some(()));
    assert!(
        ended.is_some() && begin.elapsed().as_secs() < 50,
        "{:?}",
        look()
    );
}

fn a_second_ctrl_c_leaves_a_bootstrap_at_once() {
    let servers = Servers::new(1);
    let host = servers.lab.host(0);
    slow(host, 20);
    let mut stopped = servers.start("s1", &["--root-user", "deploy"]);
    stopped.until("slow", || {
        host.exec(&["test", "-e", "/run/slow"]).status.success()
    });
    stopped.signal("INT");
    stopped.until_it_says("Ctrl-C again does not wait for it");
    let begin = std::time::Instant::now();
    // Signals within half a second are one.
    std::thread::sleep(std::time::Duration::from_millis(600));
    stopped.signal("INT");
    let run = stopped.end();
    assert!(run.interrupted() && begin.elapsed().as_secs() < 5, "{run}");
    run.says(&[
        "error: interrupted; shipper@web1 does what it began: group single-run\n",
        "What was made stays; what was live is live. Next: git hostout bootstrap s1 --root-user deploy, which waits for it and \
         goes on",
    ]);
    assert!(
        !host
            .exec(&["getent", "group", "single-run"])
            .status
            .success()
    );
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["bootstraps this host; waiting"]);
    host.run(&["getent", "group", "single-run"]);
    let look = || host.exec(&["pgrep", "-f", "^sh -s -- apply"]);
    assert!(crate::lab::wait_for(|| (!look().status.success()).then_some(())).is_some());
}

fn a_password_that_has_expired_is_changed_at_a_terminal() {
    let servers = Servers::new(2);
    let host = servers.lab.host(0);
    host.run(&["chage", "-d", "0", "root"]);
    let config = own_key(&servers.project, &servers.lab);
    let new = "has expired. A new one:";
    let again = "has expired. A new one, again:";
    let project = &servers.project;
    let run = conversation(
        &project.sandbox,
        &project.directory,
        &["bootstrap", "s1", "--yes"],
        &[("HOSTOUT_SSH_CONFIG", &*config)],
        &[
            (new, "Zebra-77-quagga\n"),
            (again, "Zebra-77-quogga\n"),
            (new, "x\n"),
            (again, "x\n"),
            ("Password of root", &format!("{}\n", host.password)),
            (new, "Zebra-77-quagga\n"),
            (again, "Zebra-77-quagga\n"),
        ],
    )
    .exits(0);
    let run = run.says(&["These two differ.", "root@web1 says: "]);
    assert_eq!(run.stdout.matches("Password of root").count(), 1, "{run}");

    // Whoever sudoers does not name is asked for sudo's password once, and told whose name helps.
    let host = servers.lab.host(1);
    host.run(&[
        "sh",
        "-c",
        "rm -f /etc/sudoers.d/*; gpasswd -d deploy sudo || true",
    ]);
    let prompt = "deploy's password for sudo on web2 (Enter if there is none):";
    let run = conversation(
        &project.sandbox,
        &project.directory,
        &["bootstrap", "s2", "--root-user", "deploy", "--yes"],
        &[("HOSTOUT_SSH_CONFIG", &*config)],
        &[(prompt, &format!("{}\n", host.password))],
    )
    .exits(20);
    run.says(&[
        "name root, or somebody who may use sudo: git hostout bootstrap s2 --root-user USER",
    ]);
}

fn logins_that_are_not_as_they_should_be() {
    let servers = Servers::new(10);
    let host = |number: usize| servers.lab.host(number - 1);
    let sh = |number: usize, script: &str| host(number).run(&["sh", "-c", script]);

    // Root may not log in; who may is told only by somebody who knows.
    sh(
        1,
        "echo 'PermitRootLogin no' > /etc/ssh/sshd_config.d/00.conf; kill -HUP $(cat /run/sshd.pid)",
    );
    servers.bootstrap("s1").exits(20).says(&[
        "login as root was refused",
        "git hostout bootstrap s1 --root-user USER",
    ]);
    servers
        .run(
            &["bootstrap", "s1", "--root-user", "deploy", "--dry-run"],
            &[],
        )
        .exits(0);

    // A cloud image.
    let sentence = r#"command="echo 'Please login as the user \"deploy\" rather than the user \"root\".';exit 142" "#;
    let before = "keys=$(cat /root/.ssh/authorized_keys) && printf '%s%s\\n' \"$1\" \"$keys\" > /root/.ssh/authorized_keys";
    host(2).run(&["sh", "-c", before, "sh", sentence]);
    servers
        .run(&["bootstrap", "s2", "--hardening", "--dry-run"], &[])
        .exits(20)
        .says(&[
            "root may only log in to be told to log in as deploy",
            "git hostout bootstrap s2 --hardening --root-user deploy",
        ]);

    // sudo wants a password.
    sh(3, "echo 'deploy ALL=(ALL) ALL' > /etc/sudoers.d/deploy");
    let by_sudo = ["bootstrap", "s3", "--root-user", "deploy", "--yes"];
    servers
        .run(&by_sudo, &[])
        .exits(20)
        .says(&["deploy is not root, and sudo says"]);
    servers
        .run(&by_sudo, &[("HOSTOUT_PASSWORD", "wrong")])
        .exits(20)
        .says(&[
            "give the right password (root's own, where sudoers says rootpw), or name another user: --root-user USER",
        ]);
    let password = host(3).password.clone();
    let run = servers
        .run(&by_sudo, &[("HOSTOUT_PASSWORD", &password)])
        .exits(0);
    assert!(!run.to_string().contains(&password), "{run}");
    let left = host(3).exec(&[
        "grep",
        "-r",
        &password,
        "/home",
        "/root",
        "/srv",
        "/run",
        "/etc/sudoers.d",
    ]);
    assert!(left.stdout.is_empty(), "{left:?}");

    // A password that has expired is changed over a terminal; passwords come from an askpass program here.
    sh(10, "chage -d 0 root");
    servers.bootstrap("s10").exits(20).says(&[
        "the password of root has expired and must be changed first",
        "log in once and change it",
    ]);
    let askpass = servers.project.sandbox.path("askpass");
    let password = host(10).password.clone();
    let script = format!(
        "#!/bin/sh\ncase $1 in *expired*) echo Zebra-77-quagga;; *) echo {password};; esac\n"
    );
    fs::write(&askpass, script).unwrap();
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).unwrap();
    let askpass = askpass.display().to_string();
    let variables = [("SSH_ASKPASS", &*askpass), ("SSH_ASKPASS_REQUIRE", "force")];
    servers
        .run(&["bootstrap", "s10", "--yes"], &variables)
        .exits(0);
    servers
        .bootstrap("s10")
        .exits(0)
        .says(&["nothing is to be made"]);
}

fn keys_are_proved() {
    let servers = Servers::new(3);
    let host = |number: usize| servers.lab.host(number - 1);
    let sh = |number: usize, script: &str| host(number).run(&["sh", "-c", script]);

    // Passwords end only after a key was proved.
    let hardening = ["bootstrap", "s1", "--hardening", "--yes"];
    servers
        .run(&hardening, &[])
        .exits(0)
        .says(&["sshd takes keys only, no passwords"]);
    let settings = sh(1, "/usr/sbin/sshd -T");
    assert!(settings.contains("passwordauthentication no"), "{settings}");
    servers
        .run(&hardening, &[])
        .exits(0)
        .says(&["nothing is to be made"]);

    let json = servers
        .run(&["bootstrap", "s1", "--dry-run", "--json"], &[])
        .exits(0);
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(plan["steps"], serde_json::json!([]));

    // Nor before it is known that root still gets in: by a password alone nobody would.
    sh(2, "rm /root/.ssh/authorized_keys");
    let hardening = ["bootstrap", "s2", "--hardening", "--yes"];
    let password = host(2).password.clone();
    servers
        .run(&hardening, &[("HOSTOUT_PASSWORD", &password)])
        .exits(11)
        .says(&[
            "root logs in by no key, so that without passwords nobody could become root there",
            "put a key into the authorized_keys of root first, or leave --hardening out",
        ]);
    let settings = sh(2, "/usr/sbin/sshd -T");
    assert!(
        settings.contains("passwordauthentication yes"),
        "{settings}"
    );
    assert!(host(2).exec(&["id", BUILD]).stdout.is_empty());

    // The key is there, and sshd passes it over: what was made stays. As long as it does so, no server is ready.
    sh(
        3,
        "echo 'AllowUsers root' > /etc/ssh/sshd_config.d/00.conf; kill -HUP $(cat /run/sshd.pid)",
    );
    servers.bootstrap("s3").exits(21).says(&[
        "it was made ready, but shipper cannot log in by the key",
        "sshd's log there says why (journalctl -u ssh, or /var/log/auth.log): AllowUsers and AuthorizedKeysFile in \
         sshd_config, a file /run/nologin, or a home of shipper that others may write to",
        "git hostout bootstrap s3, which goes on",
    ]);
    let text = servers.project.read("hostout.toml");
    let named = format!("{text}runtime-user = \"single-run\"\n");
    servers.project.write("hostout.toml", &named);
    for dry_run in [&[][..], &["--dry-run"]] {
        let run = servers.run(&[&["bootstrap", "s3", "--yes"], dry_run].concat(), &[]);
        let run = run.exits(21);
        let run = run.says(&["it was made ready, but shipper cannot log in by the key"]);
        assert!(!run.to_string().contains("are ready"), "{run}");
    }
    sh(
        3,
        "rm /etc/ssh/sshd_config.d/00.conf; kill -HUP $(cat /run/sshd.pid)",
    );
    servers.bootstrap("s3").exits(0);
}

fn machines_that_are_not_as_they_should_be() {
    let servers = Servers::new(8);
    let host = |number: usize| servers.lab.host(number - 1);
    let sh = |number: usize, script: &str| host(number).run(&["sh", "-c", script]);

    // The user is there with another home and another key, and so is the group.
    sh(
        4,
        "useradd -m -d /var/shipper -s /bin/sh shipper; groupadd single-run; mkdir /var/shipper/.ssh; \
           echo 'ssh-ed25519 AAAAother somebody' > /var/shipper/.ssh/authorized_keys; chown -R shipper: /var/shipper",
    );
    servers.bootstrap("s4").exits(0);
    let keys = host(4).read("/var/shipper/.ssh/authorized_keys");
    assert!(
        keys.starts_with("ssh-ed25519 AAAAother somebody\nssh-ed25519 "),
        "{keys}"
    );

    // The group of who deploys is there, and nothing else of them.
    sh(3, "groupadd shipper");
    servers.bootstrap("s3").exits(0);
    assert_eq!(sh(3, "id -gn shipper"), "shipper\n");

    // Somebody has taken the key away for a while; one with options is the same key.
    let keys = "/home/shipper/.ssh/authorized_keys";
    sh(3, &format!("sed -i 's/^/# old: /' {keys}"));
    servers.bootstrap("s3").exits(0).says(&["for shipper"]);
    let key = host(3).read(keys);
    assert!(
        key.starts_with("# old: ssh-ed25519 ") && key.contains("\nssh-ed25519 "),
        "{key}"
    );
    sh(
        3,
        &format!("sed -i '1d; s/^/no-pty,environment=\"A=b c\" /' {keys}"),
    );
    servers
        .bootstrap("s3")
        .exits(0)
        .says(&["nothing is to be made"]);

    sh(
        5,
        "mount --bind /home /home && mount -o remount,bind,ro /home",
    );
    servers
        .bootstrap("s5")
        .exits(11)
        .says(&["/home cannot be written, so that shipper can have no home there"]);

    sh(
        6,
        &format!("useradd jane; mkdir -p {PATH}; touch {PATH}/hers; chown jane {PATH}"),
    );
    servers.bootstrap("s6").exits(11).says(&[
        "/srv/hello belongs to jane, and is not empty",
        "where it is meant for this stage, give it to shipper there: useradd --create-home shipper && chown -hR --from=jane shipper \
         /srv/hello; else name another path for the stage",
    ]);

    // No mirror, and then one; meanwhile somebody holds the lock of dpkg.
    host(7).remove_python();
    servers
        .bootstrap("s7")
        .exits(21)
        .says(&["packages:", "is a package mirror reachable from there"]);
    host(7).use_mirror();
    sh(
        7,
        "perl -e 'use Fcntl \":flock\"; open F, \">>\", \"/var/lib/dpkg/lock-frontend\"; flock F, LOCK_EX; sleep 6' \
           > /dev/null 2>&1 &",
    );
    servers
        .bootstrap("s7")
        .exits(0)
        .says(&["perl (process", "holds the lock of dpkg; waiting"]);

    sh(
        8,
        "printf '#!/bin/sh\n[ \"$1\" = -V ] && echo Python 3.7.3 && exit\nexit 1\n' > /usr/local/sbin/python3; \
           chmod 755 /usr/local/sbin/python3",
    );
    servers
        .bootstrap("s8")
        .exits(11)
        .says(&["its python3 is too old: Python 3.7.3; 3.9 is the least"]);

    // A library that wheels link comes from its package.
    let wanted = Wanted {
        python: "python3".to_owned(),
        libraries: vec!["libc.so.6".to_owned(), "libpopt.so.0".to_owned()],
        ..Wanted::default()
    };
    host(4).use_mirror();
    sh(4, "dpkg --purge --force-depends logrotate libpopt0");
    let said = servers.script(4, &wanted, &["packages"]);
    assert!(
        said.contains("apt-get installs logrotate libpopt0\n") && said.ends_with("end\tok\n"),
        "{said}"
    );
    sh(4, "ldconfig -p | grep libpopt.so.0");
}

fn nobody_becomes_root_by_another_name() {
    let servers = Servers::new(2);
    let alias = |number: usize, user: &str| {
        let add = ["useradd", "-o", "-u", "0", "-g", "0", "-M", user];
        servers.lab.host(number - 1).run(&add);
    };
    alias(1, "single-run");
    servers.bootstrap("s1").exits(11).says(&[
        "user single-run, whom services would run as, has root's number, 0",
        "name another runtime-user in hostout.toml",
    ]);
    alias(2, BUILD);
    servers.bootstrap("s2").exits(11).says(&[
        "user shipper has root's number, 0",
        "name another user in hosts of hostout.toml",
    ]);
}

fn nobody_gets_rights_of_root_by_a_group() {
    let servers = Servers::new(1);
    let sh = |script: &str| servers.lab.host(0).run(&["sh", "-c", script]);
    let stage = |name: &str, build: &str, runtime: &str| {
        let runtime = format!("runtime-user = \"{runtime}\"\n");
        let place = format!("{build}@web1");
        let path = format!("/srv/{name}");
        servers
            .project
            .add_stage_on(&[&place], name, &path, &runtime);
        servers.run(&["bootstrap", name, "--dry-run"], &[])
    };
    sh(
        "groupadd docker; groupadd --non-unique --gid 0 zero; groupadd helpers; groupadd plain; \
        echo '%helpers ALL=(ALL:ALL) ALL' > /etc/sudoers.d/helpers",
    );
    // What will be docker's when that is installed one day, too
    for group in ["docker", "lxd", "adm", "zero", "helpers"] {
        stage(&format!("by-{group}"), BUILD, group)
            .exits(11)
            .says(&[
                &format!("group {group} has rights of root, or to what others keep secret"),
                "name another runtime-user in hostout.toml",
            ]);
    }
    stage("by-plain", BUILD, "plain").exits(0);
    for user in ["docker", "disk", "zero"] {
        stage(&format!("for-{user}"), user, "single-run")
            .exits(11)
            .says(&[
                &format!("user {user} would be made with group {user}, which has rights of root"),
                "name another user in hosts of hostout.toml",
            ]);
    }

    // Who is there is somebody's decision.
    sh("useradd -m -g docker admin && useradd -m -G docker,helpers,plain carol");
    stage("for-admin", "admin", "single-run").exits(0);
    stage("by-carol", BUILD, "carol").exits(0).says(&[
        "web1: carol, whom services run as, is in docker helpers: whoever breaks into a service has rights of root",
    ]);
}

fn root_follows_no_link_of_who_deploys() {
    let servers = Servers::new(3);
    let host = |number: usize| servers.lab.host(number - 1);
    let sh = |number: usize, script: &str| host(number).run(&["sh", "-c", script]);
    let shadow = sh(1, "stat -c '%U %G %a' /etc/shadow");
    sh(
        1,
        "useradd -m shipper && cd /home/shipper && mkdir .ssh && ln -s /etc/shadow .ssh/authorized_keys && \
         chown -hR shipper: .",
    );
    servers.bootstrap("s1").exits(11).says(&[
        "/home/shipper/.ssh/authorized_keys is a link to what does not belong to shipper",
        "give it to shipper or remove it there; the same command goes on",
    ]);
    // What nobody looked at beforehand
    let wanted = Wanted {
        build: BUILD.to_owned(),
        runtime: "single-run".to_owned(),
        path: PATH.to_owned(),
        shared: vec!["var".to_owned()],
        ..Wanted::default()
    };
    sh(
        1,
        "cd /home/shipper && mv .ssh/authorized_keys .ssh/link && mkdir .ssh/authorized_keys && chown -h shipper: .ssh/*",
    );
    servers.bootstrap("s1").exits(21).says(&["key: "]);
    sh(1, "cd /home/shipper && rmdir .ssh/authorized_keys");
    servers.bootstrap("s1").exits(0);
    assert_eq!(sh(1, "stat -c '%U %G %a' /etc/shadow"), shadow);

    sh(
        2,
        "useradd -m shipper && ln -s /etc/cron.d /home/shipper/.ssh && chown -h shipper: /home/shipper/.ssh",
    );
    servers
        .bootstrap("s2")
        .exits(11)
        .says(&["/home/shipper/.ssh is a link to what does not belong to shipper"]);
    assert_eq!(sh(2, "stat -c %U /etc/cron.d"), "root\n");
    // A key that is root's would not let shipper in
    sh(
        2,
        "rm /home/shipper/.ssh && mkdir /home/shipper/.ssh && touch /home/shipper/.ssh/authorized_keys",
    );
    servers
        .bootstrap("s2")
        .exits(11)
        .says(&["/home/shipper/.ssh belongs to root, and not to shipper"]);

    servers.bootstrap("s3").exits(0);
    sh(
        3,
        &format!(
            "mkdir /opt/theirs && chmod 755 /opt/theirs && cd {PATH} && rmdir backups && ln -s /opt/theirs backups"
        ),
    );
    servers.bootstrap("s3").exits(11).says(&[
        &format!("{PATH}/backups is a link"),
        "make it a folder there; a file system of its own can be mounted at it",
    ]);
    for place in ["backups", "shared/var"] {
        sh(
            3,
            &format!(
                "cd {PATH} && rm -rf backups shared/var && mkdir -p backups shared/var && rm -r {place} && \
                        ln -s /opt/theirs {place} && rm -f .hostout/runtime"
            ),
        );
        let said = servers.script(3, &wanted, &["data"]);
        assert!(
            said.contains(&format!("{PATH}/{place} is a link, or behind one")),
            "{said}"
        );
    }
    sh(
        3,
        &format!(
            "cd {PATH} && rm -rf shared/var && mkdir -p backups/one shared/var && chown {BUILD}: backups && \
                    ln -s /opt/theirs shared/var/link && ln -s /opt/theirs backups/two"
        ),
    );
    let said = servers.script(3, &wanted, &["data"]);
    assert!(said.ends_with("end\tok\n"), "{said}");
    assert_eq!(sh(3, "stat -c '%U %a' /opt/theirs"), "root 755\n");
    assert_eq!(
        sh(
            3,
            &format!("stat -c %U {PATH}/backups/one {PATH}/shared/var")
        ),
        "single-run\nsingle-run\n"
    );
}

fn root_goes_no_way_that_who_deploys_may_change() {
    let servers = Servers::new(1);
    let sh = |script: &str| servers.lab.host(0).run(&["sh", "-c", script]);
    let stage = |name: &str, path: &str| {
        let place = format!("{BUILD}@web1");
        let runtime = "runtime-user = \"single-run\"\n";
        servers.project.add_stage_on(&[&place], name, path, runtime);
        servers.bootstrap(name)
    };
    sh(
        "useradd -m shipper; cd /home/shipper && mkdir -p /etc/victim/empty /mnt/disk/empty theirs/own && ln -s /etc/victim sites && \
        ln -s theirs/own link && chown -hR shipper: . && ln -s /mnt/disk /srv/disk",
    );
    // In its place it makes nothing, and gives nothing away.
    for folder in ["new", "empty"] {
        let path = format!("/home/shipper/sites/{folder}");
        stage(&format!("by-{folder}"), &path).exits(11).says(&[
            "/home/shipper/sites is a link that others may change, and leads to what belongs to root",
            "make it a folder there, or name another path for the stage",
        ]);
    }
    sh("rmdir /etc/victim/empty && rmdir /etc/victim");
    stage("nowhere", "/home/shipper/sites/new").exits(11);

    // A link to what is theirs is theirs, and root's links are meant so.
    stage("theirs", "/home/shipper/link/site").exits(0);
    stage("disk", "/srv/disk/empty").exits(0);
    stage("disk2", "/srv/disk/more/site").exits(0);
    let owners = "/home/shipper/theirs/own/site /mnt/disk/empty /mnt/disk/more/site /mnt/disk";
    assert_eq!(
        sh(&format!("stat -c '%U %a' {owners}")),
        "shipper 755\nshipper 755\nshipper 755\nroot 755\n"
    );

    // Nor does it give the data of others away.
    sh(
        "mkdir -p /opt/other/shared/var && cd /home/shipper && rm link && ln -s /opt link && mv theirs/own/site /tmp/site && \
        mv /opt/other /opt/site",
    );
    let wanted = Wanted {
        build: BUILD.to_owned(),
        runtime: "single-run".to_owned(),
        path: "/home/shipper/link/site".to_owned(),
        shared: vec!["var".to_owned()],
        ..Wanted::default()
    };
    let said = servers.script(1, &wanted, &["data"]);
    assert!(
        said.contains("/home/shipper/link/site belongs to root, and not to shipper"),
        "{said}"
    );
    assert_eq!(sh("stat -c %U /opt/site/shared/var"), "root\n");
}

fn root_runs_no_program_of_who_deploys() {
    let servers = Servers::new(1);
    let sh = |script: &str| servers.lab.host(0).run(&["sh", "-c", script]);
    sh(
        "useradd -m shipper && cd /home/shipper && printf '#!/bin/sh\nid -un >> /tmp/ran\nexec python3 \"$@\"\n' > python && \
        chmod 755 python && chown shipper: python && touch /tmp/ran && chmod 666 /tmp/ran",
    );
    let python = "python = \"/home/shipper/python\"\n";
    let place = format!("{BUILD}@web1");
    servers
        .project
        .add_stage_on(&[&place], "own", "/srv/own", python);
    servers.bootstrap("own").exits(0);
    let ran = sh("sort -u /tmp/ran");
    assert_eq!(ran, "shipper\n");

    // Those whom services run as need it too.
    sh("mkdir -m 700 /opt/python && ln -s /usr/bin/python3 /opt/python/python3");
    let python = "python = \"/opt/python/python3\"\n";
    servers
        .project
        .add_stage_on(&[&place], "closed", "/srv/closed", python);
    servers.bootstrap("closed").exits(11).says(&[
        "/opt/python/python3 does not run as shipper: ",
        "let others read and run it, or name another python of the stage",
    ]);
}

fn data_is_given_away_as_far_as_it_is_theirs() {
    let servers = Servers::new(1);
    let sh = |script: &str| servers.lab.host(0).run(&["sh", "-c", script]);
    sh(&format!(
        "useradd -m shipper && mkdir -p {PATH}/shared/var/deep {PATH}/backups/one && cd {PATH}/shared && \
         echo root > /srv/secret && chmod 600 /srv/secret && ln /srv/secret var/deep/secret && \
         echo data > var/deep/Data.fs && ln var/deep/Data.fs var/again && echo key > secret.cfg && \
         touch ../backups/one/file && ln -s /srv/secret var/link && chown -hR shipper: {PATH} && chown root /srv/secret && \
         echo lock > var/deep/lock && mkfifo var/pipe"
    ));
    servers.bootstrap("s1").exits(0);
    assert_eq!(sh("stat -c '%U %a' /srv/secret"), "root 600\n");
    let all = sh(&format!(
        "cd {PATH} && stat -c '%U %G %n' shared/var shared/var/deep shared/var/deep/Data.fs shared/var/deep/lock \
         shared/var/pipe backups/one backups/one/file shared/secret.cfg"
    ));
    let (first, last) = all.trim_end().rsplit_once('\n').unwrap();
    assert!(
        first
            .lines()
            .all(|line| line.starts_with("single-run single-run ")),
        "{all}"
    );
    assert_eq!(last, "shipper single-run shared/secret.cfg");
}

fn the_path_may_be_there() {
    let servers = Servers::new(4);
    let host = |number: usize| servers.lab.host(number - 1);
    let sh = |number: usize, script: &str| host(number).run(&["sh", "-c", script]);

    // A link of root's leads to where the stage is.
    sh(1, &format!("mkdir /srv/else && ln -s /srv/else {PATH}"));
    servers.bootstrap("s1").exits(0);
    assert_eq!(sh(1, "stat -c %U /srv/else"), "shipper\n");
    servers
        .bootstrap("s1")
        .exits(0)
        .says(&["nothing is to be made"]);
    sh(1, &format!("rm {PATH} && ln -s /nowhere {PATH}"));
    servers
        .bootstrap("s1")
        .exits(11)
        .says(&[&format!("{PATH} is no directory")]);

    // One of somebody else's may lead anywhere.
    sh(
        2,
        &format!(
            "useradd jane; mkdir /mnt/empty && ln -s /mnt/empty {PATH} && chown -h jane {PATH}"
        ),
    );
    servers.bootstrap("s2").exits(11).says(&[&format!(
        "{PATH} is a link that others may change, and leads to what belongs to root"
    )]);

    // A disk of its own, just formatted
    sh(3, &format!("mkdir -p -m 700 {PATH}/lost+found"));
    servers.bootstrap("s3").exits(0);
    assert_eq!(sh(3, &format!("stat -c %U {PATH}/lost+found")), "root\n");

    servers
        .project
        .add_stage_on(&[&format!("{BUILD}@web4")], "etc", "/etc", "");
    let run = servers.bootstrap("etc").exits(11);
    let run = run.says(&[
        "/etc belongs to root, and is not empty",
        "name another path for the stage",
    ]);
    assert!(!run.to_string().contains("empty folder"), "{run}");
}

fn services_get_to_their_folders() {
    let servers = Servers::new(2);
    let host = |number: usize| servers.lab.host(number - 1);
    let sh = |number: usize, script: &str| host(number).run(&["sh", "-c", script]);
    let stage = |number: usize, name: &str, path: &str| {
        let place = format!("{BUILD}@web{number}");
        servers.project.add_stage_on(&[&place], name, path, "");
    };

    // In the home of who deploys, which Ubuntu and Fedora make closed
    sh(
        1,
        "sed -i '/HOME_MODE/d' /etc/login.defs && echo 'HOME_MODE 0750' >> /etc/login.defs",
    );
    stage(1, "homely", "/home/shipper/site");
    servers
        .bootstrap("homely")
        .exits(0)
        .says(&["/home/shipper/site for shipper, and /home/shipper open to single-run (o+x)"]);
    assert_eq!(sh(1, "stat -c %a /home/shipper"), "751\n");
    servers
        .bootstrap("homely")
        .exits(0)
        .says(&["nothing is to be made"]);
    sh(1, "chmod o-x /home/shipper");
    servers.bootstrap("homely").exits(0);
    sh(1, "runuser -u single-run -- ls /home/shipper/site/shared");

    // Nobody's home is opened unasked.
    sh(2, "mkdir -m 750 /srv/closed");
    stage(2, "closed", "/srv/closed/site");
    servers.bootstrap("closed").exits(11).says(&[
        "/srv/closed, on the way to /srv/closed/site, is closed to single-run, whom services run as",
        "let others through it there: chmod o+x /srv/closed; or name another path for the stage",
    ]);
    sh(2, "chmod o+x /srv/closed");
    servers.bootstrap("closed").exits(0);
    sh(2, "chmod o-x /srv/closed");
    servers.bootstrap("closed").exits(11);

    // Closed afterwards
    let bare = Bare::new(Lab::start(1), "");
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    bare.project.commit("Name the runtime user");
    bare.host().run(&["chmod", "750", PATH]);
    bare.hostout(&["deploy", "far", "--yes"]).exits(21).says(&[
        &format!("as hello-run gave no answer; {PATH} is closed to them"),
        "hint: git hostout bootstrap far puts it right",
    ]);
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
}

fn systemd_starts_what_is_live() {
    let bare = Bare::new(Lab::start_with(Init::Systemd, 1), "");
    let host = bare.host();
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    bare.project.commit("Name the runtime user");
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    for _ in 0..2 {
        host.power_cycle();
        let page = || host.page(bare.project.port);
        assert!(crate::lab::wait_for(page).is_some_and(|page| page.contains("Hello")));
    }
    host.run(&["systemctl", "is-active", "git-hostout-hello-far"]);
    bare.is_healthy_again();
}

fn users_who_were_removed_come_back_to_what_was_theirs() {
    let bare = Bare::of(Project::single(), Lab::start_with(Init::Cron, 1), "");
    let sh = |script: &str| bare.host().run(&["sh", "-c", script]);
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    bare.project.commit("Name the runtime user");
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);

    // Who deploys, with the number that has the site.
    sh("pkill -KILL -u shipper; while pgrep -u shipper; do sleep 0.1; done; userdel shipper");
    let number = sh(&format!("stat -c %u {PATH}"));
    let number = number.trim();
    let again =
        format!("user shipper, who deploys, again with the number {number}, which has {PATH}");
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&[&again]);
    assert_eq!(sh(&format!("stat -c %U {PATH}")), "shipper\n");
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&["nothing is to be made"]);

    // Somebody came first: what is to be typed there does it.
    sh(
        "pkill -KILL -u shipper; while pgrep -u shipper; do sleep 0.1; done; userdel -r shipper 2> /dev/null; useradd --create-home shipper --uid 4711",
    );
    let chown = format!("chown -hR --from={number} shipper {PATH}");
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(11)
        .says(&[
            &format!(
                "{PATH} belongs to number {number}, who is no user there any more, and is not empty"
            ),
            &format!("give it to shipper there: {chown}; else name another path"),
        ]);
    sh(&chown);
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);

    // Whom services run as, while a stranger has got their number.
    sh(
        "id=$(id -u single-run) && userdel single-run && useradd --system --uid $id stranger && \
        echo data > /srv/hello/shared/var/data && chown stranger /srv/hello/shared/var/data && \
        chmod 600 /srv/hello/shared/var/data",
    );
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&[
            "user single-run, whom services run as",
            &format!("{PATH}/shared for single-run"),
        ]);
    let owners = format!("find {PATH}/shared/var -printf '%u\\n' | sort -u");
    assert_eq!(sh(&owners), "single-run\n");
    bare.hostout(&["bootstrap", "far", "--yes"])
        .exits(0)
        .says(&["nothing is to be made"]);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
}

/// Whoever deploys may do anything as those whom services run as.
fn no_two_projects_run_as_one_user() {
    let bare = Bare::of(Project::single(), Lab::start_with(Init::Cron, 1), "");
    let project = &bare.project;
    let host = bare.host();
    let sudoers = || host.run(&["sh", "-c", "cat /etc/sudoers.d/git-hostout-*"]);
    let stage = |place: &str, name: &str, path: &str, more: &str| {
        project.add_stage_on(&[&format!("{place}@web1")], name, path, more);
        bare.hostout(&["bootstrap", name, "--yes"])
    };
    host.run(&["useradd", "--system", "-U", "single-run"]);
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0).says(&[
        "shipper@web1: single-run is there already, and was not made by a bootstrap: services run as that user, and shipper may do \
         anything as them",
    ]);
    let before = sudoers();

    // A stage that somebody else deploys has its own.
    let taken = [
        "user single-run, whom services would run as, is another one's there: /etc/sudoers.d/git-hostout-single-far lets shipper \
         do anything as them, for what is at /srv/hello",
        "name one of its own for this stage: runtime-user = \"single-other-run\"; where that other one is gone for good, remove \
         /etc/sudoers.d/git-hostout-single-far there",
    ];
    stage("oth", "other", "/srv/other", "")
        .exits(11)
        .says(&taken);
    let named = "runtime-user = \"single-run\"\n";
    stage("oth", "named", "/srv/named", named)
        .exits(11)
        .says(&taken[..1]);
    assert_eq!(sudoers(), before);
    assert!(!host.exec(&["id", "oth"]).status.success());
    stage(BUILD, "meant", "/srv/meant", "").exits(0).says(&[
        "services of git-hostout-single-far run as single-run, too: those of each stage may write the data of the other",
    ]);

    // A stage of another name at a path that is taken, which is in nobody's hostout.toml any more.
    let text = project.read("hostout.toml");
    project.write(
        "hostout.toml",
        &text.replace("[stage.meant]", "[stage.renamed]"),
    );
    bare.hostout(&["bootstrap", "renamed", "--yes"])
        .exits(11)
        .says(&[
            "/srv/meant belongs to another stage, by /etc/cron.d/git-hostout-single-meant /etc/logrotate.d/git-hostout-single-meant",
            "name another path for this one; where that stage is gone, or has this name now, remove its files there",
        ]);
    project.write("hostout.toml", &text);

    // Another project, of the same name.
    fs::remove_dir_all(project.directory.join(".git")).unwrap();
    project.git(&["init", "--quiet"]);
    project.sign_as("new");
    project.commit("Start again");
    let place = |old: &str, new: &str| {
        project.edit(
            "hostout.toml",
            &format!("path = \"{old}\""),
            &format!("path = \"{new}\""),
        );
    };
    place(PATH, "/srv/mine");
    bare.hostout(&["bootstrap", "far", "--moved", "--yes"])
        .exits(11)
        .says(&[
            "/etc/cron.d/git-hostout-single-far is of project ",
            "at /srv/hello, and this is not known",
            "name this stage otherwise, or the project; where it is that one, git hostout init here first",
        ]);
    place("/srv/mine", PATH);
    bare.hostout(&["init"]).exits(0);
    stage(BUILD, "copy", "/srv/copy", named).exits(11).says(&[
        "is another one's there",
        "runtime-user = \"single-copy-run\"",
    ]);
    place(PATH, "/srv/mine");
    for moved in [&[][..], &["--moved"]] {
        bare.hostout(&[&["bootstrap", "far", "--yes"], moved].concat())
            .exits(11)
            .says(&[
                "/etc/cron.d/git-hostout-single-far is of project ",
                "name this stage otherwise, or the project",
            ]);
    }
}

/// What the guestbook answers on the host.
fn ask(host: &Host, port: u16, query: &str) -> String {
    let ask = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode(), end='')";
    host.run(&[
        "python3",
        "-c",
        ask,
        &format!("http://127.0.0.1:{port}/{query}"),
    ])
}

/// A real ZODB with blobs, in folders that only the runtime user may enter.
fn data_is_backed_up_and_put_back_by_its_owner() {
    let project = Project::from_fixture("guestbook");
    let port = project.port;
    project.edit("hostout.toml", "8080", &port.to_string());
    let text = project.read("hostout.toml");
    project.write(
        "hostout.toml",
        &format!("{text}\n[data]\nkind = \"zodb\"\n"),
    );
    let bare = Bare::of(project.add_stage_and_commit(), Lab::start(1), "");
    let host = bare.host();
    bare.hostout(&["bootstrap", "far", "--yes"]).exits(0);
    bare.project.commit("Name the runtime user");
    bare.hostout(&["deploy", "far", "--dry-run"])
        .exits(0)
        .says(&["the first one there; the data here is no part of a release"]);
    bare.hostout(&["deploy", "far", "--yes"]).exits(0);
    assert_eq!(ask(host, port, "?add=one"), "one=one");
    // As Plone's recipe makes them: closed to whoever deploys.
    let close = format!("find {PATH}/shared/var/blobstorage -type d -exec chmod 700 {{}} +");
    host.run(&["sh", "-c", &close]);
    let owners = format!("find {PATH}/shared/var/blobstorage -printf '%u\\n' | sort -u");
    assert_eq!(host.run(&["sh", "-c", &owners]), "guestbook-run\n");

    let again = |message: &str| {
        bare.project.commit(message);
        bare.hostout(&["release", "--yes"]).exits(0);
        bare.hostout(&["deploy", "far", "--yes"])
    };
    bare.project
        .edit("pyproject.toml", "remembers", "still remembers");
    again("Say more").exits(0);
    let owners = format!("find {PATH}/backups -mindepth 1 -printf '%u\\n' | sort -u");
    assert_eq!(host.run(&["sh", "-c", &owners]), "guestbook-run\n");
    let sums = format!(
        "cd {PATH}/backups/* && sha256sum --quiet --check .hostout/SHA256SUMS && find . -name '*.blob' | wc -l"
    );
    assert_eq!(host.run(&["sh", "-c", &sums]), "1\n");

    bare.project.edit(
        "src/acme/guestbook/__init__.py",
        "    \"\"\"What an upgrade does to the data.\"\"\"\n",
        "    with opened() as database:\n        add(database, \"migrated\")\n    sys.exit(3)\n",
    );
    again("Migrate")
        .exits(22)
        .says(&["migrate", "with its data"]);
    assert_eq!(ask(host, port, ""), "one=one");
    assert_eq!(
        ask(host, port, "?add=two"),
        "one=one\ntwo=two",
        "it can be written"
    );
    // By the scripts of collective.recipe.backup, which run as its owner too.
    bare.project
        .edit("hostout.toml", "\n[data]\nkind = \"zodb\"\n", "\n");
    again("Back up by scripts")
        .exits(22)
        .says(&["with its data"]);
    assert_eq!(ask(host, port, ""), "one=one\ntwo=two");
}
