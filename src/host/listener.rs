//! The agent's stdout: JSON lines, the last of which proves that the verb ended.

use super::{Activated, Failure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io;

/// The longest line that is taken, in bytes. A status with every wheel tag is about 60 KiB.
const MAX_LINE: usize = 4 << 20;

/// Something that happened before the end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A step began.
    Step {
        /// Its name, e.g. `unpack`, `switch`.
        step: String,
        /// What it works on.
        #[serde(default)]
        detail: String,
    },
    /// A step goes on.
    Progress {
        /// Its name.
        step: String,
        /// How many are done.
        done: u64,
        /// Of how many, where that is known.
        total: Option<u64>,
    },
    /// Something went wrong that undoes nothing.
    Warning {
        /// What.
        message: String,
    },
    /// Nothing new, but the work goes on.
    Alive,
    /// The agent that is there is not this program's: its source is awaited.
    Source,
    /// A newer agent's.
    #[serde(other)]
    Other,
}

/// The last line of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    value: Value,
    ok: bool,
}

/// An answer that is none, or that says no.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The agent said no, and why.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
    /// There is no last line: the connection was lost, or it wasn't the agent that answered.
    #[error("the agent's answer has no end{}", last_words(.0))]
    NoEnd(String),
    /// The last line is of another shape.
    #[error("the agent's answer can't be read")]
    Shape(#[source] serde_json::Error),
}

/// Takes an answer as it comes, hands events on, and keeps the end.
pub struct Listener<F> {
    on_event: F,
    partial: Vec<u8>,
    end: Option<End>,
    stray: String,
    source: bool,
}

impl<F: FnMut(Event)> Listener<F> {
    /// A listener that hands events to `on_event`.
    pub fn new(on_event: F) -> Self {
        Self {
            on_event,
            partial: Vec::new(),
            end: None,
            stray: String::new(),
            source: false,
        }
    }

    /// Whether the agent's source is awaited; asked once, it counts as given.
    pub fn asks_for_source(&mut self) -> bool {
        std::mem::take(&mut self.source)
    }

    /// Whether it is somebody else's turn to speak.
    pub fn is_whole(&self) -> bool {
        self.end.is_some() || self.source
    }

    /// The end of the answer, when everything has been written.
    ///
    /// # Errors
    /// [`ListenError::NoEnd`] when there was none.
    pub fn end(self) -> Result<End, ListenError> {
        self.end.ok_or(ListenError::NoEnd(self.stray))
    }

    fn line(&mut self, line: &[u8]) {
        // What a login script prints is no line of ours; it is kept for the error only.
        let Ok(Value::Object(object)) = serde_json::from_slice(line) else {
            self.stray = String::from_utf8_lossy(line).chars().take(200).collect();
            return;
        };
        let ok = object.get("end").map(|end| end == "ok");
        let value = Value::Object(object);
        if let Some(ok) = ok {
            self.end = Some(End { value, ok });
        } else if let Ok(event) = serde_json::from_value(value) {
            self.source |= event == Event::Source;
            (self.on_event)(event);
        }
    }
}

impl<F: FnMut(Event)> io::Write for Listener<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.partial.extend_from_slice(bytes);
        let Some(last) = self.partial.iter().rposition(|byte| *byte == b'\n') else {
            if self.partial.len() > MAX_LINE {
                return Err(io::Error::other("the agent's line is too long"));
            }
            return Ok(bytes.len());
        };
        let rest = self.partial.split_off(last + 1);
        let whole = std::mem::replace(&mut self.partial, rest);
        for line in whole.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                self.line(line);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl End {
    /// Whether the verb did what it was asked to.
    pub fn ok(&self) -> bool {
        self.ok
    }

    /// The answer of a verb that worked.
    ///
    /// # Errors
    /// [`ListenError::Failed`] when it said no.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ListenError> {
        if self.ok {
            serde_json::from_value(self.value).map_err(ListenError::Shape)
        } else {
            let failure = serde_json::from_value(self.value).map_err(ListenError::Shape)?;
            Err(ListenError::Failed(Box::new(failure)))
        }
    }

    /// How a job ended, well or not. A refusal before there was a job is [`ListenError::Failed`].
    ///
    /// # Errors
    /// [`ListenError::Failed`] when no job ended; its `kind` tells whether one runs or died.
    pub fn activation(self) -> Result<Activated, ListenError> {
        let job_ended = self.value.get("event").is_some_and(|event| event == "end");
        if job_ended {
            return serde_json::from_value(self.value).map_err(ListenError::Shape);
        }
        self.read()
    }

    /// How a recovery ended; nothing when nothing had been cut off.
    ///
    /// # Errors
    /// As of [`End::activation`].
    pub fn recovery(self) -> Result<Option<Activated>, ListenError> {
        match self.value.get("recovered") {
            Some(_) => Ok(None),
            None => self.activation().map(Some),
        }
    }
}

