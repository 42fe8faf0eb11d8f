//! What can be wrong with `hostout.toml`, or with what is asked of it.

use super::place::{Place, Span};
use super::redact::redact;
use std::fmt;

/// Why there is no answer from `hostout.toml`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text has mistakes: all of them, in the order of the file.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
    /// A stage was named that the file doesn't have.
    #[error("there is no stage `{name}`")]
    UnknownStage {
        /// The name.
        name: String,
        /// The stages that there are.
        known: Vec<String>,
    },
    /// A stage is needed and the file has none.
    #[error("there are no stages")]
    NoStages,
    /// Several stages, none of them the default, and none was named.
    #[error("which stage? there are {}", .known.join(", "))]
    WhichStage {
        /// The stages that there are.
        known: Vec<String>,
    },
    /// A stage that is there has another value than the one that was to be written.
    #[error("stage `{stage}` already has {key} = {old}, not {new}")]
    Conflict {
        /// The stage.
        stage: String,
        /// The key.
        key: &'static str,
        /// Its value in the file, as TOML.
        old: String,
        /// The value that was asked for, as TOML.
        new: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid(problems) => problems.iter().find_map(|problem| problem.hint.clone()),
            Self::UnknownStage { name, known } if known.is_empty() => Some(format!(
                "add it: git hostout init --stage {name} --host HOST --path PATH"
            )),
            Self::UnknownStage { name, known } => suggest(name, known.iter().map(String::as_str)),
            Self::NoStages => {
                Some("add one: git hostout init --stage STAGE --host HOST --path PATH".to_owned())
            }
            Self::WhichStage { .. } => {
                Some("name it, or set `default-stage` in [project]".to_owned())
            }
            Self::Conflict { .. } => {
                Some("edit the file to change it, or name another stage".to_owned())
            }
        }
    }
}

/// One mistake in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, as the user gave it.
    pub file: String,
    /// Where; nowhere for what is missing altogether.
    pub place: Option<Place>,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place { line, column, .. }) => {
                write!(f, "{}:{line}:{column}: {}", self.file, self.message)
            }
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl Problem {
    /// The source line with its number, and a caret below the place.
    pub fn excerpt(&self) -> Option<String> {
        let Place {
            line,
            column,
            source,
        } = self.place.as_ref()?;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // tabs stay tabs, so that the caret stands below the place in every terminal
        let indent: String = source
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        Some(format!("{number} | {source}\n{margin} | {indent}^"))
    }
}

/// The mistakes found so far in one text.
pub(super) struct Problems<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl<'t> Problems<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    /// Notes a mistake once, however many stages inherit it.
    pub(super) fn add(&mut self, span: Option<&Span>, message: &str, hint: Option<String>) {
        let problem = Problem {
            file: self.file.to_owned(),
            place: span.map(|span| Place::of(self.text, span.start)),
            message: redact(message),
            hint,
        };
        if self.found.iter().all(|(_, known)| *known != problem) {
            self.found
                .push((span.map_or(0, |span| span.start), problem));
        }
    }

    /// `value`, if there was no mistake.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Error> {
        self.found.sort_by_key(|(offset, _)| *offset);
        let problems = self.found.into_iter().map(|(_, problem)| problem).collect();
        match value {
            Some(value) if Vec::is_empty(&problems) => Ok(value),
            _ => Err(Error::Invalid(problems)),
        }
    }
}

/// "did you mean …?" for the nearest of `known`, else the list.
pub(super) fn suggest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    match nearest(word, known.iter().copied()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known: {}", known.join(", "))),
    }
}

/// The nearest of `known`, where it is near.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| candidate)
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_listed() {
        let known = ["default-stage", "name"];
        let hint = |word| suggest(word, known.into_iter());
        assert_eq!(
            hint("defualt-stage").as_deref(),
            Some("did you mean `default-stage`?")
        );
        assert_eq!(
            hint("colour").as_deref(),
            Some("known: default-stage, name")
        );
        assert_eq!(suggest("x", std::iter::empty()), None);
    }

    #[test]
    fn the_caret_stands_below_the_place() {
        let mut problems = Problems::new("f", "ok = 1\n\tkey = 2\n");
        problems.add(Some(&(14..15)), "no", None);
        let Err(Error::Invalid(found)) = problems.finish(Some(())) else {
            panic!("a problem was lost");
        };
        assert_eq!(found[0].to_string(), "f:2:8: no");
        assert_eq!(found[0].excerpt().unwrap(), "2 | \tkey = 2\n  | \t      ^");
    }
}
