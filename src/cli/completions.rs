//! `git hostout completions`: what a shell reads once, to complete this program's words from then on.

use super::{complete::VARIABLE, session::Session};
use crate::error::Error;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

/// The program's own name, by which the shell calls it.
const PROGRAM: &str = "git-hostout";

/// `git hostout …`: git's own completion calls this function (git's contrib/completion, `_git_<command>`), with the words
/// that `git` began.
const BASH_FOR_GIT: &str = r#"
_git_hostout() {
    local at=0
    while [[ $at -lt $COMP_CWORD && ${COMP_WORDS[at]} != hostout ]]; do at=$((at + 1)); done
    COMP_WORDS=(git-hostout "${COMP_WORDS[@]:at + 1}")
    COMP_CWORD=$((COMP_CWORD - at))
    _clap_complete_git_hostout git-hostout "${COMP_WORDS[COMP_CWORD]}"
}"#;

/// zsh's completion of git calls the function of `git-hostout` for a command that is named to it.
const ZSH_FOR_GIT: &str = r"
zstyle ':completion:*:*:git:*' user-commands hostout:'release, deploy and roll back a buildout'
_git-hostout() { words[1]=git-hostout; _clap_dynamic_completer_git_hostout }";

/// fish completes `git hostout` like any command of git's.
const FISH_FOR_GIT: &str = r#"
complete --command git --condition "contains -- hostout (commandline --tokenize --cut-at-cursor)" --keep-order --exclusive --arguments "(COMPLETE=fish git-hostout -- git-hostout (commandline --current-process --tokenize --cut-at-cursor)[3..] (commandline --current-token))""#;

/// Print what makes a shell complete the words of `git hostout`: verbs, flags, stages, hosts and versions.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
In a shell's start-up file:
  bash, ~/.bashrc:                    source <(git hostout completions bash)
  zsh, ~/.zshrc, after compinit:      source <(git hostout completions zsh)
  fish, ~/.config/fish/config.fish:   git hostout completions fish | source")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let (shell, for_git): (&dyn EnvCompleter, &str) = match args.shell {
        Shell::Bash => (&Bash, BASH_FOR_GIT),
        Shell::Zsh => (&Zsh, ZSH_FOR_GIT),
        Shell::Fish => (&Fish, FISH_FOR_GIT),
    };
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .map_err(Error::Output)?;
    let script = String::from_utf8_lossy(&script);
    session
        .ui
        .data(&format!("{}\n{}", script.trim(), for_git.trim_start()));
    Ok(())
}
