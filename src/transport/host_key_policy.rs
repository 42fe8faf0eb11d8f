//! Whether a server is who it should be.
//!
//! A key pinned by the project is the only one accepted. Else the user's `known_hosts` files decide: by the key, or by an
//! authority (`@cert-authority`) that certified it for this host. A key they don't
//! know is asked about or refused, as `StrictHostKeyChecking` says. A changed or revoked key is refused in any case.

use super::{
    certificate::Certificate,
    error::Failure,
    host_key::HostKey,
    known_hosts::{self, Entry, Marker, Verdict},
    prompter::{HostKeyQuestion, Prompter},
    revoked_keys,
    ssh_options::{Options, Strict},
};
use std::path::Path;

/// What is known about one host before it is met.
pub struct Policy<'a> {
    host: &'a str,
    options: &'a Options,
    pinned: Option<HostKey>,
    name: String,
    entries: Vec<Entry>,
    /// Lines of authorities for this host.
    authorities: Vec<Entry>,
}

impl<'a> Policy<'a> {
    /// Reads what is known. `pinned` is `TYPE BASE64`.
    ///
    /// # Errors
    /// When a file can't be read, or `pinned` is no key.
    pub fn read(
        host: &'a str,
        options: &'a Options,
        pinned: Option<&str>,
    ) -> Result<Self, Failure> {
        let name = options.known_hosts_name();
        let pinned: Option<HostKey> = match pinned {
            Some(text) => Some(
                text.parse()
                    .map_err(|error| Failure::new(format!("{error}")))?,
            ),
            None => None,
        };
        let entries = if pinned.is_some() {
            Vec::new()
        } else {
            known_hosts::look_up(&name, &files(options))?
        };
        let bare = if entries.is_empty() && pinned.is_none() {
            without_port(options)?
        } else {
            Vec::new()
        };
        let all = entries.iter().chain(&bare);
        let authorities = all.filter(|entry| entry.marker == Marker::CertAuthority);
        let authorities = authorities.cloned().collect();
        Ok(Self {
            host,
            options,
            pinned,
            name,
            entries,
            authorities,
        })
    }

    /// The host key algorithms to offer, of those `supported`: certificates first where an authority is known, and none
    /// else; then those of known keys, so that the server shows a key we can compare.
    pub fn algorithms(&self, supported: &[&str]) -> String {
        let wished = &self.options.host_key_algorithms;
        let wished: Vec<&str> = if wished.is_empty() {
            supported.to_vec()
        } else {
            wished.iter().map(String::as_str).collect()
        };
        let mut names: Vec<&str> = wished
            .into_iter()
            .filter(|name| !Certificate::is_kind(name) || !self.authorities.is_empty())
            .filter(|name| supported.contains(name))
            .collect();
        let known = match &self.pinned {
            Some(key) => vec![key.kind().to_owned()],
            None => known_hosts::known_types(&self.entries),
        };
        let is_known = |name: &str| known.iter().any(|kind| kind == key_type(name));
        names.sort_by_key(|name| (!Certificate::is_kind(name), !is_known(name)));
        names.join(",")
    }

    /// Refuses a key that isn't the host's.
    ///
    /// # Errors
    /// The refusal.
    pub fn check(&self, key: &HostKey, prompter: &dyn Prompter) -> Result<(), Failure> {
        if let Some(list) = &self.options.revoked_host_keys {
            revoked_keys::check(list, key)?;
        }
        if let Some(pinned) = &self.pinned {
            return if pinned == key {
                Ok(())
            } else {
                Err(self.not_the_pinned(pinned, key))
            };
        }
        let (key, doubt) = match Certificate::read(key) {
            Some(certificate) => match self.certified(&certificate)? {
                Ok(()) => return Ok(()),
                // As ssh does: its key may be known all the same.
                Err(why) => (certificate.key, format!("; its certificate {why}")),
            },
            None => (key.clone(), self.uncertified()),
        };
        match known_hosts::judge(&self.entries, &key) {
            Verdict::Known => Ok(()),
            Verdict::Revoked(entry) => Err(revoked(&entry, &key)),
            Verdict::Changed(entry) => Err(self.changed(&entry, &key)),
            Verdict::Unknown { .. } if self.known_without_port(&key)? => Ok(()),
            Verdict::Unknown { others } => {
                self.unknown(&key, &others, prompter)
                    .map_err(|mut failure| {
                        failure.message += &doubt;
                        failure
                    })
            }
        }
    }

