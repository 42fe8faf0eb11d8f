//! `git hostout init --recovery-key`: a key to put away.

use super::{
    deployment,
    session::{Session, Workspace},
    writing,
};
use crate::{
    error::Error,
    ledger::{Key, NewKeys},
    release::{Need, Role},
};
use std::path::Path;

/// Makes a key whose only role is to add keys, for the day when all others are lost.
pub(super) fn make(session: &Session, work: &Workspace, path: &Path) -> Result<(), Error> {
    let mut ledger = writing::ledger(session, work)?;
    let signer = work.key()?;
    ledger.allows(&signer, &Need::AddKeys)?;
    let key = Key::make(path, "git-hostout recovery")?;
    let mut keyring = ledger.keyring()?;
    keyring.add("recovery", &key.public()?, vec![Role::Recovery], None)?;
    let entry = ledger.change_keys(
        &NewKeys {
            keyring: &keyring,
            what: "add recovery",
            who: &work.who()?,
            time: session.now(),
            reason: "",
        },
        &signer,
    )?;
    deployment::recording(session, work, |recorder| {
        Ok(recorder.enter(&mut ledger, &entry)?)
    })?;
    session.ui.status(&format!(
        "Recovery key: {}\n  {}",
        path.display(),
        key.fingerprint()?
    ));
    session.ui.note(&format!(
        "put it away, off this machine: all it may do is add keys. When all others are lost:\n  \
         git config hostout.signingKey {}\n  \
         git hostout keys add NEW.pub --role all\n  \
         git config hostout.signingKey NEW",
        path.display()
    ));
    Ok(())
}
