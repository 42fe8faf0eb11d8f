//! Carrying out a bootstrap.

use super::{Error, Result};
use crate::{
    event::{Event, Watch},
    host::{BareEvent, Elevation, Ended, SCRIPT, Wanted},
    plan::{Action, Plan, Step},
    transport::{self, Transport},
};
use std::io::{self, Read as _, Write};

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
    let command = root.wanted.apply(&root.elevation, steps);
    let before = root.elevation.input();
    let mut input = before.as_bytes().chain(SCRIPT.as_bytes());
    let mut said = Said {
        host: &root.name,
        watch,
        line: Vec::new(),
        failed: None,
        ended: false,
    };
    let ended = root
        .transport
        .run(&command, &mut input, &mut said)
        .map_err(|error| lost(&root.name, &root.wanted.stage, &error))?;
    let (failed, whole) = (said.failed.take(), said.ended);
    match (failed, whole) {
        (Some((step, message, remedy)), _) => Err(Error::Bootstrap {
            host: root.name.clone(),
            stage: root.wanted.stage.clone(),
            message: format!("{step}: {message}"),
            remedy,
        }),
        (None, true) => Ok(()),
        (None, false) => {
            let (Ended::Exited { stderr, .. } | Ended::Signalled { stderr, .. }) = ended;
            Err(Error::Bootstrap {
                host: root.name.clone(),
                stage: root.wanted.stage.clone(),
                message: format!("the script ended before its end: {}", stderr.trim()),
                remedy: String::new(),
            })
        }
    }
}

/// The steps that were done stay done, and one may be going on.
fn lost(host: &str, stage: &str, error: &transport::Error) -> Error {
    Error::Bootstrap {
        host: host.to_owned(),
        stage: stage.to_owned(),
        message: error.words(),
        remedy: String::new(),
    }
}

/// What the script says, line by line.
struct Said<'a> {
    host: &'a str,
    watch: Watch<'a>,
    line: Vec<u8>,
    failed: Option<(String, String, String)>,
    ended: bool,
}

impl Said<'_> {
    fn hear(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        let host = self.host;
        match BareEvent::read(line.trim_end()) {
            Some(BareEvent::Begin(text)) => (self.watch)(Event::Begin(format!("{host}: {text}"))),
            Some(BareEvent::Wait(text)) => {
                (self.watch)(Event::Warning(format!("{host}: {text}; waiting")));
            }
            Some(BareEvent::Failed {
                step,
                message,
                remedy,
            }) => self.failed = Some((step, message, remedy)),
            Some(BareEvent::End(_)) => self.ended = true,
            None => {}
        }
    }
}

impl Write for Said<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                self.hear();
            } else {
                self.line.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
