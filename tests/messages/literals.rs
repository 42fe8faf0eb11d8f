//! The string literals of Rust code, and the calls and functions around each. Only as much of the language as this
//! project uses is known (the Rust reference, "Tokens").

/// A string literal.
pub struct Literal<'c> {
    /// What it says.
    pub text: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// What is open where it stands, from the outside: `ui.note`, `Event::Warning`, `#[error`, `fn hint`.
    pub within: Vec<&'c str>,
}

/// All literals of `code`, in their order.
pub fn literals(code: &str) -> Vec<Literal<'_>> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut function = None;
    let mut at = 0;
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        if let Some((text, length)) = string(rest) {
            found.push(Literal {
                text,
                line: code[..at].matches('\n').count() + 1,
                within: open.clone(),
            });
            at += length;
            continue;
        }
        match first {
            '(' | '[' => open.push(callee(&code[..at])),
            '{' => open.push(function.take().unwrap_or_default()),
            ')' | ']' | '}' => {
                open.pop();
            }
            _ => {}
        }
        if let Some(name) = rest.strip_prefix("fn ") {
            function = Some(&rest[..3 + word(name)]);
        }
        at += match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '\'' => character(rest),
            _ if word(rest) > 0 => word(rest),
            _ => first.len_utf8(),
        };
    }
    found
}

/// What is called where the next thing is an opening parenthesis.
fn callee(before: &str) -> &str {
    let is_path = |c: char| c.is_alphanumeric() || "_:.!#[".contains(c);
    let start = before.trim_end_matches(is_path).len();
    &before[start..]
}

/// How long the word is that begins here.
fn word(rest: &str) -> usize {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    end.unwrap_or(rest.len())
}

/// How long the character is that begins here; one byte of what is a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, c))) => {
            let from = escaped + c.len_utf8();
            rest[from..].find('\'').map_or(1, |end| from + end + 1)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

/// The string that begins here, and how long it is as written.
fn string(rest: &str) -> Option<(String, usize)> {
    let body = rest.strip_prefix('b').unwrap_or(rest);
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let text = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = text.find(&end)?;
        let written = rest.len() - text.len() + length + end.len();
        return Some((text[..length].to_owned(), written));
    }
    let text = body.strip_prefix('"')?;
    let mut said = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((said, rest.len() - text.len() + place + 1)),
            '\\' => match chars.next()?.1 {
                '\n' => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                'n' => said.push('\n'),
                // What is written by its number is no word.
                'x' | 'u' | 't' | 'r' | '0' => said.push(' '),
                plain => said.push(plain),
            },
            plain => said.push(plain),
        }
    }
    None
}

#[test]
#[expect(
    clippy::needless_raw_string_hashes,
    reason = "the text holds a raw string of its own"
)]
fn strings_are_read_with_what_is_around_them() {
    let code = r##"
        #[error("no {what}")]
        fn hint<'a>(c: char) -> &'a str {
            if c == '"' || c == '\'' { "one \"two\"" } else { r#"raw "x""# }
        }
        ui.note(&format!("a \
            b {}", x("c")));
        // ui.warn("no");
    "##;
    let found: Vec<(String, String)> = literals(code)
        .into_iter()
        .map(|literal| (literal.text, literal.within.join(" ")))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, b.trim())).collect();
    assert_eq!(
        found,
        [
            ("no {what}", "# #[error"),
            ("one \"two\"", "fn hint"),
            ("raw \"x\"", "fn hint"),
            ("a b {}", "ui.note format!"),
            ("c", "ui.note format! x"),
        ]
    );
}
