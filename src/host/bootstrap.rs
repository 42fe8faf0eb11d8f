//! How a bare server becomes a host: one script for `sh`, what it is given, and what it says.

use super::Command;
use crate::release::Digest;

/// The script, its parts one after the other; its own map stands in the first.
macro_rules! joined {
    ($($part:literal),* $(,)?) => {
        concat!($(include_str!(concat!("bootstrap/", $part, ".sh")), "\n"),*)
    };
}

/// The script that looks at a bare server, and makes it a host.
const SCRIPT: &str = joined!(
    "head", "words", "packages", "users", "folders", "services", "harden", "main",
);

/// The steps of every bootstrap, in their order. Who may become the runtime user is settled before anything starts as them,
/// and after everything has stopped that runs as another one.
pub const STEPS: [&str; 12] = [
    "packages", "group", "build", "runtime", "key", "folders", "halt", "sudoers", "data", "start",
    "boot", "rotate",
];

/// The step that is taken only when it is asked for: whom the host believes from then on.
pub const TRUST: &str = "trust";

/// The step that comes last, and only when it is asked for.
pub const HARDEN: &str = "harden";

/// How a command becomes root's.
#[derive(Clone, PartialEq, Eq)]
pub enum Elevation {
    /// The login user is root.
    Root,
    /// By sudo, which asks nothing.
    Sudo,
    /// By sudo, which takes this password from its input.
    Password(String),
}

/// What a server is made ready for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The project's name.
    pub project: String,
    /// The stage's name.
    pub stage: String,
    /// Who deploys.
    pub build: String,
    /// Whom services run as; also the name of their group.
    pub runtime: String,
    /// The stage's path, absolute.
    pub path: String,
    /// The python of its hosts.
    pub python: String,
    /// The public key that logs in, a line of `authorized_keys`.
    pub key: String,
    /// What people call that key.
    pub key_name: String,
    /// Folders that survive releases.
    pub shared: Vec<String>,
    /// Shared libraries that releases link, e.g. `libpq.so.5`.
    pub libraries: Vec<String>,
    /// Who logs in to make it ready: root, or who may become root.
    pub admin: String,
    /// Who asks, for others who come meanwhile.
    pub by: String,
    /// Whether the stage was at another path there before.
    pub moved: bool,
    /// Which project is to be believed there from now on; nothing = the one that deploys first.
    pub introduction: Option<Introduction>,
}

/// A project as root names it to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Its id.
    pub project: String,
    /// sha256 of what it says of its first keys.
    pub statement: Digest,
    /// Whether it may take the place of another one.
    pub replaces: bool,
}

impl Elevation {
    /// Runs `words` as root.
    pub fn command(&self, words: &[&str]) -> Command {
        let before: &[&str] = match self {
            Self::Root => &[],
            Self::Sudo => &["sudo", "-n", "--"],
            // -k: a password that was given before is asked for all the same, so that it never reaches the command
            Self::Password(_) => &["sudo", "-k", "-S", "-p", "", "--"],
        };
        Command::new(before.iter().chain(words).copied())
    }

    /// What comes before the input of such a command.
    pub fn input(&self) -> String {
        match self {
            Self::Root | Self::Sudo => String::new(),
            Self::Password(password) => format!("{password}\n"),
        }
    }
}

impl std::fmt::Debug for Elevation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Root => "Root",
            Self::Sudo => "Sudo",
            Self::Password(_) => "Password(…)",
        })
    }
}

