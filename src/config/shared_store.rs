//! `store` of `[release]`: where artifacts are shared by sha256.

use super::check::{Verdict, destination, no_password};
use std::fmt;

/// A folder that colleagues and build servers reach too: on this machine (or mounted there), or over ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedStore {
    /// `local`, or `[user@]host[:port]`.
    pub destination: String,
    /// The folder there; absolute or below `~/`.
    pub path: String,
}

/// `/srv/store`, `~/store`, `ssh://[user@]host[:port]/srv/store` or, below the login user's home, `ssh://host/~/store`.
pub(super) fn shared_store(text: &str) -> Verdict {
    no_password(text)?;
    match SharedStore::parse(text) {
        Some(store) => destination(&store.destination),
        None => Err(
            "must be a folder, absolute or below `~/`, or `ssh://[user@]host[:port]/folder`"
                .to_owned(),
        ),
    }
}

impl SharedStore {
    /// Reads it; nothing for what is no such place.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (destination, path) = match text.strip_prefix("ssh://") {
            Some(rest) => {
                let at = rest.find('/')?;
                let path = &rest[at..];
                (
                    &rest[..at],
                    path.strip_prefix("/")
                        .filter(|path| path.starts_with("~/"))
                        .unwrap_or(path),
                )
            }
            None => ("local", text),
        };
        let below = path.strip_prefix("~/").or_else(|| path.strip_prefix('/'))?;
        let plain = !path.contains(char::is_control);
        let own = below.split('/').any(|part| !part.is_empty() && part != ".");
        (plain && own).then(|| Self {
            destination: destination.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (destination, path) = (&self.destination, &self.path);
        match destination.as_str() {
            "local" => f.write_str(path),
            _ if path.starts_with('/') => write!(f, "ssh://{destination}{path}"),
            _ => write!(f, "ssh://{destination}/{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_it_was_read() {
        for (text, destination, path) in [
            ("/srv/store", "local", "/srv/store"),
            ("~/store", "local", "~/store"),
            ("ssh://web1/srv/store", "web1", "/srv/store"),
            ("ssh://ci@[::1]:22/~/store", "ci@[::1]:22", "~/store"),
        ] {
            let store = SharedStore::parse(text).unwrap();
            assert_eq!((&*store.destination, &*store.path), (destination, path));
            assert_eq!(store.to_string(), text);
            assert_eq!(shared_store(text), Ok(()));
        }
    }

    #[test]
    fn what_is_no_place() {
        for text in [
            "store",
            "",
            "/",
            "~/",
            "ssh://web1",
            "ssh://web1/",
            "ssh://-x/store",
            "https://h/store",
            "ssh://u:p@h/s",
        ] {
            assert!(shared_store(text).is_err(), "{text}");
        }
    }
}
