//! What a person reads of each room: messages and remedies, also of failures that no test can bring about cheaply.

use super::*;
use std::path::PathBuf;

mod buildout;
mod eggs;
mod hosts;
mod ledger;
mod others;
mod pack;

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn what_each_room_says() {
    for (room, errors) in [
        ("buildout", buildout::all()),
        ("eggs", eggs::all()),
        ("hosts", hosts::all()),
        ("ledger", ledger::all()),
        ("others", others::all()),
        ("pack", pack::all()),
    ] {
        insta::assert_snapshot!(room, errors.iter().map(read).collect::<String>());
    }
}
