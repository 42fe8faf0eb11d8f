//! A Python interpreter, asked what it is.

use super::{Error, redact};
use crate::process::{self, Running};
use serde::Deserialize;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// An interpreter that exists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Python {
    /// The interpreter itself, not a link or shim to it.
    pub executable: PathBuf,
    /// Its version, e.g. `3.11.7`.
    pub version: String,
    /// What its build is: implementation, compiler and platform.
    pub build: String,
}

/// Prints what wheels for this machine are for: interpreter, C library and its version, machine (PEP 600, PEP 656).
const TARGET: &str = "\
import os, platform, sys
name = {'cpython': 'cp', 'pypy': 'pp'}.get(sys.implementation.name, sys.implementation.name)
python = '%s%d%d' % (name, *sys.version_info[:2])
try:
    libc, version = os.confstr('CS_GNU_LIBC_VERSION').split()
    kind = 'manylinux_' + '_'.join(version.split('.')[:2])
except (AttributeError, OSError, TypeError, ValueError):
    kind = 'linux'
print(f'{python}-{kind}_{platform.machine()}')";

/// Prints what [`Python`] holds.
const ASK: &str = "\
import json, platform, sys, sysconfig
print(json.dumps(dict(
    executable=sys.executable,
    version=platform.python_version(),
    build=f'{sys.implementation.cache_tag} {sys.version} {sysconfig.get_platform()}',
)))";

/// Whether the condition of a section holds, as `zc.buildout.configparser` decides: a marker, else a Python expression.
const HOLDS: &str = "\
import os, platform, re, sys
expression = sys.argv[1]
try:
    try:
        from packaging.markers import InvalidMarker, Marker
    except ImportError:
        from pip._vendor.packaging.markers import InvalidMarker, Marker
    try:
        print(int(Marker(expression).evaluate()))
        sys.exit()
    except InvalidMarker:
        pass
except ImportError:
    pass
major, minor = sys.version_info[:2]
known = dict(sys=sys, os=os, platform=platform, re=re, python2=False, python3=True,
             cpython=True, pypy=False, jython=False, ironpython=False,
             linux=sys.platform == 'linux', windows=False, cygwin=False, solaris=False,
             macosx=sys.platform == 'darwin', posix=os.name == 'posix',
             bits64=sys.maxsize > 2 ** 32, bits32=sys.maxsize <= 2 ** 32,
             little_endian=sys.byteorder == 'little', big_endian=sys.byteorder == 'big')
for old in ('24', '25', '26', '27'):
    known['python' + old] = False
for other in range(20):
    known[f'python3{other}'] = other == minor
print(int(bool(eval(expression, known))))";

/// Gives the bytes behind the URL on its standard input; user info of the URL or ~/.netrc is used.
const FETCH: &str = "\
import base64, netrc, os, sys, urllib.parse, urllib.request
url = sys.stdin.readline().strip()
parts = urllib.parse.urlsplit(url)
info, _, host = parts.netloc.rpartition('@')
user, _, password = (urllib.parse.unquote(part) for part in info.partition(':'))
if not info and parts.hostname:
    try:
        found = netrc.netrc(os.environ.get('NETRC')).authenticators(parts.hostname)
    except (OSError, netrc.NetrcParseError):
        found = None
    if found:
        user, _, password = found
request = urllib.request.Request(urllib.parse.urlunsplit(parts._replace(netloc=host)))
if user:
    login = base64.b64encode(f'{user}:{password}'.encode()).decode()
    request.add_unredirected_header('Authorization', 'Basic ' + login)
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        sys.stdout.buffer.write(answer.read())
except OSError as error:
    sys.exit(str(error))";

impl Python {
    /// The interpreter behind a command, e.g. `python3`.
    ///
    /// # Errors
    /// Where there is none, or it is not Python 3.
    pub fn find(command: &str) -> Result<Self, Error> {
        let failed = |message: String| Error::Python {
            python: command.to_owned(),
            message,
        };
        let output = process::output(Command::new(command).args(["-I", "-c", ASK]))
            .map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|_| failed(format!("no Python 3: {}", tail(&output.stderr))))
    }

    /// What wheels that are resolved here are for, e.g. `cp311-manylinux_2_36_x86_64`.
    ///
    /// # Errors
    /// Where the interpreter cannot be run.
    pub fn target(&self) -> Result<String, Error> {
        let failed = |message: String| Error::Python {
            python: self.executable.display().to_string(),
            message,
        };
        let output = process::output(Command::new(&self.executable).args(["-I", "-c", TARGET]))
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(tail(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Whether the condition of a section holds for this interpreter.
    ///
    /// # Errors
    /// For an expression that fails.
    pub fn holds(&self, expression: &str) -> Result<bool, Error> {
        let failed = |message: String| Error::Condition {
            expression: expression.to_owned(),
            message,
        };
        let output =
            process::output(Command::new(&self.executable).args(["-c", HOLDS, expression]))
                .map_err(|error| failed(error.to_string()))?;
        match (output.status.success(), output.stdout.trim_ascii()) {
            (true, b"1") => Ok(true),
            (true, b"0") => Ok(false),
            _ => Err(failed(tail(&output.stderr))),
        }
    }

    /// The bytes behind an http or https URL. The URL, which may hold a password, is in no argument list.
    ///
    /// # Errors
    /// With the server's answer, redacted.
    pub fn fetch(&self, url: &str) -> Result<Vec<u8>, Error> {
        use std::io::Write;
        let failed = |message: String| Error::Fetch {
            url: redact(url).into_owned(),
            message: redact(&message).into_owned(),
        };
        let start = || {
            let mut command = Command::new(&self.executable);
            command
                .args(["-c", FETCH])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut running = Running::start(&mut command)?;
            if let Some(mut stdin) = running.streams().stdin.take() {
                writeln!(stdin, "{url}")?;
            }
            running.output()
        };
        let output = start().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failed(tail(&output.stderr)))
        }
    }
}

/// The last line that says something.
fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it says nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_conditions_as_buildout_does() {
        let python = Python::find("python3").unwrap();
        for (expression, holds) in [
            ("python3", true),
            ("python27", false),
            ("python_version >= '3.0' and os_name == 'posix'", true),
            ("python_version < '3.0'", false),
            ("sys.version_info[0] == 3", true),
        ] {
            assert_eq!(python.holds(expression).unwrap(), holds, "{expression}");
        }
        let error = python.holds("nonsense").unwrap_err().to_string();
        assert!(
            error.contains("nonsense") && error.contains("NameError"),
            "{error}"
        );
    }

    #[test]
    fn says_which_python_is_missing() {
        let error = Python::find("python-of-nowhere").unwrap_err();
        assert!(error.to_string().starts_with("python-of-nowhere: "));
    }
}
