//! `[user@]host[:port]`, as it stands in `hosts` of `hostout.toml`.

use std::{fmt, num::NonZeroU16, str::FromStr};

/// Where a host is: this machine, or an ssh destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// This machine, without ssh; written `local`.
    Local,
    /// What `ssh` would be given. What is left out here comes from the ssh configuration.
    Ssh {
        /// The login name.
        user: Option<String>,
        /// A host name, an address, or a `Host` alias of the ssh configuration. No brackets.
        host: String,
        /// The port.
        port: Option<NonZeroU16>,
    },
}

/// Text that is no destination.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{}` is no destination: {reason}", .text.escape_debug())]
pub struct DestinationError {
    text: String,
    reason: &'static str,
}

/// What ssh refuses in users and hosts too, because both reach a `ProxyCommand`.
const SHELL_CHARACTERS: [char; 16] = [
    '\'', '`', '"', '$', '\\', ';', '&', '<', '>', '|', '(', ')', '{', '}', '*', '/',
];

impl DestinationError {
    /// What a destination looks like.
    pub fn hint(&self) -> Option<String> {
        Some("write `local`, or `[user@]host[:port]` with an IPv6 address in brackets".to_owned())
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if text == "local" {
            return Ok(Self::Local);
        }
        Self::read(text, Brackets::Ipv6)
    }
}

/// What may stand in brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    Ipv6,
    Anything,
}

impl Destination {
    /// A jump as `ssh -G` prints it, which puts IPv4 addresses in brackets too; `local` is a host like any other.
    pub(super) fn of_jump(text: &str) -> Result<Self, DestinationError> {
        let text = text.strip_prefix("ssh://").unwrap_or(text);
        Self::read(text, Brackets::Anything)
    }

    /// ssh splits the user at the last `@`, so a user may hold one.
    fn read(text: &str, brackets: Brackets) -> Result<Self, DestinationError> {
        let wrong = |reason| DestinationError {
            text: text.to_owned(),
            reason,
        };
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(wrong("it holds a space or a control character"));
        }
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (host, port) = split_port(rest, brackets).map_err(wrong)?;
        if user == Some("") {
            return Err(wrong("the user is empty"));
        }
        if host.is_empty() {
            return Err(wrong("the host is empty"));
        }
        if host.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
            return Err(wrong("a leading `-` would be read as an option"));
        }
        if host.contains(SHELL_CHARACTERS)
            || user.is_some_and(|user| user.contains(SHELL_CHARACTERS))
        {
            return Err(wrong("it holds a character that a shell would read"));
        }
        Ok(Self::Ssh {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
        })
    }
}

impl Destination {
    /// The same place for another user.
    #[must_use]
    pub fn with_user(&self, name: &str) -> Self {
        match self {
            Self::Local => Self::Local,
            Self::Ssh { host, port, .. } => Self::Ssh {
                user: Some(name.to_owned()),
                host: host.clone(),
                port: *port,
            },
        }
    }
}

fn split_port(rest: &str, brackets: Brackets) -> Result<(&str, Option<NonZeroU16>), &'static str> {
    let (host, port) = if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed
            .split_once(']')
            .ok_or("the bracket is not closed")?;
        let port = match after {
            "" => None,
            after => Some(
                after
                    .strip_prefix(':')
                    .ok_or("only `:port` may follow the bracket")?,
            ),
        };
        if brackets == Brackets::Ipv6 && !host.contains(':') || host.contains('[') {
            return Err("only an IPv6 address stands in brackets");
        }
        (host, port)
    } else {
        match rest.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address stands in brackets");
            }
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    let port = port
        .map(|port| {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let number = if digits { port.parse().ok() } else { None };
            number.ok_or("the port is no number from 1 to 65535")
        })
        .transpose()?;
    Ok((host, port))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Ssh { user, host, port } = self else {
            return f.write_str("local");
        };
        if let Some(user) = user {
            write!(f, "{user}@")?;
        }
        if host.contains(':') {
            write!(f, "[{host}]")?;
        } else {
            f.write_str(host)?;
        }
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_written_as_it_was_read() {
        for text in [
            "local",
            "web1",
            "deploy@web1.example.org:22",
            "web1:2222",
            "deploy@[2001:db8::1]:22",
            "[::1]",
            "jane@corp@web1",
            "user@local",
        ] {
            let read: Destination = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(read == Destination::Local, text == "local");
        }
    }

    #[test]
    fn the_user_ends_at_the_last_at_sign() {
        let Destination::Ssh { user, host, .. } = "jane@corp@web1".parse().unwrap() else {
            panic!("an ssh destination");
        };
        assert_eq!(
            (user.as_deref(), host.as_str()),
            (Some("jane@corp"), "web1")
        );
    }

    #[test]
    fn a_jump_may_have_any_host_in_brackets() {
        for (text, read) in [
            ("root@[10.77.4.1]:22", "root@10.77.4.1:22"),
            ("[10.77.4.1]", "10.77.4.1"),
            ("[::1]:22", "[::1]:22"),
            ("ssh://jump1", "jump1"),
        ] {
            let jump = Destination::of_jump(text).unwrap();
            assert_eq!(jump.to_string(), read);
            assert_eq!(read.parse(), Ok(jump));
        }
        assert!(Destination::of_jump("[]").is_err());
        assert!(Destination::of_jump("[-oX]").is_err());
        assert!(Destination::of_jump("[[::1]").is_err());
    }

    #[test]
    fn what_could_be_read_another_way_is_refused() {
        for text in [
            "",
            "@web1",
            "web1:",
            "web1:0",
            "web1:65536",
            "web1:+22",
            "::1",
            "[::1",
            "[::1]22",
            "[web1]",
            "[local]",
            "[@[[]",
            "-oProxyCommand=x",
            "-l@web1",
            "a b",
            "web1\n",
            "web1;id",
            "ssh://web1",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
