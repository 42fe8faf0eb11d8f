//! What reads bytes that somebody else wrote: each takes anything without a panic and without memory that its size
//! doesn't account for, and what it takes for good means the same when it is written and read again.

use hostout::{
    config::Project,
    eggs::{WheelInfo, WheelName, canonical},
    host::{Listener, StatusAnswer},
    ledger::{allowed_signers_are_plain, kind_of_message},
    release::{Ended, FormatError, Manifest, Started, from_toml, to_toml},
    transport::{Destination, SshOptions},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Debug, io::Write as _};

/// A name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("manifest", document::<Manifest>),
    ("started", document::<Started>),
    ("ended", document::<Ended>),
    ("hostout.toml", settings),
    ("ledger-message", ledger_message),
    ("allowed-signers", allowed_signers),
    ("wheel", wheel),
    ("wheel-name", wheel_name),
    ("answer", answer),
    ("ssh-options", ssh_options),
    ("destination", destination),
];

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn document<T: Serialize + DeserializeOwned + Debug + PartialEq>(bytes: &[u8]) {
    let Ok(value) = from_toml::<T>(text(bytes)) else {
        return;
    };
    let written = to_toml(&value).unwrap();
    let again: Result<T, FormatError> = from_toml(&written);
    assert_eq!(again.unwrap(), value, "{written}");
}

fn settings(bytes: &[u8]) {
    if let Err(error) = Project::parse("hostout.toml", text(bytes)) {
        assert!(!error.to_string().is_empty());
    }
}

fn ledger_message(bytes: &[u8]) {
    kind_of_message(text(bytes));
}

fn allowed_signers(bytes: &[u8]) {
    allowed_signers_are_plain(text(bytes));
}

/// A canonical wheel is its own canonical form.
fn wheel(bytes: &[u8]) {
    let file = "demo-1.0-py3-none-any.whl";
    if WheelInfo::read(file, bytes).is_ok()
        && let Ok(once) = canonical(file, bytes, 1_700_000_000)
    {
        assert_eq!(canonical(file, &once, 1_700_000_000).unwrap(), once);
    }
}

fn wheel_name(bytes: &[u8]) {
    if let Ok(name) = WheelName::parse(text(bytes)) {
        assert!(!name.tags().is_empty());
    }
}

/// In two pieces, as lines come over a connection.
fn answer(bytes: &[u8]) {
    let mut events = 0;
    let mut listener = Listener::new(|_| events += 1);
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    if listener.write_all(head).is_err() || listener.write_all(tail).is_err() {
        return;
    }
    let Ok(end) = listener.end() else {
        return;
    };
    if end.clone().activation().is_err() && end.clone().recovery().is_err() {
        drop(end.read::<StatusAnswer>());
    }
}

fn ssh_options(bytes: &[u8]) {
    let options = SshOptions::parse(text(bytes), "web1");
    assert!(options.connection_attempts > 0);
    assert!(!options.known_hosts_name().is_empty());
    drop(options.expand("%h:%p %r %%"));
}

fn destination(bytes: &[u8]) {
    if let Ok(destination) = text(bytes).parse::<Destination>() {
        assert_eq!(destination.to_string().parse(), Ok(destination));
    }
}
