//! `git hostout man`: the man page, for `make install`.

use super::{args::Cli, session::Session};
use crate::error::Error;
use clap::CommandFactory as _;
use clap_mangen::Man;

pub(super) fn run(session: &Session) -> Result<(), Error> {
    let mut command = Cli::command().name("git-hostout").bin_name("git hostout");
    command.build();
    let mut page = program(&command).map_err(Error::Output)?;
    let own = |verb: &&clap::Command| !verb.is_hide_set() && verb.get_name() != "help";
    for verb in command.get_subcommands().filter(own) {
        page += &section(verb).map_err(Error::Output)?;
    }
    session.ui.data(page.trim_end());
    Ok(())
}

/// The head, and what is the same for all verbs. There are no pages of verbs to point to.
fn program(command: &clap::Command) -> std::io::Result<String> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_extra_section(&mut page)?;
    let text = String::from_utf8_lossy(&page).into_owned();
    Ok(text.replace(".SH EXTRA", ".SH NOTES"))
}

/// A verb as a section of the page, with its own flags only.
fn section(verb: &clap::Command) -> std::io::Result<String> {
    let own = verb.clone().disable_help_flag(true).mut_args(|arg| {
        let known = arg.is_global_set() || arg.get_id() == "help";
        arg.hide(known)
    });
    let man = Man::new(own);
    let mut page = Vec::new();
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_extra_section(&mut page)?;
    let text = String::from_utf8_lossy(&page)
        .replace(".SH SYNOPSIS\n", "")
        .replace(".SH DESCRIPTION\n", ".PP\n")
        .replace(".SH OPTIONS\n", ".PP\n")
        .replace(".SH EXTRA\n", ".PP\n");
    Ok(format!(
        ".SH \"GIT HOSTOUT {}\"\n{text}",
        verb.get_name().to_uppercase()
    ))
}
