//! Passwords never leave this room: not even in the source line beside an error.

/// `text` with the password of every `user:password@host` replaced by `***`.
///
/// Whatever stands between quotes is one address; its password ends at the last `@`, since passwords may hold one.
pub(super) fn redact(text: &str) -> String {
    text.split_inclusive(['"', '\'']).map(redact_one).collect()
}

/// Where the password of an address begins and ends, if it has one (RFC 3986, 3.2.1; the same form is used by ssh
/// destinations, which have no scheme).
pub(super) fn password(address: &str) -> Option<std::ops::Range<usize>> {
    let end = address.rfind('@')?;
    let authority = address[..end].find("://").map_or(0, |at| at + 3);
    let colon = address[authority..end].find(':')?;
    Some(authority + colon + 1..end)
}

fn redact_one(address: &str) -> String {
    match password(address) {
        Some(range) => format!("{}***{}", &address[..range.start], &address[range.end..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn only_the_password_goes() {
        assert_eq!(
            redact(r#"hosts = ["a:p@ss/w@web", "b@web:22", "b@[::1]:22"]"#),
            r#"hosts = ["a:***@web", "b@web:22", "b@[::1]:22"]"#
        );
        assert_eq!(redact("'ssh://u:secret@h/x' # c"), "'ssh://u:***@h/x' # c");
        assert_eq!(redact("http://127.0.0.1:8080/"), "http://127.0.0.1:8080/");
    }
}
