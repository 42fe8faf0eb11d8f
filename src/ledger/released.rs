//! Releases as the ledger holds them.

use super::{Entry, Error, HOSTOUT, Kind, Ledger, Result, Scheme, Signer, Trust, paths, verify};
use crate::release::{Digest, Manifest, Need};
use gix::ObjectId;
use jiff::Timestamp;
use semver::Version;

/// A release as the ledger holds it. Reading it checks nothing: see [`Released::check`] and
/// [`check_tag`](super::check_tag).
#[derive(Clone, Debug)]
pub struct Released {
    /// Its manifest.
    pub manifest: Manifest,
    /// The manifest's text: what is hashed and signed.
    pub text: String,
    /// sha256 of the text.
    pub digest: Digest,
    /// The signature over the text in its armor; empty = none.
    pub signature: String,
    /// The pins for hosts, the same bytes as in the release commit; empty where a host told it.
    pub versions_cfg: String,
    /// When it was entered into the ledger, or told by a host: its signer must have been allowed to sign then.
    pub time: Timestamp,
    /// The entry that made it; nothing = a host told it, and the ledger here does not know it yet.
    pub entry: Option<Entry>,
}

impl Released {
    /// The release that a host told at `time`. Nothing of it is believed before [`Released::check`].
    ///
    /// # Errors
    /// Where it is not the manifest of `version`.
    pub fn told(
        version: &Version,
        text: String,
        signature: String,
        time: Timestamp,
    ) -> Result<Self> {
        let manifest = manifest_of(version, &text, "a manifest that a host told")?;
        Ok(Self {
            digest: Digest::of(text.as_bytes()),
            manifest,
            text,
            signature,
            versions_cfg: String::new(),
            time,
            entry: None,
        })
    }

    /// The tag object that the entry names.
    pub fn tag(&self) -> Option<ObjectId> {
        match self.entry.as_ref()?.kind {
            Kind::Release { tag, .. } => Some(tag),
            _ => None,
        }
    }

    /// Who signed the manifest, if they may by `trust`; and that the entry names the manifest's released commit.
    pub fn check(&self, trust: &Trust) -> Result<Signer> {
        let what = format!("the manifest of {}", self.manifest.version);
        if let Some(entry) = &self.entry
            && let Kind::Release { commit, .. } = entry.kind
            && commit != self.manifest.commit
        {
            let message = format!("it is of {}, its entry of {commit}", self.manifest.commit);
            return Err(Error::malformed(what, message));
        }
        let signer = trust
            .check(HOSTOUT, self.text.as_bytes(), &self.signature, self.time)
            .map_err(verify::named(what.clone()))?;
        trust.require(&what, &signer, &Need::Release)?;
        Ok(signer)
    }
}

/// The manifest of `version`, which `text` has to be; `place` is where it came from.
fn manifest_of(version: &Version, text: &str, place: &str) -> Result<Manifest> {
    let manifest = Manifest::from_toml(text).map_err(|source| Error::Manifest {
        version: version.to_string(),
        source,
    })?;
    if manifest.version != *version {
        let message = format!("it is the manifest of {}", manifest.version);
        return Err(Error::malformed(place, message));
    }
    Ok(manifest)
}

impl Ledger {
    /// The release `version`; `None` where the ledger has none.
    pub fn release(&self, version: &Version) -> Result<Option<Released>> {
        let made =
            |entry: &Entry| matches!(&entry.kind, Kind::Release { version: v, .. } if v == version);
        let Some(entry) = self.find(made) else {
            return Ok(None);
        };
        let dir = paths::release_dir(version);
        let path = format!("{dir}/manifest.toml");
        let need = |path: &str| -> Result<String> {
            let text = self.text(path)?;
            text.ok_or_else(|| Error::malformed(path, "it is missing"))
        };
        let text = need(&path)?;
        let mut signature = self.text(&paths::signature_path(&path, Scheme::Ssh))?;
        if signature.is_none() {
            signature = self.text(&paths::signature_path(&path, Scheme::OpenPgp))?;
        }
        let manifest = manifest_of(version, &text, &path)?;
        Ok(Some(Released {
            digest: Digest::of(text.as_bytes()),
            manifest,
            text,
            signature: signature.unwrap_or_default(),
            versions_cfg: need(&format!("{dir}/versions.cfg"))?,
            time: entry.time,
            entry: Some(entry.clone()),
        }))
    }

    /// The text of every release's `versions.cfg`, newest first.
    ///
    /// # Errors
    /// For a release without one.
    pub fn versions_cfgs(&self) -> Result<Vec<String>> {
        let texts = self.releases().into_iter().map(|version| {
            let path = format!("{}/versions.cfg", paths::release_dir(version));
            self.text(&path)?
                .ok_or_else(|| Error::malformed(path, "it is missing"))
        });
        texts.collect()
    }

    /// Who could sign the entry: the keys of its parent commit, for the first entry its own.
    pub fn trust_before(&self, entry: &Entry) -> Result<Trust> {
        let (_, parent) = super::entry::read(&self.repo, entry.commit)?;
        Trust::read(&self.repo, parent.unwrap_or(entry.commit))
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::{Error, testing::Lab};
    use semver::Version;

    #[test]
    fn a_release_is_read_back_and_checked() {
        let lab = Lab::new();
        let made = lab.release("1.4.2");
        let ledger = lab.ledger();
        let read = ledger.release(&Version::new(1, 4, 2)).unwrap().unwrap();
        assert_eq!(read.text, made.text);
        assert_eq!(read.versions_cfg, "[versions]\n");
        assert_eq!(ledger.releases(), [&Version::new(1, 4, 2)]);
        read.check(&ledger.trust_before(read.entry.as_ref().unwrap()).unwrap())
            .unwrap();
        assert!(ledger.release(&Version::new(9, 0, 0)).unwrap().is_none());
    }

    #[test]
    fn a_manifest_with_other_bytes_is_not_believed() {
        let lab = Lab::new();
        let mut made = lab.release("1.0.0");
        made.text.push('\n');
        let error = made.check(&lab.trust()).unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
        assert!(error.to_string().contains("manifest of 1.0.0"), "{error}");
    }
}
