//! As much of Python's grammar as finds a string that is assigned or passed: no code is run.
//!
//! Source: the lexical analysis chapter of the Python Language Reference.

use std::ops::Range;

/// What a variable or an argument is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A plain string, where its characters stand in the source.
    Text(Range<usize>),
    /// Another variable, or an attribute of one, e.g. `shop.__version__`.
    Name(String),
    /// Something computed, with the plain strings in it.
    Computed(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    /// A string without prefix and backslash; the range is that of its characters.
    Text(Range<usize>),
    Other,
    /// The end of a logical line.
    End,
}

#[derive(Clone, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// How many brackets are open before it.
    depth: usize,
    /// Whether it is the first of its line and not indented.
    first: bool,
}

/// What the last assignment to `name` at module level sets it to (`a = b = "…"` and `a: str = "…"` too).
pub fn assigned(source: &str, name: &str) -> Option<Value> {
    let tokens = tokens(source);
    let statements = tokens.split(|token| token.kind == Kind::End);
    let mut values = statements.filter_map(|statement| {
        let first = statement.first()?;
        let assigns = |token: &&Token<'_>| token.text == "=" && token.depth == 0;
        let last = statement.iter().rposition(|token| assigns(&token))?;
        let targets = &statement[..last];
        let named = targets.split(|token| assigns(&token)).any(|target| {
            let annotated = target.get(1).is_none_or(|token| token.text == ":");
            annotated && target.first().is_some_and(|token| token.text == name)
        });
        (first.first && named).then(|| value(&statement[last + 1..]))
    });
    values.next_back()
}

/// The keyword arguments of the last call of `function`, e.g. `setup(…)` or `setuptools.setup(…)`.
pub fn keywords(source: &str, function: &str) -> Option<Vec<(String, Value)>> {
    let tokens = tokens(source);
    let called = |at: &usize| {
        tokens[*at].text == function
            && tokens.get(at + 1).is_some_and(|next| next.text == "(")
            && (*at == 0 || tokens[at - 1].text != "def")
    };
    let call = (0..tokens.len()).rev().find(called)?;
    let outer = tokens[call + 1].depth;
    let inside = &tokens[call + 2..];
    let end = inside
        .iter()
        .position(|token| token.depth == outer + 1 && token.text == ")")?;
    let arguments = inside[..end].split(|token| token.depth == outer + 1 && token.text == ",");
    let keyword = |argument: &[Token<'_>]| match argument {
        [name, equals, rest @ ..] if name.kind == Kind::Name && equals.text == "=" => {
            Some((name.text.to_owned(), value(rest)))
        }
        _ => None,
    };
    Some(arguments.filter_map(keyword).collect())
}

/// A value with variables of the same module followed.
pub fn resolved(source: &str, value: Value) -> Value {
    let mut value = value;
    // a bound, for a = b and b = a
    for _ in 0..8 {
        let Value::Name(name) = &value else { break };
        match assigned(source, name) {
            Some(next) => value = next,
            None => break,
        }
    }
    value
}

