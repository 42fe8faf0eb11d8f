//! A password that has expired: a new one is asked for, and given to the host.

use crate::{
    observe::BareError,
    transport::{self, HostKeyQuestion, Prompter, Target, Transport},
};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How often a new password is asked for.
const TRIES: usize = 3;

/// Whoever answers, and the password that was given last: the host asks for the old one once more.
pub(super) struct Remembering<'a> {
    prompter: &'a dyn Prompter,
    password: Mutex<Option<String>>,
}

impl<'a> Remembering<'a> {
    pub(super) fn new(prompter: &'a dyn Prompter) -> Self {
        let password = Mutex::new(None);
        Self { prompter, password }
    }

    fn last(&self) -> MutexGuard<'_, Option<String>> {
        self.password.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The password that logged in, else one that is asked for.
    fn old(&self, user: &str, host: &str) -> Option<String> {
        let last = self.last().clone();
        last.or_else(|| self.password(user, host))
    }
}

impl Prompter for Remembering<'_> {
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
        self.prompter.host_key(question)
    }

    fn passphrase(&self, file: &Path) -> Option<String> {
        self.prompter.passphrase(file)
    }

    fn password(&self, user: &str, host: &str) -> Option<String> {
        let password = self.prompter.password(user, host);
        self.last().clone_from(&password);
        password
    }

    fn wrong(&self, what: &str) {
        self.prompter.wrong(what);
    }

    fn answer(&self, prompt: &str, echo: bool) -> Option<String> {
        self.prompter.answer(prompt, echo)
    }
}

/// The same, but for the password: that of the login before.
struct Again<'a>(&'a Remembering<'a>);

impl Prompter for Again<'_> {
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
        self.0.host_key(question)
    }

    fn passphrase(&self, file: &Path) -> Option<String> {
        self.0.passphrase(file)
    }

    fn password(&self, user: &str, host: &str) -> Option<String> {
        self.0.old(user, host)
    }

    fn answer(&self, prompt: &str, echo: bool) -> Option<String> {
        self.0.answer(prompt, echo)
    }
}

/// Asks for a new password in the place of one that has expired, and gives it to the host: the new one. What the host does
/// not take is asked for again, over a new connection.
pub(super) fn password(
    mut transport: Box<dyn Transport>,
    target: &Target,
    user: &str,
    typed: &Remembering<'_>,
) -> Result<String, BareError> {
    let host = transport.host().to_owned();
    let mut said = None;
    for tried in 0..TRIES {
        let new = wanted(&host, user, said.as_deref(), typed)?;
        if tried > 0 {
            transport = transport::connect(target, &Again(typed))?;
        }
        match given(transport.as_mut(), &host, user, &new, typed) {
            Ok(()) => return Ok(new),
            Err(why) => said = Some(why),
        }
    }
    Err(BareError::NotRenewed {
        host,
        user: user.to_owned(),
        said: said.unwrap_or_default(),
    })
}

/// A new password, typed twice; `said` is what was said of the one before.
fn wanted(
    host: &str,
    user: &str,
    said: Option<&str>,
    prompter: &dyn Prompter,
) -> Result<String, BareError> {
    let ask = |before: &str, again: &str| {
        let prompt =
            format!("{before}The password of {user} on {host} has expired. A new one{again}:");
        prompter.answer(&prompt, false)
    };
    let mut before = said.map_or_else(String::new, |said| format!("{host} says: {said}\n"));
    for _ in 0..TRIES {
        let Some(new) = ask(&before, "").filter(|new| !new.is_empty()) else {
            return Err(BareError::Expired {
                host: host.to_owned(),
                user: user.to_owned(),
            });
        };
        if ask("", ", again").as_ref() == Some(&new) {
            return Ok(new);
        }
        "These two differ.\n".clone_into(&mut before);
    }
    Err(BareError::NotRenewed {
        host: host.to_owned(),
        user: user.to_owned(),
        said: "what was typed twice differed".to_owned(),
    })
}

/// Whom passwd(1) asks for what, by its last words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Old,
    New,
    NewAgain,
}

impl Asked {
    fn read(prompt: &str) -> Self {
        let prompt = prompt.to_lowercase();
        let again = [
            "retype", "re-type", "re-enter", "reenter", "again", "repeat",
        ];
        if prompt.contains("current") || prompt.contains("old ") {
            Self::Old
        } else if again.iter().any(|word| prompt.contains(word)) {
            Self::NewAgain
        } else {
            Self::New
        }
    }
}

