//! `git hostout man`: the man page, for `make install`.

use super::{args::Cli, session::Session};
use crate::error::Error;
use clap::CommandFactory as _;

pub(super) fn run(session: &Session) -> Result<(), Error> {
    let mut page = Vec::new();
    let mut command = Cli::command().name("git-hostout").bin_name("git hostout");
    command.build();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page).map_err(Error::Output)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        page.extend_from_slice(
            format!(".SH \"GIT HOSTOUT {}\"\n", verb.get_name().to_uppercase()).as_bytes(),
        );
        let man = clap_mangen::Man::new(verb.clone());
        man.render_description_section(&mut page)
            .map_err(Error::Output)?;
        man.render_options_section(&mut page)
            .map_err(Error::Output)?;
        man.render_extra_section(&mut page).map_err(Error::Output)?;
    }
    session.ui.data(String::from_utf8_lossy(&page).trim_end());
    Ok(())
}
