//! `git hostout keys`: who may sign what.

use super::{
    session::{Session, Workspace},
    writing::{self, Common, Writing},
};
use crate::{
    error::Error,
    ledger::{Keyring, Ledger, ListedKey, NewKeys, PublicKey, Scheme, given_key},
    plan::Refusal,
    release::{Need, Role, role_words},
    ui,
};
use jiff::civil::Date;
use serde::Serialize;

/// Show or change who may sign what in the ledger.
///
/// A change is an entry, signed by a key that has the role keys before it. Hosts follow it with their next deployment.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Roles: all, release (make and withdraw releases), deploy:STAGE, rollback:STAGE (* = every
stage), keys (change keys and policy), recovery (add keys, nothing else).

Examples:
  git hostout keys list
  git hostout keys add ben.pub --name ben@example.org --role release --role deploy:staging
  git hostout keys remove ben@example.org -m 'Left the company'")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Show every key and what it may do
    List,
    /// Add a key, or give one that is there other roles
    Add(Add),
    /// Take a key away; what it signed before still counts
    Remove(Remove),
}

#[derive(clap::Args, Debug)]
struct Add {
    /// A file with a public key (.pub, or `OpenPGP` in ASCII armor), `ssh-ed25519 AAAA…` itself, or an `OpenPGP` fingerprint
    #[arg(value_name = "KEY")]
    key: String,
    /// What it may do; several times for several
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// Whose it is; left out = the comment of an ssh key
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Signs until then (UTC), e.g. 2027-01-31; ssh only
    #[arg(long, value_name = "DATE")]
    valid_before: Option<Date>,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args, Debug)]
struct Remove {
    /// Its name or fingerprint
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    common: Common,
}

/// A key, as `--json` writes it.
#[derive(Serialize)]
struct Row {
    name: String,
    fingerprint: String,
    scheme: &'static str,
    roles: Vec<String>,
    valid_before: Option<String>,
}

#[derive(Serialize)]
struct Document {
    keys: Vec<Row>,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let work = session.workspace()?;
    match &args.action {
        Action::List => list(session, &work.ledger(&session.ui)?.keyring()?),
        Action::Add(add) => self::add(session, &work, add),
        Action::Remove(remove) => self::remove(session, &work, remove),
    }
}

fn list(session: &Session, keyring: &Keyring) -> Result<(), Error> {
    let mut keys = Vec::new();
    for line in keyring.list()? {
        match line {
            Ok(key) => keys.push(key),
            Err(complaint) => session.ui.warn(&complaint),
        }
    }
    if session.global.json {
        let row = |key: ListedKey| Row {
            scheme: scheme(&key),
            roles: key.roles.iter().map(Role::to_string).collect(),
            name: key.name,
            fingerprint: key.fingerprint,
            valid_before: key.until,
        };
        let keys = keys.into_iter().map(row).collect();
        session.ui.json(&Document { keys });
        return Ok(());
    }
    let blocks = keys.into_iter().map(|key| {
        let roles = if key.roles.is_empty() {
            "nothing".to_owned()
        } else {
            role_words(&key.roles)
        };
        let until = key.until.map(|until| format!("until {until}"));
        // The fingerprint has a line of its own: it is copied, and must not wrap.
        let row = vec![key.name, roles, until.unwrap_or_default()];
        ui::table([row]) + &format!("  {}\n", key.fingerprint)
    });
    session.ui.data(&blocks.collect::<String>());
    Ok(())
}

fn scheme(key: &ListedKey) -> &'static str {
    match key.scheme {
        Scheme::Ssh => "ssh",
        Scheme::OpenPgp => "openpgp",
    }
}

