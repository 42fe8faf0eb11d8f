//! Passwords never leave this room: not even in the source line beside an error.

/// A line of TOML with the password of every `user:password@host` in it replaced by `***`. Each string is looked at
/// by itself, so that `["web:22", "u@web"]` stays as it is.
pub(super) fn redact_line(line: &str) -> String {
    strings_apart(line).into_iter().map(redact).collect()
}

/// `text` with the one password in it, if there is one, replaced by `***`.
pub(super) fn redact(text: &str) -> String {
    match password(text) {
        Some(range) => format!("{}***{}", &text[..range.start], &text[range.end..]),
        None => text.to_owned(),
    }
}

/// Where the password of an address begins and ends, if it has one; it ends at the last `@`, since it may hold one
/// (RFC 3986, 3.2.1; ssh destinations have the same form without a scheme). In libpq's connection strings it may also
/// stand behind `password`; then everything after it is taken for it.
pub(super) fn password(address: &str) -> Option<std::ops::Range<usize>> {
    let named = address.find("password").map(|at| at + "password".len());
    let equals = named.and_then(|at| Some(at + address[at..].find(|c| c != ' ')?));
    if let Some(at) = equals.filter(|at| address[*at..].starts_with('=')) {
        return Some(at + 1..address.len());
    }
    let Some(scheme) = address.find("://") else {
        return before_last_at(address, 0);
    };
    let authority = scheme + 3;
    let path = address[authority..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |at| authority + at);
    let host = &address[authority..path];
    // `http://web:8080/@@ok` has an `@` and no password; in `ssh://u:p/w@web` the slash belongs to it
    let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if host.contains('@') {
        before_last_at(&address[..path], authority)
    } else if host.rsplit_once(':').is_none_or(|(_, rest)| port(rest)) {
        None
    } else {
        before_last_at(address, authority)
    }
}

fn before_last_at(address: &str, authority: usize) -> Option<std::ops::Range<usize>> {
    let end = address.rfind('@').filter(|end| *end >= authority)?;
    let colon = address[authority..end].find(':')?;
    Some(authority + colon + 1..end)
}

/// Cuts a line before and after each of its strings, basic and literal ones (TOML 1.0, String).
fn strings_apart(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quote, mut escaped) = (0, None, false);
    for (at, c) in line.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => {
                quote = None;
                pieces.push(&line[start..at]);
                start = at;
            }
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                pieces.push(&line[start..at]);
                start = at;
            }
            _ => {}
        }
    }
    pieces.push(&line[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::{redact, redact_line};

    #[test]
    fn only_the_password_goes() {
        assert_eq!(
            redact_line(r#"hosts = ["a:p@ss/w@web", "b@web:22", "b@[::1]:22"]"#),
            r#"hosts = ["a:***@web", "b@web:22", "b@[::1]:22"]"#
        );
        assert_eq!(
            redact_line("'ssh://u:secret@h/x' # c"),
            "'ssh://u:***@h/x' # c"
        );
        for plain in [
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:8080/Plone/@@ok",
            "http://[::1]:8080/@@ok",
            "http://web/a:b@c",
            "ssh://u@web:22/x",
        ] {
            assert_eq!(redact(plain), plain);
        }
        assert_eq!(redact("ssh://u:p/w@web/x"), "ssh://u:***@web/x");
    }

    #[test]
    fn a_connection_string_may_name_it() {
        let line = r#"database = "host=db password = 's3 cret' user=shop""#;
        assert_eq!(redact_line(line), r#"database = "host=db password =***""#);
        assert_eq!(
            redact("postgresql://db/shop?password=x"),
            "postgresql://db/shop?password=***"
        );
        assert_eq!(redact("password"), "password");
    }

    #[test]
    fn quotes_in_a_password_hide_nothing_less() {
        assert_eq!(redact_line(r#"h = "a:p'w@web""#), r#"h = "a:***@web""#);
        assert_eq!(redact_line(r#"h = "a:p\"w@web""#), r#"h = "a:***@web""#);
        assert_eq!(redact_line(r#"h = "a:unclosed@web"#), r#"h = "a:***@web"#);
        assert_eq!(redact("host `a:p'\"w@web` is"), "host `a:***@web` is");
    }
}
