//! Carrying out a bootstrap.

use super::{Error, Result};
use crate::{
    event::{Event, Watch},
    host::{BareEvent, Elevation, Ended, Wanted},
    plan::{Action, Plan, Step},
    process::asked,
    transport::{self, Transport},
};
use std::io::{self, Read as _, Write};

/// Comes before the script, in the same shell: a sign of life every second, so that Ctrl-C is heard while a step says
/// nothing. Where nobody hears it any more the script ends, once what it runs just then has ended: a package is never left
/// half installed.
const FIRST: &str = "trap 'exit 143' TERM
(trap '' PIPE; while sleep 1 > /dev/null && kill -0 $$; do echo alive || kill $$; done) < /dev/null 2> /dev/null &
alive=$!
";

/// Comes after it: whoever says that it lives does not keep its output open.
const LAST: &str = "kill \"$alive\" 2> /dev/null\n";

/// A server that we may change as root.
pub struct Root {
    /// As hostout.toml names it.
    pub name: String,
    /// The way to it.
    pub transport: Box<dyn Transport>,
    /// How commands become root's.
    pub elevation: Elevation,
    /// What it is made ready for.
    pub wanted: Wanted,
    /// The command that goes on after a stop, without `git hostout`.
    pub again: String,
}

/// Does a step that is not root's: the action, all servers, and the name of the one it is about.
pub type Here<'h> = &'h mut dyn FnMut(&Action, &mut [Root], Option<&str>) -> Result<()>;

/// Does as `plan` says; `here` does the steps that are not root's: those on this machine, and the proof that the key
/// logs in, for which it gets the server.
pub fn bootstrap(plan: &Plan, roots: &mut [Root], here: Here<'_>, watch: Watch<'_>) -> Result<()> {
    // Steps of one server that follow each other are done under one lock there.
    let same = |one: &Step, next: &Step| {
        one.host == next.host && is_script(&one.action) && is_script(&next.action)
    };
    for steps in plan.steps.chunk_by(same) {
        if let (1.., Some(root)) = (asked(), roots.first()) {
            return Err(stopped(root));
        }
        let host = steps[0].host.as_deref();
        if !is_script(&steps[0].action) {
            watch(Event::Begin(match host {
                Some(host) => format!("{host}: {}", steps[0].action),
                None => steps[0].action.to_string(),
            }));
            here(&steps[0].action, roots, host)?;
            continue;
        }
        let names: Vec<&str> = steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Bootstrap { step, .. } => Some(step.as_str()),
                _ => None,
            })
            .collect();
        let root = roots
            .iter_mut()
            .find(|root| Some(root.name.as_str()) == host)
            .ok_or(Error::Strange("a bootstrap"))?;
        apply(root, &names, watch)?;
    }
    Ok(())
}

fn is_script(action: &Action) -> bool {
    matches!(action, Action::Bootstrap { .. })
}

fn apply(root: &mut Root, steps: &[&str], watch: Watch<'_>) -> Result<()> {
    let command = Wanted::apply(&root.elevation);
    let before = root.elevation.input();
    let script = [FIRST, &root.wanted.script(steps), LAST].concat();
    let mut input = before.as_bytes().chain(script.as_bytes());
    let mut said = Said {
        host: &root.name,
        watch,
        line: Vec::new(),
        failed: None,
        heard: Heard::Words,
        busy: None,
        told: false,
    };
    let ended = root.transport.run(&command, &mut input, &mut said);
    match (said.heard, said.busy) {
        (Heard::CtrlC, None) => return Err(stopped(root)),
        (Heard::CtrlC, Some(what)) => {
            return Err(Error::BootstrapLeft {
                host: root.name.clone(),
                what,
                again: root.again.clone(),
            });
        }
        (Heard::Words | Heard::End, _) => {}
    }
    let (failed, whole) = (said.failed.take(), said.heard == Heard::End);
    let ended = ended.map_err(|error| lost(&root.name, &root.again, &error))?;
    match (failed, whole) {
        (Some((step, message, remedy)), _) => Err(Error::Bootstrap {
            host: root.name.clone(),
            again: root.again.clone(),
            message: format!("{step}: {message}"),
            remedy,
        }),
        (None, true) => Ok(()),
        (None, false) => {
            let (Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }) = ended;
            Err(Error::Bootstrap {
                host: root.name.clone(),
                again: root.again.clone(),
                message: format!("the script ended before its end: {}", stderr.trim()),
                remedy: String::new(),
            })
        }
    }
}

fn stopped(root: &Root) -> Error {
    Error::BootstrapStopped {
        again: root.again.clone(),
    }
}

/// The steps that were done stay done, and one may be going on.
fn lost(host: &str, again: &str, error: &transport::Error) -> Error {
    Error::Bootstrap {
        host: host.to_owned(),
        again: again.to_owned(),
        message: error.words(),
        remedy: String::new(),
    }
}

/// What was heard last: of the script, or of whoever sits before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Words,
    End,
    CtrlC,
}

/// What is kept of a line, in bytes: the script's own are short, whatever else is said there.
const MAX_LINE: usize = 1 << 16;

/// What the script says, line by line.
struct Said<'a> {
    host: &'a str,
    watch: Watch<'a>,
    line: Vec<u8>,
    failed: Option<(String, String, String)>,
    heard: Heard,
    /// The step that runs, and waits for nobody.
    busy: Option<String>,
    /// Whether it was said that the step goes on.
    told: bool,
}

impl Said<'_> {
    fn hear(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        let host = self.host;
        if line.starts_with("done\t") {
            self.busy = None;
        }
        match BareEvent::read(line.trim_end()) {
            Some(BareEvent::Begin(text)) => {
                (self.watch)(Event::Begin(format!("{host}: {text}")));
                self.busy = Some(text);
            }
            Some(BareEvent::Wait(text)) => {
                self.busy = None;
                (self.watch)(Event::Warning(format!("{host}: {text}; waiting")));
            }
            Some(BareEvent::Failed {
                step,
                message,
                remedy,
            }) => self.failed = Some((step, message, remedy)),
            Some(BareEvent::End(_)) => self.heard = Heard::End,
            None => {}
        }
    }

    /// Whether to go away: at the first Ctrl-C where it waits or is between two steps, at the second one in any case.
    fn leaves(&mut self) -> bool {
        if self.heard != Heard::Words || self.failed.is_some() {
            return false;
        }
        if asked() > u32::from(self.busy.is_some()) {
            self.heard = Heard::CtrlC;
            return true;
        }
        if asked() == 1 && !self.told {
            self.told = true;
            (self.watch)(Event::Warning(format!(
                "{}: the step that runs is done first. Ctrl-C again does not wait for it",
                self.host
            )));
        }
        false
    }
}

impl Write for Said<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                self.hear();
                if self.leaves() {
                    // The connection is given up: closing it in good order would wait for what runs there.
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            } else if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