fn value(tokens: &[Token<'_>]) -> Value {
    match tokens {
        [
            Token {
                kind: Kind::Text(range),
                ..
            },
        ] => Value::Text(range.clone()),
        [
            Token {
                kind: Kind::Name, ..
            },
            rest @ ..,
        ] if rest.chunks(2).all(attribute) => {
            Value::Name(tokens.iter().map(|token| token.text).collect())
        }
        // ("1.0"), but not ("1.0",)
        [open, inner, close] if open.text == "(" && close.text == ")" => {
            value(std::slice::from_ref(inner))
        }
        tokens => Value::Computed(
            tokens
                .iter()
                .filter(|token| matches!(token.kind, Kind::Text(_)))
                .map(|token| token.text.trim_matches(['"', '\'']).to_owned())
                .collect(),
        ),
    }
}

fn attribute(tokens: &[Token<'_>]) -> bool {
    matches!(tokens, [dot, name] if dot.text == "." && name.kind == Kind::Name)
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let bytes = source.as_bytes();
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let (mut at, mut depth, mut line_start) = (0, 0_usize, true);
    while at < bytes.len() {
        let start = at;
        let kind = match bytes[at] {
            b'\n' => {
                at += 1;
                line_start = true;
                if depth > 0 {
                    continue;
                }
                Kind::End
            }
            b';' if depth == 0 => {
                at += 1;
                Kind::End
            }
            b'\\' if line_break(&bytes[at + 1..]) => {
                at += 2;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\x0c' => {
                at += 1;
                line_start = false;
                continue;
            }
            b'#' => {
                at = bytes[at..]
                    .iter()
                    .position(|b| *b == b'\n')
                    .map_or(bytes.len(), |n| at + n);
                continue;
            }
            b'"' | b'\'' => string(bytes, &mut at, true),
            byte if word(byte) => {
                while at < bytes.len() && word(bytes[at]) {
                    at += 1;
                }
                match bytes.get(at) {
                    Some(b'"' | b'\'') if at - start <= 2 => {
                        let plain = matches!(&source[start..at], "u" | "U" | "r" | "R");
                        string(bytes, &mut at, plain)
                    }
                    _ => Kind::Name,
                }
            }
            // one token for ==, != and the like, so that no `=` is left over
            b'=' | b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b':'
                if bytes.get(at + 1) == Some(&b'=') =>
            {
                at += 2;
                Kind::Other
            }
            _ => {
                at += 1;
                Kind::Other
            }
        };
        let text = &source[start..at];
        let token = |depth| Token {
            kind,
            text,
            depth,
            first: line_start && depth == 0,
        };
        tokens.push(token(depth));
        match text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        line_start = line_start && text == "\n";
    }
    tokens
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn line_break(rest: &[u8]) -> bool {
    rest.first() == Some(&b'\n') || rest.starts_with(b"\r\n")
}

/// Steps over the string that opens at `at`.
fn string(bytes: &[u8], at: &mut usize, plain: bool) -> Kind {
    let quote = bytes[*at];
    let triple = bytes[*at..].starts_with(&[quote; 3]);
    let width = if triple { 3 } else { 1 };
    let start = *at + width;
    let mut end = start;
    let mut escaped = false;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => {
                escaped = true;
                end += 1;
            }
            b'\n' if !triple => break,
            byte if byte == quote && (!triple || bytes[end..].starts_with(&[quote; 3])) => break,
            _ => {}
        }
        end += 1;
    }
    let end = end.min(bytes.len());
    *at = (end + width).min(bytes.len());
    if plain && !escaped && !(triple && bytes[start..end].contains(&b'\n')) {
        Kind::Text(start..end)
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(source: &str, value: Option<Value>) -> String {
        match value.map(|value| resolved(source, value)) {
            Some(Value::Text(range)) => source[range].to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn assignments_at_module_level() {
        for source in [
            "__version__ = '1.0'",
            "#!/usr/bin/python\n__version__ = \"1.0\"  # the version\n",
            "__version__: str = '1.0'",
            "__version__ = version = '1.0'",
            "version = __version__ = ('1.0')",
            "VERSION = \"1.0\"\n__version__ = VERSION\n",
            "__version__ = '0.9'\n__version__ = u'1.0'",
            "\"\"\"Doc\n__version__ = '2.0'\n\"\"\"\n__version__ = '1.0'\n",
            "if x:\n    __version__ = '2'\n__version__ = '1.0'\ndef f():\n    __version__ = '3'\n",
        ] {
            let value = assigned(source, "__version__");
            assert_eq!(text_of(source, value), "1.0", "{source}");
        }
        for source in [
            "__version__ == '1.0'",
            "__version__ += '1.0'",
            "x.__version__ = '1.0'",
            "print(__version__='1.0')",
            "__version__ = f'1.0'",
            "__version__ = '1.' '0'",
            "__version__ = ('1.0',)",
            "    __version__ = '1.0'",
        ] {
            let value = assigned(source, "__version__");
            assert!(
                !matches!(value, Some(Value::Text(_))),
                "{source}: {value:?}"
            );
        }
    }

    #[test]
    fn keyword_arguments() {
        let source = "import os\nfrom setuptools import setup, find_packages\nname = 'acme.shop'\n\
            setup(\n    name=name,  # (\n    version='1.0',\n    packages=find_packages('src', exclude=['version']),\n\
            \x20   long_description=(open('README').read() + '\\n'),\n    extras_require={'a': ['b', 'c']},\n)\n";
        let found = keywords(source, "setup").unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "name",
                "version",
                "packages",
                "long_description",
                "extras_require"
            ]
        );
        assert_eq!(text_of(source, Some(found[0].1.clone())), "acme.shop");
        assert_eq!(text_of(source, Some(found[1].1.clone())), "1.0");
        assert_eq!(keywords("def setup(version='1'): pass", "setup"), None);
    }

    #[test]
    fn computed_values_keep_their_strings() {
        let source = "setup(version=open(os.path.join('src', 'version.txt')).read().strip())";
        let found = keywords(source, "setup").unwrap();
        assert_eq!(
            found[0].1,
            Value::Computed(vec!["src".into(), "version.txt".into()])
        );
    }

    #[test]
    fn broken_sources_end() {
        for source in [
            "'",
            "\"\"\"",
            "'\\",
            "setup(",
            "x = (",
            "\\",
            "setup(version='1",
        ] {
            assigned(source, "x");
            keywords(source, "setup");
        }
    }
}
