//! The messages of entries and tags: a subject, words for people, and trailers (git-interpret-trailers(1)).
//!
//! Trailers are the last paragraph and only that is read, so that no reason can forge one.

use super::{Error, Kind, Result};
use crate::release::{Intent, Outcome};
use semver::Version;

/// A message. `body` may be empty, and is cleaned of control characters.
pub(super) fn write(subject: &str, body: &str, trailers: &[(&str, String)]) -> String {
    let kept = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            ' '
        } else {
            c
        }
    };
    let body: String = body.replace("\r\n", "\n").chars().map(kept).collect();
    let mut text = format!("{}\n\n", subject.trim());
    if !body.trim().is_empty() {
        text.push_str(body.trim_matches('\n').trim_end());
        text.push_str("\n\n");
    }
    for (name, value) in trailers {
        text.extend([name, ": ", value, "\n"]);
    }
    text
}

/// The last paragraph of a message.
pub(super) struct Trailers<'a>(&'a str);

impl<'a> Trailers<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = text.trim_end();
        Self(text.rsplit_once("\n\n").map_or("", |(_, last)| last))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let mut lines = self.0.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// What stands between subject and trailers.
pub(super) fn body(text: &str) -> &str {
    let rest = text.split_once("\n\n").map_or("", |(_, rest)| rest);
    let body = rest.trim_end().rsplit_once("\n\n");
    body.map_or("", |(body, _)| body.trim())
}

/// The subject of an entry, e.g. `deploy staging 1.4.2 started`.
pub(super) fn subject(kind: &Kind) -> Result<String> {
    let word = |what, value: &str| {
        if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::Unwritable {
                what,
                value: value.to_owned(),
            });
        }
        Ok(())
    };
    Ok(match kind {
        Kind::Start { name } => {
            word("project", name)?;
            format!("start {name}")
        }
        Kind::Release { version, .. } => format!("release {version}"),
        Kind::Started {
            stage,
            version,
            intent,
        } => {
            word("stage", stage)?;
            format!("{} {stage} {version} started", intent_word(*intent))
        }
        Kind::Ended {
            stage,
            version,
            outcome,
            intent,
            ..
        } => {
            word("stage", stage)?;
            format!("{} {stage} {version} {outcome}", intent_word(*intent))
        }
        Kind::Keys { what } => {
            what.split(' ').try_for_each(|part| word("key", part))?;
            format!("keys {what}")
        }
        Kind::Approved { stage, version } => {
            word("stage", stage)?;
            format!("approve {stage} {version}")
        }
        Kind::Withdrawn { version } => format!("withdraw {version}"),
        Kind::Other(subject) => {
            if subject.trim().is_empty() || subject.contains(char::is_control) {
                return Err(Error::Unwritable {
                    what: "subject",
                    value: subject.clone(),
                });
            }
            subject.clone()
        }
    })
}

/// The kind of an entry by its whole message.
pub fn kind_of_message(text: &str) -> Kind {
    kind(text, &Trailers::of(text))
}

/// The kind of an entry by its message. What a newer program wrote is [`Kind::Other`].
pub(super) fn kind(text: &str, trailers: &Trailers<'_>) -> Kind {
    let subject = text.lines().next().unwrap_or_default();
    known(subject, trailers).unwrap_or_else(|| Kind::Other(subject.to_owned()))
}

fn known(subject: &str, trailers: &Trailers<'_>) -> Option<Kind> {
    let words: Vec<&str> = subject.split(' ').collect();
    Some(match words[..] {
        ["start", name] => Kind::Start { name: name.into() },
        ["release", version] => Kind::Release {
            version: version.parse().ok()?,
            tag: trailers.get("Hostout-Tag")?.parse().ok()?,
            commit: trailers.get("Hostout-Commit")?.parse().ok()?,
        },
        ["keys", ..] => Kind::Keys {
            what: subject.split_once(' ')?.1.to_owned(),
        },
        ["approve", stage, version] => Kind::Approved {
            stage: stage.into(),
            version: version.parse().ok()?,
        },
        ["withdraw", version] => Kind::Withdrawn {
            version: version.parse().ok()?,
        },
        [verb, stage, version, end] => {
            let intent = [Intent::Deploy, Intent::Rollback]
                .into_iter()
                .find(|intent| intent_word(*intent) == verb)?;
            let version: Version = version.parse().ok()?;
            let stage = stage.to_owned();
            if end == "started" {
                return Some(Kind::Started {
                    stage,
                    version,
                    intent,
                });
            }
            let outcome = OUTCOMES
                .into_iter()
                .find(|outcome| outcome.to_string() == end)?;
            let of = trailers.get("Hostout-Of")?.to_owned();
            Kind::Ended {
                stage,
                version,
                of: crate::release::EntryId(of),
                outcome,
                intent,
            }
        }
        _ => return None,
    })
}

const OUTCOMES: [Outcome; 4] = [
    Outcome::Healthy,
    Outcome::Reverted,
    Outcome::Failed,
    Outcome::Abandoned,
];