impl Wanted {
    /// The steps that are looked at.
    pub fn steps(&self, hardening: bool) -> Vec<&'static str> {
        let steps = STEPS.iter().copied();
        let trust = self.introduction.is_some().then_some(TRUST);
        let steps = steps.chain(trust);
        steps.chain(hardening.then_some(HARDEN)).collect()
    }

    /// Looks which steps are done; the script is the input.
    pub fn check(elevation: &Elevation) -> Command {
        elevation.command(&["sh", "-s", "--", "check"])
    }

    /// Does steps, as far as they are not done; the script is the input.
    pub fn apply(elevation: &Elevation) -> Command {
        elevation.command(&["sh", "-s", "--", "apply"])
    }

    /// The script for `steps`. It sets its words itself: of a login shell, whichever it is, nothing is asked but to start sh.
    pub fn script(&self, steps: &[&str]) -> String {
        let steps = steps.join(" ");
        let words = [steps].into_iter().chain(self.words());
        let words = Command::new(words).words();
        format!("set -- \"$1\" {words}\n{SCRIPT}")
    }

    /// What the files, units and lines of this stage are called. sudo and cron pass over names with a dot.
    pub fn name(&self) -> String {
        format!("git-hostout-{}-{}", self.project, self.stage).replace('.', "-")
    }

    /// `NAME=VALUE`, as the script takes them.
    fn words(&self) -> Vec<String> {
        let words = [
            ("build", self.build.clone()),
            ("runtime", self.runtime.clone()),
            ("path", self.path.clone()),
            ("python", self.python.clone()),
            ("key", self.key.clone()),
            ("keyname", self.key_name.clone()),
            ("shared", self.shared.join(" ")),
            ("libraries", self.libraries.join(" ")),
            ("name", self.name()),
            ("unit", self.unit()),
            ("openrc", self.openrc()),
            ("cron", self.cron()),
            ("sudoers", self.sudoers()),
            ("rotate", self.rotate()),
            ("admin", self.admin.clone()),
            ("by", self.by.clone()),
            ("moved", yes(self.moved)),
            ("trust", self.trust()),
            ("introduction", self.introduction()),
            ("replaces", self.replaces().to_owned()),
        ];
        let words = words.into_iter();
        words
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// Where root says which project is to be believed at the path.
    fn trust(&self) -> String {
        let digest = Digest::of(self.path.trim_end_matches('/').as_bytes()).to_string();
        format!("/etc/git-hostout/{}", &digest[..16])
    }

    /// What it says there.
    fn introduction(&self) -> String {
        let named = self.introduction.as_ref();
        named.map_or_else(String::new, |named| {
            format!("{} {}", named.project, named.statement)
        })
    }

    /// Not empty where it may say that instead of something else.
    fn replaces(&self) -> &'static str {
        let named = self.introduction.as_ref();
        named.filter(|named| named.replaces).map_or("", |_| "yes")
    }

    /// The one line of sudoers(5): who deploys may run things as the runtime user, and as nobody else.
    pub fn sudoers(&self) -> String {
        let Self { build, runtime, .. } = self;
        format!("{build} ALL=({runtime}:{runtime}) NOPASSWD: ALL")
    }

    /// A unit that starts what is live at the machine's start, and stops it at its end.
    fn unit(&self) -> String {
        let Self {
            project,
            stage,
            build,
            path,
            ..
        } = self;
        format!(
            "[Unit]\nDescription={project}, stage {stage}, by git-hostout\nWants=network-online.target\n\
             After=network-online.target\nConditionPathExists={}\n\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\nUser={build}\nExecStart={}\nExecStop={}\n\
             TimeoutStartSec=15min\n\n[Install]\nWantedBy=multi-user.target",
            unit_path(&format!("{path}/.hostout/agent")),
            unit_line(&self.agent("boot")),
            unit_line(&self.agent("halt")),
        )
    }

    /// The same for the `local` service of Alpine's init.
    fn openrc(&self) -> String {
        let line = self.agent("boot").shell_line();
        let switch = Command::new(["su", "-s", "/bin/sh", &self.build, "-c", &line]);
        format!("#!/bin/sh\n{} < /dev/null > /dev/null", switch.shell_line())
    }

    /// The same for cron's own table, in which `%` ends a line (crontab(5)).
    fn cron(&self) -> String {
        let line = self.agent("boot").shell_line().replace('%', "\\%");
        format!("@reboot {} {line} < /dev/null > /dev/null", self.build)
    }

    /// Logs of the folders that survive releases (logrotate(8)); `su`, because a group may write there.
    fn rotate(&self) -> String {
        let logs = self.shared.iter().map(|folder| {
            let pattern = format!("{}/shared/{folder}/log/*.log", self.path);
            format!("\"{}\"", pattern.replace(['\\', '"'], "?"))
        });
        let logs: Vec<String> = logs.collect();
        let Self { runtime, .. } = self;
        format!(
            "{} {{\n    su {runtime} {runtime}\n    weekly\n    rotate 8\n    compress\n    delaycompress\n    missingok\n    \
             notifempty\n    copytruncate\n}}",
            logs.join(" ")
        )
    }

    fn agent(&self, verb: &str) -> Command {
        let script = format!("{}/.hostout/agent", self.path);
        let python = if self.python.starts_with('/') {
            vec![self.python.as_str()]
        } else {
            vec!["/usr/bin/env", &self.python]
        };
        let words = ["-I", &script, "--path", &self.path, verb];
        Command::new(python.into_iter().chain(words))
    }
}