fn add(session: &Session, work: &Workspace, args: &Add) -> Result<(), Error> {
    let given = given_key(&work.repo, &args.key)?;
    let Some(name) = args.name.as_ref().or(given.comment.as_ref()) else {
        return Err(Error::Usage(
            "whose key is it? Add --name, e.g. a mail address".to_owned(),
        ));
    };
    if !is_name(name) {
        return Err(Error::Usage(format!(
            "`{name}` cannot be a key's name: letters, digits and @._+- only; give another with --name"
        )));
    }
    if args.valid_before.is_some() && !matches!(given.key, PublicKey::Ssh(_)) {
        return Err(Error::Usage(
            "--valid-before is for ssh keys; an OpenPGP key knows its own end".to_owned(),
        ));
    }
    let mut ledger = writing::ledger(session, work)?;
    let before = ledger.keyring()?;
    let mut keyring = before.clone();
    let until = args
        .valid_before
        .map(|date| format!("{}Z", date.strftime("%Y%m%d")));
    keyring.add(name, &given.key, args.roles.clone(), until.as_deref())?;
    let was = find(&before, &given.fingerprint)?;
    if keyring == before {
        session.ui.status(&format!(
            "{name} has this key already, with {}.",
            role_words(&args.roles)
        ));
        return Ok(());
    }
    let may = role_words(&args.roles);
    let mut details = vec![given.fingerprint.clone(), format!("may: {may}")];
    if let Some(was) = &was {
        details.push(format!("before: {}", role_words(&was.roles)));
    }
    details.extend(args.valid_before.map(|date| format!("until {date}")));
    let change = Change {
        keyring: &keyring,
        before: &before,
        what: format!("add {name}"),
        summary: match was {
            Some(_) => format!("Give the key of {name} other roles."),
            None => format!("Let {name} sign."),
        },
        details,
        done: format!("{name} may sign now: {may}."),
    };
    change.write(session, work, &mut ledger, &args.common)
}

fn remove(session: &Session, work: &Workspace, args: &Remove) -> Result<(), Error> {
    let mut ledger = writing::ledger(session, work)?;
    let before = ledger.keyring()?;
    let mut refusal = Refusal::default();
    let mut found = before.list()?.into_iter().flatten();
    let fits = |key: &ListedKey| key.name == args.key || key.fingerprint == args.key;
    let (first, second) = (found.find(&fits), found.find(&fits));
    let key = match (first, second) {
        (Some(key), None) => key,
        (Some(_), Some(_)) => {
            refusal.add(
                format!("{} has several keys", args.key),
                "name one by its fingerprint: git hostout keys list",
            );
            return Err(refusal.into());
        }
        (None, _) => {
            refusal.add(
                format!("no key is called {}", args.key),
                "git hostout keys list shows their names and fingerprints",
            );
            return Err(refusal.into());
        }
    };
    let mut keyring = before.clone();
    keyring.remove(&key.fingerprint)?;
    let name = &key.name;
    let change = Change {
        keyring: &keyring,
        before: &before,
        what: format!("remove {name}"),
        summary: format!("Let {name} sign nothing more."),
        details: vec![
            key.fingerprint.clone(),
            "what it signed before still counts".to_owned(),
        ],
        done: format!("{name} may sign nothing more."),
    };
    change.write(session, work, &mut ledger, &args.common)
}

/// The key as it was.
fn find(keyring: &Keyring, fingerprint: &str) -> Result<Option<ListedKey>, Error> {
    let mut keys = keyring.list()?.into_iter().flatten();
    Ok(keys.find(|key| key.fingerprint == fingerprint))
}

/// One word that means nothing to ssh-keygen's patterns.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

/// Other keys than before.
struct Change<'a> {
    keyring: &'a Keyring,
    before: &'a Keyring,
    what: String,
    summary: String,
    details: Vec<String>,
    done: String,
}

impl Change<'_> {
    fn write(
        self,
        session: &Session,
        work: &Workspace,
        ledger: &mut Ledger,
        args: &Common,
    ) -> Result<(), Error> {
        self.keyring.check()?;
        let need = if self.keyring.only_adds(self.before)? {
            Need::AddKeys
        } else {
            Need::Keys
        };
        let tells = need == Need::Keys;
        // A new key can wait: what it signs brings what a host has to know of it.
        let later = " Hosts learn it with their next deployment.";
        let writing = Writing {
            tells,
            summary: self.summary,
            notes: Vec::new(),
            entry: format!("keys {}", self.what),
            details: self.details,
            need,
            question: "Change the keys?",
            mode: args.mode(),
            done: self.done + if tells { "" } else { later },
        };
        writing::write(session, work, ledger, writing, |ledger, key, who, time| {
            let new = NewKeys {
                keyring: self.keyring,
                what: &self.what,
                who,
                time,
                reason: &args.reason,
            };
            ledger.change_keys(&new, key)
        })
    }
}
