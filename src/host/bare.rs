//! What the bootstrap script says, read line by line.

use std::collections::BTreeMap;

/// A server as the script sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bare {
    /// `system`, `memory` (in MB), `services`; `powers`, the groups by which the runtime user has rights of root; `sharing`,
    /// the project's other stages whose services run as that user; `strange`, where that user is there and not by us.
    pub facts: BTreeMap<String, String>,
    /// Every step, in order.
    pub steps: Vec<BareStep>,
}

/// A step, and whether it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareStep {
    /// Its name in the script.
    pub name: String,
    /// Whether it is done.
    pub state: BareState,
    /// What is (to be) done, or why it must not be.
    pub text: String,
}

/// Whether a step is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BareState {
    /// It is done.
    Have,
    /// It is to be done.
    Todo,
    /// It must not be done, and what to do about that.
    No(String),
}

/// Something that the script says while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BareEvent {
    /// A step begins: what is done.
    Begin(String),
    /// It waits for somebody.
    Wait(String),
    /// A step failed: which, why, and what to do about it.
    Failed {
        /// Its name.
        step: String,
        /// Why.
        message: String,
        /// What to do about it; may be empty.
        remedy: String,
    },
    /// The end; whether all was done.
    End(bool),
}

/// What the script says first.
pub const BEGIN: &str = "script\tbegins";

impl Bare {
    /// Reads what `check` printed; nothing where it has no end. Before it a login shell may have said anything.
    pub fn read(text: &str) -> Option<Self> {
        let mut bare = Self::default();
        let mut lines = text.lines();
        lines.find(|line| *line == BEGIN)?;
        for line in lines {
            match line.split('\t').collect::<Vec<_>>().as_slice() {
                ["fact", name, value] => {
                    bare.facts.insert((*name).to_owned(), (*value).to_owned());
                }
                ["step", name, state, text, remedy @ ..] => bare.steps.push(BareStep {
                    name: (*name).to_owned(),
                    state: match *state {
                        "have" => BareState::Have,
                        "todo" => BareState::Todo,
                        _ => BareState::No(remedy.join(" ")),
                    },
                    text: (*text).to_owned(),
                }),
                ["end", "ok"] => return Some(bare),
                _ => {}
            }
        }
        None
    }

    /// The steps that are to be done.
    pub fn todo(&self) -> impl Iterator<Item = &BareStep> {
        let steps = self.steps.iter();
        steps.filter(|step| step.state == BareState::Todo)
    }
}

impl BareEvent {
    /// Reads a line of `apply`; nothing for one that needs no words.
    pub fn read(line: &str) -> Option<Self> {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["begin", _, text] => Some(Self::Begin((*text).to_owned())),
            ["wait", text] => Some(Self::Wait((*text).to_owned())),
            ["fail", step, message, remedy @ ..] => Some(Self::Failed {
                step: (*step).to_owned(),
                message: message.trim().to_owned(),
                remedy: remedy.join(" "),
            }),
            ["end", how] => Some(Self::End(*how == "ok")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_no_answer() {
        let text = "banner\nend\tok\nscript\tbegins\nfact\tmemory\t512\nstep\tkey\ttodo\ta key\n\
                    step\tfolders\tno\ttaken\tempty it\n";
        assert_eq!(Bare::read(text), None);
        assert_eq!(Bare::read("fact\tmemory\t512\nend\tok\n"), None);
        let bare = Bare::read(&format!("{text}end\tok\n")).unwrap();
        assert_eq!(bare.facts["memory"], "512");
        assert_eq!(bare.steps[1].state, BareState::No("empty it".to_owned()));
        assert_eq!(bare.todo().count(), 1);
        assert_eq!(BareEvent::read("end\tfailed"), Some(BareEvent::End(false)));
        assert_eq!(BareEvent::read("done\tkey"), None);
    }
}
