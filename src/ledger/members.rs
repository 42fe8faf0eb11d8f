//! Entries that change who may do what.

use super::{
    Entry, HOSTOUT, Key, Keyring, Kind, Ledger, NewEntry, Person, Result, Signer, Trust, entry,
    history, keyring::Besides, new_id,
};
use crate::release::Digest;
use jiff::Timestamp;

/// An entry that changes keys or policy, before it is made.
#[derive(Clone, Copy, Debug)]
pub struct NewKeys<'a> {
    /// Keys and policy as they are to be.
    pub keyring: &'a Keyring,
    /// What is done, e.g. `add ben@example.org`.
    pub what: &'a str,
    /// Who does it.
    pub who: &'a Person,
    /// When.
    pub time: Timestamp,
    /// Why.
    pub reason: &'a str,
}

impl Ledger {
    /// Keys, roles and policy as of now.
    pub fn keyring(&self) -> Result<Keyring> {
        Keyring::read(&self.repo, self.tip)
    }

    /// Who made an entry, by its signature and the keys before it.
    ///
    /// # Errors
    /// [`Untrusted`](super::Error::Untrusted) where nobody who might.
    pub fn signer(&self, entry: &Entry) -> Result<Signer> {
        history::signer(&self.repo, entry.commit)
    }

    /// The entry that makes keys and policy what `new` says; `key` signs what hosts are told of it.
    ///
    /// # Errors
    /// As [`Keyring::check`].
    pub fn change_keys(&self, new: &NewKeys<'_>, key: &Key) -> Result<NewEntry> {
        new.keyring.check()?;
        let before = self.keyring()?;
        let project = Some(self.root);
        let more = Besides {
            manifests: self.orphans(&before, new.keyring)?,
            withdrawn: self.withdrawn()?,
        };
        let (files, edits) = new.keyring.files(&before, project, more, key)?;
        Ok(NewEntry {
            kind: Kind::Keys {
                what: new.what.to_owned(),
            },
            id: new_id()?,
            files,
            edits,
            who: new.who.clone(),
            time: new.time,
            reason: new.reason.to_owned(),
        })
    }

    /// The manifests that were signed by keys which `after` has not any more: they were in the ledger before, and count.
    fn orphans(&self, before: &Keyring, after: &Keyring) -> Result<Vec<Digest>> {
        let left: Vec<String> = after
            .list()?
            .into_iter()
            .flatten()
            .map(|key| key.fingerprint)
            .collect();
        let gone = |fingerprint: &String| !left.contains(fingerprint);
        let mut listed = before.list()?.into_iter().flatten();
        if !listed.any(|key| gone(&key.fingerprint)) {
            return Ok(Vec::new());
        }
        let mut orphans = Vec::new();
        let mut trust: Option<(gix::ObjectId, Trust)> = None;
        for made in &self.history {
            let Kind::Release { version, .. } = &made.kind else {
                continue;
            };
            let parent = entry::read(&self.repo, made.commit)?.1;
            let parent = parent.unwrap_or(made.commit);
            let keys = history::keys_of(&self.repo, parent)?.unwrap_or(parent);
            let known = trust.take().filter(|(of, _)| *of == keys);
            let (_, current) = trust.insert(match known {
                Some(known) => known,
                None => (keys, Trust::read(&self.repo, parent)?),
            });
            let Some(released) = self.release(version)? else {
                continue;
            };
            let text = released.text.as_bytes();
            let signer = current.check(HOSTOUT, text, &released.signature, released.time);
            if signer.is_ok_and(|signer| gone(&signer.fingerprint)) {
                orphans.push(released.digest);
            }
        }
        Ok(orphans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Error, Rule, testing::Lab},
        release::Role,
    };

    /// Adds `ben`, whose key is given back, with `roles`.
    fn add(lab: &Lab, name: &str, roles: &[Role], signer: &Key) -> Result<Key> {
        let key = lab.key_named(name);
        let mut ledger = lab.ledger();
        let mut keyring = ledger.keyring()?;
        keyring.add(name, &key.public()?, roles.to_vec(), None)?;
        change(&mut ledger, &keyring, &format!("add {name}"), signer)?;
        Ok(key)
    }

    fn change(ledger: &mut Ledger, keyring: &Keyring, what: &str, signer: &Key) -> Result<()> {
        let new = NewKeys {
            keyring,
            what,
            who: &Lab::who(),
            time: Lab::now(),
            reason: "",
        };
        let entry = ledger.change_keys(&new, signer)?;
        ledger.append(&entry, signer)?;
        Ok(())
    }

