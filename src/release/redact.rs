//! Passwords and tokens in addresses: where they are, and texts without them. A part of one is never left; where an address
//! is ambiguous rather too much goes than too little.

use std::{borrow::Cow, ops::Range};

/// `text` with `scheme://user:password@host` and `scheme://token@host` cut to `scheme://host` (RFC 3986, 3.2.1).
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(found) = user_info(rest) {
        clean.push_str(&rest[..found.start]);
        rest = &rest[found.end + 1..];
    }
    if clean.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Where the first user info of an address in `text` is; an `@` follows it.
pub fn user_info(text: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let rest = &text[start..];
        // A quote or a comma may be part of a password.
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let end = rest[..end].find("://").unwrap_or(end);
        if let Some(at) = at_of(&rest[..end]) {
            return Some(start..start + at);
        }
        from = start;
    }
    None
}

/// Where the password of `address` is, if it has one: of an address with a scheme, or of what ssh takes for a destination.
/// In libpq's connection strings it may also stand behind `password`; then everything after it is taken for it.
pub fn password(address: &str) -> Option<Range<usize>> {
    let named = address.find("password").map(|at| at + "password".len());
    let equals = named.and_then(|at| Some(at + address[at..].find(|c| c != ' ')?));
    if let Some(at) = equals.filter(|at| address[*at..].starts_with('=')) {
        return Some(at + 1..address.len());
    }
    let start = address.find("://").map_or(0, |scheme| scheme + 3);
    let end = if start == 0 {
        address.rfind('@')?
    } else {
        start + at_of(&address[start..])?
    };
    let colon = address[start..end].find(':')?;
    Some(start + colon + 1..end)
}

/// The `@` that ends the user info of an address, of which `rest` comes after `://`. Where there is a password it is the last
/// one: whoever did not escape an `@` or a slash in it meant it so. `https://web:8080/@@ok` has none, nor has
/// `git+ssh://git@web/shop@1.0` a second one.
fn at_of(rest: &str) -> Option<usize> {
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let before = authority.rfind('@');
    let with_password = match before {
        Some(at) => authority[..at].contains(':'),
        None => !is_host(authority),
    };
    if with_password {
        rest.rfind('@')
    } else {
        before
    }
}

/// Whether this is a host, perhaps with a port: the slash after it belongs to no password.
fn is_host(authority: &str) -> bool {
    let after = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']').map_or("", |(_, after)| after),
        None => authority.find(':').map_or("", |at| &authority[at..]),
    };
    let port = after.strip_prefix(':').unwrap_or(after);
    port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, and the same without user info.
    const TABLE: [(&str, &str); 22] = [
        ("", ""),
        ("mail a@b.org", "mail a@b.org"),
        (
            "https://u:p@h/x https://h2/@scope",
            "https://h/x https://h2/@scope",
        ),
        ("'https://u:p@ss@h:1/'", "'https://h:1/'"),
        ("https://me:p/w@h", "https://h"),
        ("https://me:p@s/s@h/x", "https://h/x"),
        ("https://me:p?w#x@h/", "https://h/"),
        ("https://me:p'w\"x@h/", "https://h/"),
        ("https://me:p,w;x@h/", "https://h/"),
        ("https://me:@h/", "https://h/"),
        ("a https://h b https://t@h2", "a https://h b https://h2"),
        ("https://tok@en@h", "https://h"),
        ("git+ssh://git@h/x", "git+ssh://h/x"),
        ("git+ssh://git@h:22/x@1.0", "git+ssh://h:22/x@1.0"),
        ("https://h/x,https://u:p@h2/y", "https://h/x,https://h2/y"),
        (
            "fatal: 'https://ann:pw@h.org:8443/x' and\n\n ssh://u@h/y and a@b",
            "fatal: 'https://h.org:8443/x' and\n\n ssh://h/y and a@b",
        ),
        (
            "http://127.0.0.1:8080/Plone/@@ok",
            "http://127.0.0.1:8080/Plone/@@ok",
        ),
        ("http://[::1]:8080/@@ok", "http://[::1]:8080/@@ok"),
        ("http://[::1]/@@ok", "http://[::1]/@@ok"),
        ("http://web/a:b@c", "http://web/a:b@c"),
        ("file://ann:pw@/nowhere", "file:///nowhere"),
        (
            "http://web:8080: refused, a@b",
            "http://web:8080: refused, a@b",
        ),
    ];

    #[test]
    fn user_info_goes_and_the_rest_stays() {
        for (text, clean) in TABLE {
            assert_eq!(redact(text), clean, "{text}");
        }
    }

    #[test]
    fn only_the_password_of_an_address_is_found() {
        for (address, found) in [
            ("ssh://u:p/w@web/x", Some("p/w")),
            ("ssh://u:p@s/s@web/x", Some("p@s/s")),
            ("ssh://u:p w@web", Some("p w")),
            ("a:p@ss/w@web", Some("p@ss/w")),
            ("host `a:p'\"w@web` is", Some("p'\"w")),
            ("https://t:@h", Some("")),
            ("b@web:22", None),
            ("b@[::1]:22", None),
            ("ssh://u@web:22/x", None),
            (
                "host=db password = 's3 cret' user=shop",
                Some(" 's3 cret' user=shop"),
            ),
            ("postgresql://db/shop?password=x", Some("x")),
            ("password", None),
        ] {
            assert_eq!(
                password(address).map(|range| &address[range]),
                found,
                "{address}"
            );
        }
        // What is in no address with a password is in no text either.
        for (text, clean) in TABLE.iter().filter(|(text, clean)| text == clean) {
            let one = !text.contains(' ');
            assert!(!one || password(text).is_none(), "{clean}");
        }
    }
}