    /// Whether a certificate proves its key to be the host's, or why not.
    fn certified(&self, certificate: &Certificate) -> Result<Result<(), String>, Failure> {
        for key in [&certificate.key, &certificate.authority] {
            for entries in [&self.entries, &without_port(self.options)?] {
                if let Verdict::Revoked(entry) = known_hosts::judge(entries, key) {
                    return Err(revoked(&entry, key));
                }
            }
        }
        let Options {
            host_key_alias,
            hostname,
            ..
        } = self.options;
        let name = host_key_alias.as_ref().unwrap_or(hostname);
        let authorities = self.authorities.iter().map(|entry| entry.key.clone());
        let authorities: Vec<HostKey> = authorities.collect();
        Ok(certificate.check(name, &authorities))
    }

    /// What an authority's line has to do with a key that came without a certificate.
    fn uncertified(&self) -> String {
        let Some(entry) = self.authorities.first() else {
            return String::new();
        };
        format!(
            "; {} line {} names an authority for it, but the server shows no certificate",
            entry.file.display(),
            entry.line
        )
    }

    fn unknown(
        &self,
        key: &HostKey,
        known_types: &[String],
        prompter: &dyn Prompter,
    ) -> Result<(), Failure> {
        let accepted = match self.options.strict {
            Strict::Yes => false,
            Strict::AcceptNew => true,
            Strict::Ask => prompter.host_key(&HostKeyQuestion {
                host: self.host.to_owned(),
                name: self.name.clone(),
                key_type: key.kind().to_owned(),
                fingerprint: key.fingerprint(),
                known_types: known_types.to_owned(),
            }),
        };
        if !accepted {
            return Err(self.refused(key, known_types));
        }
        let Some(file) = self.options.user_known_hosts.first() else {
            return Ok(());
        };
        known_hosts::remember(file, &self.name, key, self.options.hash_known_hosts).map_err(
            |error| {
                Failure::new(format!(
                    "can't write the host key to {}: {error}",
                    file.display()
                ))
            },
        )
    }

    /// ssh takes a key known for the bare name on any port.
    fn known_without_port(&self, key: &HostKey) -> Result<bool, Failure> {
        let entries = without_port(self.options)?;
        match known_hosts::judge(&entries, key) {
            Verdict::Known => Ok(true),
            Verdict::Revoked(entry) => Err(revoked(&entry, key)),
            Verdict::Changed(_) | Verdict::Unknown { .. } => Ok(false),
        }
    }

    fn refused(&self, key: &HostKey, known_types: &[String]) -> Failure {
        let doubt = if known_types.is_empty() {
            String::new()
        } else {
            format!(", though its {} key is known", known_types.join(" and "))
        };
        let Options { hostname, port, .. } = self.options;
        let unasked = match self.options.known_hosts_command {
            Some(_) => "; KnownHostsCommand of the ssh configuration is not asked here",
            None => "",
        };
        let remembered = match self.options.user_known_hosts.first() {
            Some(file) => file.display().to_string(),
            None => "~/.ssh/known_hosts".to_owned(),
        };
        let kind = key
            .kind()
            .trim_start_matches("ssh-")
            .split("-sha2")
            .next()
            .unwrap_or_default();
        let hint = if self.options.proxy.is_some() {
            format!(
                "compare the fingerprint on the server, then log in once with `ssh {}`",
                self.host
            )
        } else {
            format!(
                "compare the fingerprint on the server, then log in once with ssh, or \
                 `ssh-keyscan -t {kind} -p {port} {hostname} >> {remembered}`"
            )
        };
        Failure::new(format!(
            "the host key is not known: {} {}{doubt}{unasked}",
            key.kind(),
            key.fingerprint()
        ))
        .hint(hint)
    }

