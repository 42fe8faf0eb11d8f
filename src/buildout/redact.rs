//! Taking user names and passwords out of text.

use std::borrow::Cow;

/// The text with `scheme://user:password@host` and `scheme://token@host` cut to `scheme://host` (RFC 3986, 3.2.1).
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((host, at)) = user_info(rest) {
        out.push_str(&rest[..host]);
        rest = &rest[at + 1..];
    }
    if out.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether the text holds a URL with a password or token, `scheme://secret@host`. A lone `git` or `hg` is the usual login of
/// ssh addresses and no secret.
pub fn has_password(text: &str) -> bool {
    let mut rest = text;
    while let Some((host, at)) = user_info(rest) {
        let info = &rest[host..at];
        let ssh = rest[..host].ends_with("ssh://") && !info.contains(':');
        let reference = info.contains("${");
        if !ssh && !reference && info != "git" && info != "hg" {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Where the first user info begins, and where its `@` is.
fn user_info(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let host = from + found + 3;
        let ends = |c: char| c.is_whitespace() || "/?#\"'<>,;`".contains(c);
        let authority = &text[host..];
        let authority = &authority[..authority.find(ends).unwrap_or(authority.len())];
        // The last one: a password may hold an `@` that nobody escaped.
        if let Some(at) = authority.rfind('@') {
            return Some((host, host + at));
        }
        from = host;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_user_info_only() {
        for (text, clean) in [
            ("", ""),
            ("mail a@b.org", "mail a@b.org"),
            (
                "https://u:p@h/x https://h2/@scope",
                "https://h/x https://h2/@scope",
            ),
            ("'https://u:p@ss@h:1/'", "'https://h:1/'"),
            ("a https://h b https://t@h2", "a https://h b https://h2"),
            ("git+ssh://git@h/x", "git+ssh://h/x"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn knows_passwords_from_logins() {
        assert!(has_password("index = https://me:secret@h/simple"));
        assert!(has_password("https://token@h/simple"));
        assert!(!has_password(
            "git+ssh://git@h/x ssh://deploy@h/y https://h/z"
        ));
        assert!(!has_password("https://${secrets:login}@h/z"));
    }
}