/// How the script takes a flag.
fn yes(flag: bool) -> String {
    if flag { "yes" } else { "" }.to_owned()
}

/// A command line of a unit (systemd.service(5), "Command lines").
fn unit_line(command: &Command) -> String {
    let words = command.argv().iter().map(|word| {
        let word = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", word.replace('%', "%%").replace('$', "$$"))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A path of a condition, in which `%` begins a specifier (systemd.unit(5)).
fn unit_path(path: &str) -> String {
    path.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            project: "acme.shop".to_owned(),
            stage: "live".to_owned(),
            build: "deploy".to_owned(),
            runtime: "shop-run".to_owned(),
            path: "/srv/100%".to_owned(),
            python: "python3".to_owned(),
            shared: vec!["var".to_owned()],
            ..Wanted::default()
        }
    }

    #[test]
    fn every_text_that_a_host_gets_as_a_whole() {
        let wanted = wanted();
        let texts = [
            wanted.unit(),
            wanted.openrc(),
            wanted.cron(),
            wanted.sudoers(),
            wanted.rotate(),
        ];
        insta::assert_snapshot!(texts.join("\n---\n"));
        assert_eq!(wanted.name(), "git-hostout-acme-shop-live");
    }

    /// Runs a program with a script as its input.
    fn fed(program: &str, arguments: &[&str], script: &str) -> String {
        use std::{io::Write as _, process::Stdio};
        let mut child = std::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn the_script_is_clean_and_runs_in_small_shells() {
        assert_eq!(fed("shellcheck", &["-s", "sh", "-"], SCRIPT), "");
        for shell in [&["dash"][..], &["busybox", "sh"]] {
            let arguments = [&shell[1..], &["-s", "--", "check"]].concat();
            let said = fed(shell[0], &arguments, &wanted().script(&STEPS));
            let bare = crate::host::Bare::read(&said).unwrap();
            let names: Vec<&str> = bare.steps.iter().map(|step| step.name.as_str()).collect();
            assert_eq!(names, STEPS, "{shell:?}");
            let facts: Vec<&str> = bare.facts.keys().map(String::as_str).collect();
            assert_eq!(facts, ["memory", "services", "system"]);
        }
    }

    #[test]
    fn debian_and_ubuntu_name_packages_of_libraries() {
        let known = [
            ("libpq.so.5", "libpq5"),
            ("libxslt.so.1", "libxslt1.1"),
            ("libexslt.so.0", "libxslt1.1"),
            ("libjpeg.so.62", "libjpeg62-turbo"),
            ("libjpeg.so.8", "libjpeg-turbo8"),
            ("libxml2.so.2", "libxml2"),
            ("libxml2.so.16", "libxml2-16"),
            ("libexpat.so.1", "libexpat1"),
            ("libz.so.1", "zlib1g"),
            ("libcrypto.so.3", "libssl3"),
            ("libgcc_s.so.1", "libgcc-s1"),
            ("libbz2.so.1.0", "libbz2-1.0"),
            ("libsqlite3.so.0", "libsqlite3-0"),
            ("libldap-2.5.so.0", "libldap-2.5-0"),
            ("libopenjp2.so.7", "libopenjp2-7"),
        ];
        let code = "package_manager() { echo apt-get; }; for library; do package_of \"$library\"; done; cat > /dev/null";
        let code = format!("{}\n{code}", include_str!("bootstrap/packages.sh"));
        let libraries: Vec<&str> = known.iter().map(|(library, _)| *library).collect();
        for shell in [&["dash"][..], &["busybox", "sh"]] {
            let words = [&shell[1..], &["-c", &code, "sh"], &libraries].concat();
            let packages = fed(shell[0], &words, "");
            let wanted = known.iter().map(|(_, package)| *package);
            assert!(packages.lines().eq(wanted), "{shell:?}: {packages}");
        }
    }

    #[test]
    fn a_password_is_no_argument_and_not_shown() {
        let elevation = Elevation::Password("hunter2".to_owned());
        let command = Wanted::check(&elevation);
        assert!(!command.to_string().contains("hunter2"));
        assert!(!format!("{elevation:?}").contains("hunter2"));
        assert_eq!(elevation.input(), "hunter2\n");
        assert_eq!(command.argv()[..6], ["sudo", "-k", "-S", "-p", "", "--"]);
    }
}