    fn changed(&self, entry: &Entry, key: &HostKey) -> Failure {
        let file = entry.file.display();
        let Options { hostname, port, .. } = self.options;
        Failure::new(format!(
            "the host key at {hostname} port {port} has changed: it was {}, {file} line {} says, and is {} {} now; somebody may be listening in",
            entry.key.fingerprint(),
            entry.line,
            key.kind(),
            key.fingerprint()
        ))
        .hint(format!(
            "if the server was really set up anew, `ssh-keygen -R '{}' -f {file}`",
            self.name
        ))
    }

    fn not_the_pinned(&self, pinned: &HostKey, key: &HostKey) -> Failure {
        Failure::new(format!(
            "the host key is {} {}, but {} {} is pinned in the project",
            key.kind(),
            key.fingerprint(),
            pinned.kind(),
            pinned.fingerprint()
        ))
        .hint(format!(
            "if the server was really set up anew, change `host-key` of {}",
            self.host
        ))
    }
}

/// The lines for the bare name, where the host is known by another one.
fn without_port(options: &Options) -> Result<Vec<Entry>, Failure> {
    if options.host_key_alias.is_some() || options.port == 22 {
        return Ok(Vec::new());
    }
    known_hosts::look_up(&options.hostname.to_lowercase(), &files(options))
}

fn revoked(entry: &Entry, key: &HostKey) -> Failure {
    Failure::new(format!(
        "the host key {} is revoked in {} line {}",
        key.fingerprint(),
        entry.file.display(),
        entry.line
    ))
    .hint(
        "it is not to be trusted again: have another one made on the server, or, where it was revoked by mistake, take \
         that line away",
    )
}

fn files(options: &Options) -> Vec<&Path> {
    let user = options.user_known_hosts.iter();
    user.chain(&options.global_known_hosts)
        .map(AsRef::as_ref)
        .collect()
}

/// The type of the keys an algorithm is for; RSA keys sign in three ways (RFC 8332).
fn key_type(algorithm: &str) -> &str {
    match algorithm {
        "rsa-sha2-512" | "rsa-sha2-256" => "ssh-rsa",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::prompter::Unattended;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBqzZ0mLJnRvTV0d8cv8C5Jb0dG5mS3wN0g5Q0Jq3j6A";
    const SUPPORTED: [&str; 6] = [
        "ssh-ed25519",
        "ssh-ed25519-cert-v01@openssh.com",
        "ecdsa-sha2-nistp256",
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-rsa",
    ];

    #[test]
    fn certificates_are_asked_for_by_authorities_only_and_known_types_come_first() {
        let mut options = Options::parse("hostname web\n", "web");
        let mut policy = Policy::read("web", &options, Some(KEY)).unwrap();
        assert!(
            policy
                .algorithms(&SUPPORTED)
                .starts_with("ssh-ed25519,ecdsa-sha2-nistp256,")
        );
        assert!(!policy.algorithms(&SUPPORTED).contains("cert"));

        let mut blob = vec![0, 0, 0, 7];
        blob.extend(b"ssh-rsa");
        policy.pinned = HostKey::from_blob(&blob);
        assert!(
            policy
                .algorithms(&SUPPORTED)
                .starts_with("rsa-sha2-512,rsa-sha2-256,ssh-rsa,")
        );

        options.host_key_algorithms = vec![
            "rsa-sha2-256".to_owned(),
            "ssh-ed25519".to_owned(),
            "x".to_owned(),
        ];
        let policy = Policy::read("web", &options, None).unwrap();
        assert_eq!(policy.algorithms(&SUPPORTED), "rsa-sha2-256,ssh-ed25519");
    }

    #[test]
    fn only_the_pinned_key_is_accepted() {
        let options = Options::parse("hostname web\nstricthostkeychecking no\n", "web");
        let policy = Policy::read("web", &options, Some(KEY)).unwrap();
        assert!(policy.check(&KEY.parse().unwrap(), &Unattended).is_ok());
        let other = KEY.replace("q3j6A", "q3j6B").parse().unwrap();
        let refused = policy.check(&other, &Unattended).unwrap_err();
        assert!(
            refused.message.contains(&other.fingerprint()),
            "{}",
            refused.message
        );
    }
}
