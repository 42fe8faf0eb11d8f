//! Logging in by password, or by answering what the server asks (RFC 4252, 8; RFC 4256).

use super::{
    TRIES,
    login::{Attempt, Login},
};
use ssh2::{KeyboardInteractivePrompt, Prompt};

impl Login<'_> {
    /// Offers passwords until one is right; whether we are in.
    pub fn by_password(&mut self) -> bool {
        let mut last = None;
        while self.accepts("password") && self.passwords < TRIES {
            let Some(password) = self.prompter.password(&self.options.user, self.host) else {
                self.no_password = true;
                self.notes.push("there is no password".to_owned());
                return false;
            };
            if last.as_ref() == Some(&password) {
                return false;
            }
            let user = &self.options.user;
            self.passwords += 1;
            match self.outcome(self.session.userauth_password(user, &password)) {
                Attempt::In => return true,
                Attempt::Refused | Attempt::Partly(_) => {
                    self.offered.push("password".to_owned());
                    self.prompter
                        .wrong(&format!("the password of {user} on {}", self.host));
                }
                Attempt::Unusable(why) => {
                    self.notes.push(format!("password: {why}"));
                    return false;
                }
                Attempt::Gone(how) => {
                    self.offered.push("password".to_owned());
                    self.is_gone(how);
                    return false;
                }
            }
            last = Some(password);
        }
        false
    }

    /// Servers that ask for one hidden answer want the password; anything else is put to a person.
    pub fn by_questions(&mut self) -> bool {
        if !self.accepts("keyboard-interactive") {
            return false;
        }
        let mut questions = Questions {
            login: self,
            unanswered: false,
        };
        let result = self
            .session
            .userauth_keyboard_interactive(&self.options.user, &mut questions);
        let unanswered = questions.unanswered;
        match self.outcome(result) {
            Attempt::In => return true,
            _ if unanswered => self
                .notes
                .push("nobody answered the server's question".to_owned()),
            Attempt::Refused | Attempt::Partly(_) => {
                self.offered.push("keyboard-interactive".to_owned());
            }
            Attempt::Unusable(why) => self.notes.push(format!("keyboard-interactive: {why}")),
            Attempt::Gone(how) => self.is_gone(how),
        }
        false
    }
}

struct Questions<'a, 'b> {
    login: &'a Login<'b>,
    unanswered: bool,
}

impl KeyboardInteractivePrompt for Questions<'_, '_> {
    fn prompt<'p>(
        &mut self,
        _user: &str,
        instructions: &str,
        prompts: &[Prompt<'p>],
    ) -> Vec<String> {
        let Login {
            options,
            host,
            prompter,
            no_password,
            ..
        } = self.login;
        if let [only] = prompts
            && !only.echo
            && only.text.to_lowercase().contains("password")
        {
            // Whoever said that there is none is not asked again.
            let password = (!*no_password).then(|| prompter.password(&options.user, host));
            let password = password.flatten();
            self.unanswered |= password.is_none();
            return password.into_iter().collect();
        }
        let answer = |prompt: &Prompt<'p>| {
            let text = if instructions.is_empty() {
                prompt.text.to_string()
            } else {
                format!("{instructions}\n{}", prompt.text)
            };
            prompter.answer(&text, prompt.echo)
        };
        let answers: Option<Vec<String>> = prompts.iter().map(answer).collect();
        self.unanswered |= answers.is_none();
        answers.unwrap_or_default()
    }
}
