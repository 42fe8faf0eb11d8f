//! Who may do what: `keys/roles.toml` of the ledger, beside `allowed_signers` and `openpgp/`.

use super::{FORMAT, FormatError, from_toml, to_toml};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    /// Everything.
    All,
    /// Make releases, and withdraw them.
    Release,
    /// Deploy to a stage, and approve what others deploy there; `*` = to every stage.
    Deploy(String),
    /// Roll a stage back; `*` = every stage.
    Rollback(String),
    /// Say who may do what, and what the policy is.
    Keys,
    /// Add keys, and nothing else: a key to put away.
    Recovery,
}

/// What an entry needs its signer to be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It makes or withdraws a release.
    Release,
    /// It deploys to a stage, or approves of that.
    Deploy(String),
    /// It rolls a stage back.
    Rollback(String),
    /// It tells how a deployment or a rollback on a stage ended.
    End(String),
    /// It changes keys or the policy.
    Keys,
    /// It adds keys, and changes nothing else of them.
    AddKeys,
}

/// The roles of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyRoles {
    /// Whose it is: the first principal of its line in `allowed_signers`, or the mail address of its `OpenPGP` user id. Keys
    /// of the same name are one person's.
    pub name: String,
    /// `SHA256:…` of an ssh key, or an `OpenPGP` primary key's fingerprint.
    pub fingerprint: String,
    /// What it may do.
    pub roles: Vec<Role>,
}

/// `keys/roles.toml`. A key that does not stand here may do nothing; in a ledger without this file every key may do all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Format version, 1.
    pub format: u32,
    /// In the order in which they were added.
    #[serde(default)]
    pub key: Vec<KeyRoles>,
}

impl Roles {
    /// Reads the file.
    pub fn from_toml(text: &str) -> Result<Self, FormatError> {
        from_toml(text)
    }

    /// The text of the file.
    pub fn to_toml(&self) -> Result<String, FormatError> {
        to_toml(self)
    }

    /// A file with these keys.
    pub fn of(key: Vec<KeyRoles>) -> Self {
        Self {
            format: FORMAT,
            key,
        }
    }

    /// The roles of the key with this fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<&KeyRoles> {
        self.key.iter().find(|key| key.fingerprint == fingerprint)
    }

    /// Whether the key with this fingerprint may do what is needed.
    pub fn may(&self, fingerprint: &str, need: &Need) -> bool {
        let roles = self.get(fingerprint).map(|key| key.roles.as_slice());
        roles.is_some_and(|roles| roles.iter().any(|role| role.grants(need)))
    }

    /// What the key with this fingerprint may do, in words.
    pub fn words(&self, fingerprint: &str) -> String {
        let roles = self.get(fingerprint).map(|key| key.roles.as_slice());
        match roles {
            None | Some([]) => "nothing".to_owned(),
            Some(roles) => words(roles),
        }
    }
}

/// Roles, separated by commas.
pub fn words(roles: &[Role]) -> String {
    let words: Vec<String> = roles.iter().map(Role::to_string).collect();
    words.join(", ")
}

impl Role {
    /// Whether it lets its key do what is needed.
    pub fn grants(&self, need: &Need) -> bool {
        let is = |pattern: &str, stage: &str| pattern == "*" || pattern == stage;
        match (self, need) {
            (Self::All, _)
            | (Self::Release, Need::Release)
            | (Self::Keys, Need::Keys | Need::AddKeys)
            | (Self::Recovery, Need::AddKeys) => true,
            (Self::Deploy(pattern), Need::Deploy(stage) | Need::End(stage))
            | (Self::Rollback(pattern), Need::Rollback(stage) | Need::End(stage)) => {
                is(pattern, stage)
            }
            (
                Self::Release | Self::Deploy(_) | Self::Rollback(_) | Self::Keys | Self::Recovery,
                _,
            ) => false,
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once(':') {
            None => match text {
                "all" => Self::All,
                "release" => Self::Release,
                "keys" => Self::Keys,
                "recovery" => Self::Recovery,
                _ => return Err(unknown(text)),
            },
            Some((role, stage)) => {
                if stage.is_empty() || stage.contains(|c: char| c.is_whitespace() || c.is_control())
                {
                    return Err(unknown(text));
                }
                match role {
                    "deploy" => Self::Deploy(stage.to_owned()),
                    "rollback" => Self::Rollback(stage.to_owned()),
                    _ => return Err(unknown(text)),
                }
            }
        })
    }
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is no role; there are all, release, deploy:STAGE, rollback:STAGE, keys, recovery"
    )
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.to_string()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Release => f.write_str("release"),
            Self::Deploy(stage) => write!(f, "deploy:{stage}"),
            Self::Rollback(stage) => write!(f, "rollback:{stage}"),
            Self::Keys => f.write_str("keys"),
            Self::Recovery => f.write_str("recovery"),
        }
    }
}

/// The role that is asked for, as it would be given.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release => f.write_str("release"),
            Self::Deploy(stage) => write!(f, "deploy:{stage}"),
            Self::Rollback(stage) => write!(f, "rollback:{stage}"),
            Self::End(stage) => write!(f, "deploy:{stage} or rollback:{stage}"),
            Self::Keys | Self::AddKeys => f.write_str("keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for text in [
            "all",
            "release",
            "keys",
            "recovery",
            "deploy:staging",
            "rollback:*",
        ] {
            assert_eq!(text.parse::<Role>().unwrap().to_string(), text);
        }
        for wrong in ["", "deploy", "deploy:", "deploy:a b", "approve:a", "All"] {
            assert!(wrong.parse::<Role>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_grants_its_own_and_nothing_else() {
        let stage = || "staging".to_owned();
        let needs = [
            Need::Release,
            Need::Deploy(stage()),
            Need::Rollback(stage()),
            Need::End(stage()),
            Need::Keys,
            Need::AddKeys,
        ];
        let granted = |role: &str| -> Vec<bool> {
            let role: Role = role.parse().unwrap();
            needs.iter().map(|need| role.grants(need)).collect()
        };
        let (y, n) = (true, false);
        assert_eq!(granted("all"), [y, y, y, y, y, y]);
        assert_eq!(granted("release"), [y, n, n, n, n, n]);
        assert_eq!(granted("deploy:staging"), [n, y, n, y, n, n]);
        assert_eq!(granted("deploy:*"), [n, y, n, y, n, n]);
        assert_eq!(granted("deploy:production"), [n, n, n, n, n, n]);
        assert_eq!(granted("rollback:staging"), [n, n, y, y, n, n]);
        assert_eq!(granted("keys"), [n, n, n, n, y, y]);
        assert_eq!(granted("recovery"), [n, n, n, n, n, y]);
    }

    #[test]
    fn who_does_not_stand_there_may_nothing() {
        let roles = Roles::of(vec![KeyRoles {
            name: "ada".to_owned(),
            fingerprint: "SHA256:a".to_owned(),
            roles: vec![Role::Release, Role::Keys],
        }]);
        assert!(roles.may("SHA256:a", &Need::Release));
        assert!(!roles.may("SHA256:b", &Need::Release));
        assert_eq!(roles.words("SHA256:a"), "release, keys");
        assert_eq!(roles.words("SHA256:b"), "nothing");
        let text = roles.to_toml().unwrap();
        assert_eq!(Roles::from_toml(&text).unwrap(), roles);
    }
}