fn intent_word(intent: Intent) -> &'static str {
    match intent {
        Intent::Deploy => "deploy",
        Intent::Rollback => "rollback",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::EntryId;

    #[test]
    fn every_kind_is_read_back_from_its_message() {
        let (stage, version) = ("staging".to_owned(), Version::new(1, 4, 2));
        let [tag, commit]: [gix::ObjectId; 2] =
            ["1", "2"].map(|digit| digit.repeat(40).parse().unwrap());
        let mut kinds = vec![
            Kind::Start {
                name: "shop".into(),
            },
            Kind::Release {
                version: version.clone(),
                tag,
                commit,
            },
            Kind::Keys {
                what: "add ben@example.org".into(),
            },
            Kind::Approved {
                stage: stage.clone(),
                version: version.clone(),
            },
            Kind::Withdrawn {
                version: version.clone(),
            },
            Kind::Other("keys: add ben".into()),
        ];
        for intent in [Intent::Deploy, Intent::Rollback] {
            kinds.push(Kind::Started {
                stage: stage.clone(),
                version: version.clone(),
                intent,
            });
            kinds.extend(OUTCOMES.map(|outcome| Kind::Ended {
                stage: stage.clone(),
                version: version.clone(),
                of: EntryId("aa".into()),
                outcome,
                intent,
            }));
        }
        for expected in kinds {
            let trailers = [
                ("Hostout-Tag", tag.to_string()),
                ("Hostout-Commit", commit.to_string()),
                ("Hostout-Of", "aa".to_owned()),
            ];
            let text = write(&subject(&expected).unwrap(), "why not", &trailers);
            assert_eq!(kind(&text, &Trailers::of(&text)), expected);
            assert_eq!(body(&text), "why not");
        }
    }

    #[test]
    fn a_reason_cannot_forge_a_trailer() {
        let trailers = [("Hostout-Serial", "7".to_owned())];
        for reason in [
            "Hostout-Serial: 9",
            "a\n\nHostout-Serial: 9",
            "Hostout-Serial: 9\r\n\r\n",
            "x\n\n\n\u{1b}[31m\0",
        ] {
            let text = write("release 1.0.0", reason, &trailers);
            assert_eq!(Trailers::of(&text).get("Hostout-Serial"), Some("7"));
            assert!(!text.contains(['\0', '\u{1b}', '\r']), "{text:?}");
        }
        assert_eq!(body(&write("release 1.0.0", "", &trailers)), "");
    }

    #[test]
    fn a_stage_with_a_space_is_refused() {
        let kind = Kind::Started {
            stage: "my stage".into(),
            version: Version::new(1, 0, 0),
            intent: Intent::Deploy,
        };
        assert!(matches!(subject(&kind), Err(Error::Unwritable { .. })));
    }

    /// The frozen samples of `fixtures/formats/v1`: messages as they were written and will be read.
    #[test]
    fn old_messages_mean_what_they_meant() {
        type Sample<'a> = (
            &'a str,
            Kind,
            &'a str,
            [&'a str; 2],
            Vec<(&'a str, &'a str)>,
        );
        let (stage, version) = ("staging".to_owned(), Version::new(1, 4, 2));
        let [tag, commit]: [gix::ObjectId; 2] =
            ["3", "4"].map(|digit| digit.repeat(40).parse().unwrap());
        let release = Kind::Release {
            version: version.clone(),
            tag,
            commit,
        };
        let started = Kind::Started {
            stage: stage.clone(),
            version: version.clone(),
            intent: Intent::Rollback,
        };
        let ended = Kind::Ended {
            stage,
            version,
            of: EntryId("8e6f79f83626d68a".into()),
            outcome: Outcome::Reverted,
            intent: Intent::Deploy,
        };
        let (tag, commit) = (tag.to_string(), commit.to_string());
        let (keys, approved, withdrawn) = (
            Kind::Keys {
                what: "add ben@example.org".into(),
            },
            Kind::Approved {
                stage: "production".into(),
                version: Version::new(1, 4, 2),
            },
            Kind::Withdrawn {
                version: Version::new(1, 4, 2),
            },
        );
        let samples: [Sample<'_>; 6] = [
            (
                include_str!("../../fixtures/formats/v1/ledger-keys.txt"),
                keys,
                "new colleague",
                ["8", "1111111111111111"],
                Vec::new(),
            ),
            (
                include_str!("../../fixtures/formats/v1/ledger-approve.txt"),
                approved,
                "",
                ["9", "2222222222222222"],
                Vec::new(),
            ),
            (
                include_str!("../../fixtures/formats/v1/ledger-withdraw.txt"),
                withdrawn,
                "leaks",
                ["10", "3333333333333333"],
                Vec::new(),
            ),
            (
                include_str!("../../fixtures/formats/v1/ledger-release.txt"),
                release,
                "",
                ["5", "34b86a52c8bdb7bf"],
                vec![("Hostout-Tag", &tag), ("Hostout-Commit", &commit)],
            ),
            (
                include_str!("../../fixtures/formats/v1/ledger-started.txt"),
                started,
                "Spring sale",
                ["6", "8e6f79f83626d68a"],
                Vec::new(),
            ),
            (
                include_str!("../../fixtures/formats/v1/ledger-ended.txt"),
                ended,
                "Spring sale",
                ["7", "b600c501ed5a5323"],
                vec![("Hostout-Of", "8e6f79f83626d68a")],
            ),
        ];
        for (text, expected, reason, [serial, id], more) in samples {
            let found = Trailers::of(text);
            assert_eq!(kind(text, &found), expected);
            assert_eq!(body(text), reason);
            assert_eq!(found.get("Hostout-Serial"), Some(serial));
            assert_eq!(found.get("Hostout-Id"), Some(id));
            let mut trailers = vec![("Hostout-Serial", serial.into()), ("Hostout-Id", id.into())];
            trailers.extend(
                more.into_iter()
                    .map(|(name, value)| (name, value.to_owned())),
            );
            assert_eq!(write(&subject(&expected).unwrap(), reason, &trailers), text);
        }
    }
}
