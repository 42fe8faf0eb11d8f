//! Passwords that stand in a project's own configurations, where everybody who has the repository reads them.
//!
//! Only an address with a password is surely one. What is found here by an option's name may be something else: it is told,
//! never refused.

use super::{
    Exposed, Graph, Place,
    cfg::{self, Opt, Section},
};

/// An option that holds a password, or looks as if.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Where it stands.
    pub place: Place,
    /// Its section.
    pub section: String,
    /// Its name.
    pub option: String,
}

/// How the names of such options end, in small letters and with `-` for `_`.
const ENDINGS: [&str; 6] = [
    "password",
    "passwd",
    "secret",
    "secret-key",
    "token",
    "api-key",
];

/// What answers a question, and is no secret: `ask-password = no`.
const ANSWERS: [&str; 7] = ["true", "false", "yes", "no", "on", "off", "none"];

/// The recipe whose `user` is a name with its password.
const ZOPE: &str = "plone.recipe.zope2instance";

impl Secret {
    /// What is told of it; `file` is its file's path from the root of the repository.
    pub fn exposed(&self, file: &str) -> Exposed {
        let Self {
            place,
            section,
            option,
        } = self;
        Exposed {
            what: format!(
                "{file}:{}: [{section}] {option} looks like a password, in git for everyone to read",
                place.line
            ),
            remedy: "move it into a file that only hosts have (`files` in [shared], git hostout put), and change it"
                .to_owned(),
        }
    }
}

impl Graph {
    /// The options of the project's own files that hold a literal password, by their names.
    pub fn secrets(&self) -> Vec<Secret> {
        let mut found = Vec::new();
        for file in &self.files {
            let Some(Ok(cfg)) = self.texts.get(file).map(|text| cfg::parse(text)) else {
                continue;
            };
            for section in &cfg.sections {
                if self.holds_names(&section.name) {
                    continue;
                }
                for option in &section.options {
                    if self.is_secret(section, option) {
                        found.push(Secret {
                            place: Place {
                                file: file.clone(),
                                line: option.line,
                            },
                            section: section.name.clone(),
                            option: option.name.clone(),
                        });
                    }
                }
            }
        }
        found
    }

    /// Whether the options of a section are names of distributions: pins, and mr.developer's sources.
    fn holds_names(&self, section: &str) -> bool {
        let sources = match self.sections.text("buildout", "sources") {
            "" => "sources",
            named => named,
        };
        [self.sections.versions_section(), "versions", sources].contains(&section)
    }

    fn is_secret(&self, section: &Section, option: &Opt) -> bool {
        let value = option.value.trim();
        if value.is_empty() || value.contains("${") {
            return false;
        }
        let name = option.name.to_lowercase().replace('_', "-");
        // A password in words of several lines is none; `zope.password` is a distribution.
        let named = ENDINGS.iter().any(|ending| {
            name.strip_suffix(ending)
                .is_some_and(|before| !before.ends_with('.'))
        });
        if named {
            return !value.contains('\n') && !ANSWERS.contains(&value.to_lowercase().as_str());
        }
        option.name == "user" && self.is_zope(section) && has_both(value)
    }

    /// Whether a section is an instance of Zope, or a macro that may become one.
    fn is_zope(&self, section: &Section) -> bool {
        let recipe = self.sections.text(&section.name, "recipe");
        recipe.is_empty() || recipe.split(':').next() == Some(ZOPE)
    }
}

/// `NAME:PASSWORD`. What everybody knows is told by itself, see [`super::exposed`].
fn has_both(value: &str) -> bool {
    let both = value.split_once(':');
    value != "admin:admin"
        && both.is_some_and(|(name, password)| {
            !name.is_empty() && !password.is_empty() && !value.contains(char::is_whitespace)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildout::Sources;

    fn told(text: &str) -> Vec<String> {
        let sources = Sources {
            file: &|_| Some(text.as_bytes().to_vec()),
            fetch: &|_| Ok(Vec::new()),
            holds: &|_| Ok(true),
            stand_ins: &[],
        };
        let graph = Graph::read(&sources, "base.cfg").unwrap();
        let secrets = graph.secrets().into_iter();
        secrets
            .map(|secret| {
                format!(
                    "{} [{}] {}",
                    secret.place.line, secret.section, secret.option
                )
            })
            .collect()
    }

    #[test]
    fn options_are_known_by_their_names() {
        let text = "[app]\npassword = hunter2\ndb-password = x\nsecret-key = x\nDB_PASSWD = x\napi_key = x\nauth-token += x\n\
                    [instance]\nrecipe = plone.recipe.zope2instance\nuser = admin:s3cret\n[base]\nuser = ada:long-word\n";
        assert_eq!(
            told(text),
            [
                "2 [app] password",
                "3 [app] db-password",
                "4 [app] secret-key",
                "5 [app] DB_PASSWD",
                "6 [app] api_key",
                "7 [app] auth-token",
                "10 [instance] user",
                "12 [base] user",
            ]
        );
    }

    #[test]
    fn what_only_sounds_so_is_left_alone() {
        let text = "[buildout]\nsources = code\n[versions]\npassword = 1.0\n[code]\nmy-token = git https://host/my-token\n\
                    [app]\npassword = ${secrets:password}\ntoken =\nask-password = no\nzope.password = 4.4\npassword-file = x\n\
                    help-token =\n    one\n    two\n\
                    [instance]\nrecipe = plone.recipe.zope2instance\nuser = admin:admin\n\
                    [run]\nrecipe = some.recipe\nuser = www-data:www-data\n[supervisor]\nuser = web\n";
        assert_eq!(told(text), [""; 0]);
    }
}
