//! Passwords never leave this room: not even in the source line beside an error.

use crate::release::password;

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
        assert_eq!(redact("ssh://u:p@s/s@web/x"), "ssh://u:***@web/x");
        let line = r#"database = "host=db password = 's3 cret' user=shop""#;
        assert_eq!(redact_line(line), r#"database = "host=db password =***""#);
    }

    #[test]
    fn quotes_in_a_password_hide_nothing_less() {
        assert_eq!(redact_line(r#"h = "a:p'w@web""#), r#"h = "a:***@web""#);
        assert_eq!(redact_line(r#"h = "a:p\"w@web""#), r#"h = "a:***@web""#);
        assert_eq!(redact_line(r#"h = "a:unclosed@web"#), r#"h = "a:***@web"#);
        assert_eq!(redact("host `a:p'\"w@web` is"), "host `a:***@web` is");
    }
}