/// Gives it to the host, or says why that does not take it.
fn given(
    transport: &mut dyn Transport,
    host: &str,
    user: &str,
    new: &str,
    typed: &Remembering<'_>,
) -> Result<(), String> {
    let (mut refused, mut asked) = (None, Vec::new());
    let result = transport.change_password(&mut |text| {
        let (before, prompt) = text.rsplit_once('\n').unwrap_or(("", text));
        let now = Asked::read(prompt);
        let twice = asked.contains(&now);
        asked.push(now);
        if twice {
            // It asks once more instead of going on: it did not take what it got, and says why.
            refused = last_line(before);
            return None;
        }
        match now {
            Asked::Old => typed.old(user, host),
            Asked::New | Asked::NewAgain => Some(new.to_owned()),
        }
    });
    let Err(error) = result else {
        return Ok(());
    };
    let said = match &error {
        transport::Error::NotStarted { message, .. } => message.clone(),
        error => error.to_string(),
    };
    if asked == [Asked::Old] || (refused.is_some() && asked == [Asked::Old, Asked::Old]) {
        *typed.last() = None;
        return Err(format!("the current password of {user} was not right"));
    }
    Err(refused.unwrap_or(said))
}

fn last_line(text: &str) -> Option<String> {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Command, Ended},
        transport::Answer,
    };
    use std::{
        io::{Read, Write},
        slice::Iter,
    };

    /// Types one word after the other.
    struct Typist(Mutex<Iter<'static, &'static str>>);

    impl Prompter for Typist {
        fn password(&self, _: &str, _: &str) -> Option<String> {
            self.answer("", false)
        }

        fn answer(&self, _: &str, _: bool) -> Option<String> {
            self.0.lock().unwrap().next().map(|&word| word.to_owned())
        }
    }

    /// A host whose passwd says this, and then that the password is not changed.
    struct Passwd(&'static [&'static str]);

    fn not_changed() -> transport::Error {
        transport::Error::NotStarted {
            host: "web1".to_owned(),
            command: "passwd".to_owned(),
            message: "it said no".to_owned(),
        }
    }

    impl Transport for Passwd {
        fn run(
            &mut self,
            _: &Command,
            _: &mut dyn Read,
            _: &mut dyn Write,
        ) -> Result<Ended, transport::Error> {
            Err(not_changed())
        }

        fn ask(
            &mut self,
            _: &Command,
            _: &mut dyn Read,
            _: &mut dyn Answer,
        ) -> Result<Option<Ended>, transport::Error> {
            Err(not_changed())
        }

        fn change_password(
            &mut self,
            answer: &mut dyn FnMut(&str) -> Option<String>,
        ) -> Result<(), transport::Error> {
            for said in self.0 {
                answer(said).ok_or_else(not_changed)?;
            }
            Err(not_changed())
        }

        fn host(&self) -> &'static str {
            "web1"
        }
    }

    #[test]
    fn why_a_host_does_not_take_a_password() {
        for (said, why) in [
            (
                &["Current password:"][..],
                "the current password of root was not right",
            ),
            (&["Current password:", "New password:"], "it said no"),
            (
                &[
                    "Current password:",
                    "New password:",
                    "You must choose a longer password.\r\nNew password:",
                ],
                "You must choose a longer password.",
            ),
        ] {
            let typist = Typist(Mutex::new(["old"].iter()));
            let typed = Remembering::new(&typist);
            let given = given(&mut Passwd(said), "web1", "root", "new", &typed);
            assert_eq!(given.unwrap_err(), why);
        }
    }

    #[test]
    fn what_differs_is_asked_for_again() {
        let typist = Typist(Mutex::new(["a", "b", "c", "c"].iter()));
        assert_eq!(wanted("web1", "root", None, &typist).unwrap(), "c");
        let typist = Typist(Mutex::new(["a", "b", "a", "b", "a", "b"].iter()));
        let error = wanted("web1", "root", None, &typist).unwrap_err();
        assert_eq!(
            error.to_string(),
            "web1: the password of root has expired and was not changed: what was typed twice differed"
        );
    }

    #[test]
    fn what_passwd_asks_for() {
        for (prompt, asked) in [
            ("Current password:", Asked::Old),
            ("(current) UNIX password:", Asked::Old),
            ("Old password:", Asked::Old),
            ("New password:", Asked::New),
            ("Enter new UNIX password:", Asked::New),
            ("Retype new password:", Asked::NewAgain),
            ("Re-enter new password:", Asked::NewAgain),
        ] {
            assert_eq!(Asked::read(prompt), asked, "{prompt}");
        }
    }
}
