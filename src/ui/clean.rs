//! Text that others wrote (hosts, commits, other programs) made harmless for a terminal.

/// `text` without escape sequences; other control characters and those that reorder text are shown as escapes. Lines
/// and tabs stay; a carriage return is a line end, so nothing can be written over.
pub fn clean(text: &str) -> String {
    let text = console::strip_ansi_codes(text).replace("\r\n", "\n");
    escape(&text, |c| matches!(c, '\n' | '\t'))
}

/// Like [`clean`], for a value within a line: line ends and tabs are shown as escapes too, so that a value can't pass
/// for a line of ours.
pub fn clean_line(text: &str) -> String {
    escape(&console::strip_ansi_codes(text), |_| false)
}

/// A JSON text whose strings hold no dangerous character: RFC 8259 section 7 lets any be written as `\uXXXX`, and they
/// occur nowhere but in strings.
pub(super) fn clean_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_dangerous(c) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            safe.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' if keep('\n') => safe.push('\n'),
            c if is_dangerous(c) && !keep(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe
}

/// C0, DEL and C1; the marks, embeddings, overrides and isolates of UAX 9; the line separators of Unicode.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_survives() {
        for (dirty, cleaned) in [
            ("plain ünïcode 日本 👍", "plain ünïcode 日本 👍"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b[2J\x1b[Hfake", "fake"),
            ("ok\rFAILED", "ok\nFAILED"),
            ("dos\r\nline", "dos\nline"),
            (
                "bell\x07 back\x08 del\x7f",
                "bell\\u{7} back\\u{8} del\\u{7f}",
            ),
            ("c1 \u{9b}31m", "c1 "),
            ("c1 \u{85}\u{90}", "c1 \\u{85}\\u{90}"),
            ("\u{202e}txt.exe\u{2066}", "\\u{202e}txt.exe\\u{2066}"),
            ("nul\0", "nul\\u{0}"),
        ] {
            assert_eq!(clean(dirty), cleaned, "{dirty:?}");
        }
    }

    #[test]
    fn whatever_comes_in_no_control_character_comes_out() {
        let nasty = [
            '\x1b', '[', ']', '3', 'm', '\x07', '\\', 'P', '\u{9b}', '\u{9d}', '\r', 'x',
        ];
        for n in 0..nasty.len().pow(4) {
            let text: String = (0..4u32)
                .map(|at| nasty[n / nasty.len().pow(at) % nasty.len()])
                .collect();
            let cleaned = clean(&text);
            assert!(
                !cleaned.chars().any(|c| is_dangerous(c) && c != '\n'),
                "{text:?}: {cleaned:?}"
            );
        }
    }

    #[test]
    fn a_value_stays_on_its_line() {
        assert_eq!(
            clean_line("v1\nProceed? yes\r\t"),
            "v1\\nProceed? yes\\r\\t"
        );
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let value = serde_json::json!({ "m": "a\u{9b}31m\u{202e}\x1b\x7f\n" });
        let text = clean_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.chars().any(|c| is_dangerous(c) && c != '\n'));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
