//! Answers that need nobody: `$HOSTOUT_PASSWORD`, then an askpass program, then whoever else there is.

use super::prompter::{HostKeyQuestion, Prompter};
use crate::process::Running;
use std::{
    env,
    ffi::OsString,
    fmt,
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

/// A [`Prompter`] before another one. Host keys always go to the other one.
pub struct Credentials<'a> {
    password: Option<String>,
    askpass: Option<OsString>,
    next: &'a dyn Prompter,
}

impl<'a> Credentials<'a> {
    /// `password` for every host, then what the program `askpass` prints, then `next`.
    pub fn new(
        password: Option<String>,
        askpass: Option<OsString>,
        next: &'a dyn Prompter,
    ) -> Self {
        Self {
            password,
            askpass,
            next,
        }
    }

    /// From `$HOSTOUT_PASSWORD` and, as ssh(1) does without a terminal, `$SSH_ASKPASS`; `$SSH_ASKPASS_REQUIRE` is kept.
    pub fn from_environment(next: &'a dyn Prompter) -> Self {
        let wanted = match env::var("SSH_ASKPASS_REQUIRE").as_deref() {
            Ok("never") => false,
            Ok("force" | "prefer") => true,
            _ => File::open("/dev/tty").is_err(),
        };
        let askpass = env::var_os("SSH_ASKPASS").filter(|program| wanted && !program.is_empty());
        Self::new(env::var("HOSTOUT_PASSWORD").ok(), askpass, next)
    }

    fn ask(&self, prompt: &str) -> Option<String> {
        let mut program = Command::new(self.askpass.as_ref()?);
        program.arg(prompt).stdout(Stdio::piped());
        // It may ask on the terminal.
        let running = Running::start_disposable_beside_us(&mut program).ok()?;
        let output = running.output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?;
        let answer = said.lines().next().unwrap_or_default();
        output.status.success().then(|| answer.to_owned())
    }
}

impl Prompter for Credentials<'_> {
    fn host_key(&self, question: &HostKeyQuestion) -> bool {
        self.next.host_key(question)
    }

    fn passphrase(&self, file: &Path) -> Option<String> {
        self.ask(&format!("Enter passphrase for key '{}': ", file.display()))
            .or_else(|| self.next.passphrase(file))
    }

    fn password(&self, user: &str, host: &str) -> Option<String> {
        self.password
            .clone()
            .or_else(|| self.ask(&format!("{user}@{host}'s password: ")))
            .or_else(|| self.next.password(user, host))
    }

    fn sudo_password(&self, user: &str, host: &str) -> Option<String> {
        self.password
            .clone()
            .or_else(|| self.ask(&format!("{user}'s password for sudo on {host}: ")))
            .or_else(|| self.next.sudo_password(user, host))
    }

    fn wrong(&self, what: &str) {
        // What stands in the environment is not asked for again.
        if self.password.is_none() {
            self.next.wrong(what);
        }
    }

    fn answer(&self, prompt: &str, echo: bool) -> Option<String> {
        self.ask(prompt).or_else(|| self.next.answer(prompt, echo))
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("askpass", &self.askpass)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::prompter::Unattended;

    #[test]
    fn the_password_comes_before_askpass_and_is_never_shown() {
        let both = Credentials::new(Some("s3cret".to_owned()), Some("echo".into()), &Unattended);
        assert_eq!(both.password("jane", "web1").as_deref(), Some("s3cret"));
        assert!(!format!("{both:?}").contains("s3cret"));
        let askpass = Credentials::new(None, Some("echo".into()), &Unattended);
        assert_eq!(
            askpass.password("jane", "web1").as_deref(),
            Some("jane@web1's password: ")
        );
        assert_eq!(
            askpass.sudo_password("jane", "web1").as_deref(),
            Some("jane's password for sudo on web1: ")
        );
        let refusing = Credentials::new(None, Some("false".into()), &Unattended);
        assert_eq!(refusing.password("jane", "web1"), None);
    }
}