fn last_words(stray: &str) -> String {
    if stray.is_empty() {
        String::new()
    } else {
        format!("; the last thing it said is {stray:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{ActivationResult, FailureKind, PutAnswer};
    use std::io::Write as _;

    fn listen(chunks: &[&str]) -> (Vec<Event>, Result<End, ListenError>) {
        let mut events = Vec::new();
        let mut listener = Listener::new(|event| events.push(event));
        for chunk in chunks {
            listener.write_all(chunk.as_bytes()).unwrap();
        }
        let end = listener.end();
        (events, end)
    }

    #[test]
    fn lines_may_come_in_pieces_and_with_strangers() {
        let (events, end) = listen(&[
            "Welcome!\n{\"event\":\"st",
            "ep\",\"step\":\"unpack\",\"detail\":\"x\"}\n{\"event\":\"new\",\"x\":1}\n",
            "{\"end\":\"ok\",\"stored\":1,\"bytes\":2,\"later\":3}\n",
        ]);
        let step = Event::Step {
            step: "unpack".to_owned(),
            detail: "x".to_owned(),
        };
        assert_eq!(events, [step, Event::Other]);
        let answer: PutAnswer = end.unwrap().read().unwrap();
        assert_eq!((answer.stored, answer.bytes), (1, 2));
    }

    #[test]
    fn a_torn_last_line_is_no_end() {
        let (_, end) = listen(&["{\"event\":\"alive\"}\n{\"end\":\"ok\"}"]);
        assert!(matches!(end, Err(ListenError::NoEnd(_))));
    }

    #[test]
    fn a_no_is_read_with_its_kind() {
        let (_, end) = listen(&[
            "{\"end\":\"failed\",\"kind\":\"locked\",\"message\":\"by Ann\",\"hint\":\"wait for STAGE\",\"output\":[],\
             \"lock\":{\"by\":\"Ann\",\"from\":\"laptop\",\"pid\":7,\"since\":\"x\",\"step\":\"prepare\",\"expired\":false}}\n",
        ]);
        let error = end.unwrap().read::<PutAnswer>().unwrap_err();
        let ListenError::Failed(failure) = error else {
            panic!("{error}");
        };
        let hint = failure.hint.map(|hint| hint.words(Some("live")));
        assert_eq!(hint.as_deref(), Some("wait for live"));
        assert_eq!(failure.kind, FailureKind::Locked);
        assert_eq!(failure.lock.unwrap().by, "Ann");
    }

    #[test]
    fn a_job_that_was_put_back_is_an_activation_not_an_error() {
        let (_, end) = listen(&[
            "{\"event\":\"end\",\"end\":\"failed\",\"result\":\"reverted\",\"id\":\"a1\",\"from\":\"1.0.0\",\
             \"to\":\"1.1.0\",\"current\":\"1.0.0\",\"backup\":null,\"output\":[\"boom\"],\"message\":\"m\",\
             \"kind\":\"unhealthy\",\"hint\":null}\n",
        ]);
        let activated = end.unwrap().activation().unwrap();
        assert_eq!(activated.result, ActivationResult::Reverted);
        assert_eq!(activated.output, ["boom"]);
    }
}
