//! Where pip and buildout run: a throw-away home and temp directory, and a PATH without programs that act on the machine.

use super::{Error, User, redact};
use crate::process::{Folder, Running};
use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs,
    io::{self, BufRead, BufReader, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A throw-away place to run programs in.
pub(super) struct Sandbox {
    root: Folder,
    vars: Vec<(std::ffi::OsString, std::ffi::OsString)>,
}

/// Programs that a buildout run must not find: they act outside its directory.
const DENIED: &[&str] = &[
    "at",
    "batch",
    "chkconfig",
    "crontab",
    "doas",
    "halt",
    "init",
    "invoke-rc.d",
    "launchctl",
    "loginctl",
    "pkexec",
    "poweroff",
    "rc-service",
    "reboot",
    "run0",
    "runuser",
    "service",
    "shutdown",
    "su",
    "sudo",
    "systemctl",
    "systemd-run",
    "telinit",
    "update-rc.d",
];

/// Variables that are passed on, by prefix: how the net is reached, how pip is set up, how compilers are called.
const PASSED: &[&str] = &[
    "PIP_",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "NETRC",
    "CC",
    "CXX",
    "CFLAGS",
    "CPPFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "PKG_CONFIG_PATH",
    "PYENV_",
];

/// How much of a program's output is kept for an error.
const TAIL: usize = 60;

impl Sandbox {
    /// Makes one for `user`, with no program on its PATH; it disappears when dropped.
    pub(super) fn make(user: &User) -> Result<Self, Error> {
        let root = Folder::new("hostout-sandbox-").map_err(Error::io(std::env::temp_dir()))?;
        let mut sandbox = Self {
            root,
            vars: Vec::new(),
        };
        for folder in ["home/.buildout", "home/.config", "tmp", "bin"] {
            let path = sandbox.path(folder);
            fs::create_dir_all(&path).map_err(Error::io(path))?;
        }
        sandbox.link_settings(user)?;
        let passed = |name: &OsStr| {
            let name = name.to_string_lossy();
            PASSED.iter().any(|prefix| {
                name == *prefix || (prefix.ends_with('_') && name.starts_with(prefix))
            })
        };
        let vars = user.vars().filter(|(name, _)| passed(name));
        sandbox.vars = vars
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if user.var("PIP_CACHE_DIR").is_none()
            && let Some(cache) = user.xdg("CACHE", ".cache", "pip")
        {
            sandbox.vars.push(("PIP_CACHE_DIR".into(), cache.into()));
        }
        Ok(sandbox)
    }

    /// Makes one for builds: with everything on the user's PATH but [`DENIED`].
    pub(super) fn with_programs(user: &User) -> Result<Self, Error> {
        let sandbox = Self::make(user)?;
        sandbox.link_programs(user)?;
        Ok(sandbox)
    }

    /// A path in it.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// A program with the sandbox's environment only, its standard input closed.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("PATH", self.path("bin"))
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("PYTHONNOUSERSITE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .env("PIP_NO_INPUT", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .stdin(Stdio::null());
        command
    }

    /// Links to everything on the user's PATH but [`DENIED`]; of two programs with one name the first.
    fn link_programs(&self, user: &User) -> Result<(), Error> {
        let path = user
            .var("PATH")
            .unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
        let bin = self.path("bin");
        let mut seen = Vec::new();
        for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
            let Ok(programs) = fs::read_dir(&folder) else {
                continue;
            };
            // /bin is mostly a link to /usr/bin; a link costs a quarter of a millisecond, and there are thousands.
            let real = fs::canonicalize(&folder).map_err(Error::io(&folder))?;
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            for program in programs.flatten() {
                let name = program.file_name();
                if DENIED.iter().any(|denied| name == *denied) {
                    continue;
                }
                match symlink(program.path(), bin.join(&name)) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(Error::io(bin.join(name))(error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Links to the user's pip configuration and credentials.
    fn link_settings(&self, user: &User) -> Result<(), Error> {
        let links = [
            (user.xdg("CONFIG", ".config", "pip"), "home/.config/pip"),
            (user.home(".pip"), "home/.pip"),
            (user.home(".netrc"), "home/.netrc"),
            (user.home(".pypirc"), "home/.pypirc"),
        ];
        for (from, to) in links {
            let to = self.path(to);
            if let Some(from) = from.filter(|from| from.exists()) {
                symlink(from, &to).map_err(Error::io(to))?;
            }
        }
        Ok(())
    }
}

/// Runs a program to its end, its standard output and error as one: each line, redacted, to `progress`; whether it returned 0
/// and the last lines it said are given back.
pub(super) fn run(command: &mut Command, progress: &dyn Fn(&str)) -> io::Result<(bool, String)> {
    let (reader, writer) = io::pipe()?;
    let running = Running::start(command.stdout(writer.try_clone()?).stderr(writer))?;
    // The command holds the writing ends until they are replaced; with them open the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tail = VecDeque::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let line = redact(line.trim_end());
        progress(&line);
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line.into_owned());
    }
    let status = running.wait()?;
    let tail: Vec<String> = tail.into();
    Ok((status.success(), tail.join("\n")))
}

/// Runs a python script, given as text, that reads `ask` and prints its answer.
pub(super) fn script(
    command: &mut Command,
    text: &str,
    ask: &serde_json::Value,
) -> io::Result<Output> {
    command
        .args(["-c", text])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running::start(command)?;
    if let Some(mut stdin) = running.streams().stdin.take() {
        stdin.write_all(ask.to_string().as_bytes())?;
    }
    running.output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_programs_but_none_that_act_on_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["crontab", "sudo", "tool"] {
            symlink("/bin/true", folder.path().join(name)).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let sandbox = Sandbox::with_programs(&User::current().with("PATH", path)).unwrap();
        let mut command = sandbox.command(Path::new("/bin/sh"));
        command.args([
            "-c",
            "command -v tool; command -v crontab sudo systemctl; echo $HOME; read x || echo closed",
        ]);
        let (_, said) = run(&mut command, &|_| ()).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].ends_with("/bin/tool"), "{said}");
        assert!(lines[1].ends_with("/home"), "{said}");
        assert_eq!(lines[2], "closed");
    }

    #[test]
    fn passes_on_how_to_reach_an_index_and_no_other_secret() {
        let user = User::current()
            .with("PIP_INDEX_URL", "https://h")
            .with("AWS_SECRET", "x");
        let sandbox = Sandbox::make(&user).unwrap();
        let (_, said) = run(&mut sandbox.command(Path::new("/usr/bin/env")), &|_| ()).unwrap();
        assert!(
            said.contains("PIP_INDEX_URL=https://h") && !said.contains("AWS_SECRET"),
            "{said}"
        );
    }

    #[test]
    fn what_a_program_says_is_redacted() {
        let mut command = Command::new("/bin/echo");
        command.arg("Reading https://me:secret@h/simple");
        let (ok, said) = run(&mut command, &|line| assert!(!line.contains("secret"))).unwrap();
        assert!(ok);
        assert_eq!(said, "Reading https://h/simple");
    }
}