    fn rules(lab: &Lab) -> Vec<Rule> {
        let audit = lab.ledger().audit().unwrap();
        audit.broken.into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn a_new_key_may_what_its_roles_say() {
        let lab = Lab::new();
        let ben = add(&lab, "ben", &[Role::Deploy("staging".into())], &lab.key()).unwrap();
        lab.ledger().append(&lab.started("staging"), &ben).unwrap();
        let error = lab
            .ledger()
            .append(&lab.started("production"), &ben)
            .unwrap_err();
        assert!(matches!(error, Error::MayNot { .. }), "{error}");
        assert!(error.to_string().contains("deploy:production"), "{error}");
        let error = add(&lab, "mallory", &[Role::All], &ben).unwrap_err();
        assert!(matches!(error, Error::MayNot { .. }), "{error}");
        assert_eq!(rules(&lab), []);

        // The same by a program that does not ask.
        let production = lab.started("production");
        lab.ledger().append_unasked(&production, &ben).unwrap();
        assert_eq!(rules(&lab), [Rule::Role]);
        lab.git(&["fsck", "--strict"]);
    }

    #[test]
    fn a_key_that_is_gone_signs_nothing_more_whatever_date_it_writes() {
        let lab = Lab::new();
        let ben = add(&lab, "ben", &[Role::Deploy("*".into())], &lab.key()).unwrap();
        lab.ledger().append(&lab.started("a"), &ben).unwrap();
        let mut ledger = lab.ledger();
        let mut keyring = ledger.keyring().unwrap();
        keyring.remove(&ben.fingerprint().unwrap()).unwrap();
        change(&mut ledger, &keyring, "remove ben", &lab.key()).unwrap();
        assert_eq!(rules(&lab), []);
        let mut late = lab.started("b");
        late.time = "2020-01-01T00:00:00Z".parse().unwrap();
        ledger.append_unasked(&late, &ben).unwrap();
        assert_eq!(rules(&lab), [Rule::Signature]);
    }

    #[test]
    fn a_key_whose_time_is_over_gains_nothing_by_an_earlier_date() {
        let lab = Lab::new();
        let ben = lab.key_named("ben");
        let mut ledger = lab.ledger();
        let mut keyring = ledger.keyring().unwrap();
        let roles = vec![Role::All];
        keyring
            .add("ben", &ben.public().unwrap(), roles, Some("20260101Z"))
            .unwrap();
        change(&mut ledger, &keyring, "add ben", &lab.key()).unwrap();
        let mut late = lab.started("a");
        late.time = "2025-12-01T00:00:00Z".parse().unwrap();
        ledger.append_unasked(&late, &ben).unwrap();
        assert_eq!(rules(&lab), [Rule::Signature]);
    }

    #[test]
    fn a_recovery_key_adds_keys_and_nothing_else() {
        let lab = Lab::new();
        let put_away = add(&lab, "recovery", &[Role::Recovery], &lab.key()).unwrap();
        let error = lab
            .ledger()
            .append(&lab.started("a"), &put_away)
            .unwrap_err();
        assert!(matches!(error, Error::MayNot { .. }), "{error}");
        let mut ledger = lab.ledger();
        let mut keyring = ledger.keyring().unwrap();
        keyring.remove(&lab.key().fingerprint().unwrap()).unwrap();
        keyring
            .add(
                "new",
                &lab.key_named("new").public().unwrap(),
                vec![Role::All],
                None,
            )
            .unwrap();
        let error = change(&mut ledger, &keyring, "swap", &put_away).unwrap_err();
        assert!(matches!(error, Error::MayNot { .. }), "{error}");
        let ben = add(&lab, "ben", &[Role::All], &put_away).unwrap();
        assert_eq!(rules(&lab), []);
        lab.ledger().append(&lab.started("a"), &ben).unwrap();
        assert_eq!(rules(&lab), []);
    }

    #[test]
    fn nobody_is_locked_out() {
        let lab = Lab::new();
        let mut ledger = lab.ledger();
        let mut keyring = ledger.keyring().unwrap();
        keyring.remove(&lab.key().fingerprint().unwrap()).unwrap();
        let error = change(&mut ledger, &keyring, "remove ann", &lab.key()).unwrap_err();
        assert!(matches!(error, Error::Keys(_)), "{error}");
    }

    #[test]
    fn the_manifests_of_a_key_that_goes_are_named_to_hosts() {
        let lab = Lab::new();
        let released = lab.release("1.0.0");
        let ben = add(&lab, "ben", &[Role::All], &lab.key()).unwrap();
        let mut ledger = lab.ledger();
        let mut keyring = ledger.keyring().unwrap();
        keyring.remove(&lab.key().fingerprint().unwrap()).unwrap();
        change(&mut ledger, &keyring, "remove ann", &ben).unwrap();
        let statement = lab.git(&["show", "hostout:trust/2.toml"]);
        assert!(statement.contains(&released.digest.to_string()));
        assert_eq!(rules(&lab), []);
        // The release is still good: its key could sign then.
        let entry = released.entry.as_ref().unwrap();
        released
            .check(&lab.ledger().trust_before(entry).unwrap())
            .unwrap();
    }
}
