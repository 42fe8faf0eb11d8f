//! Columns for people.

use super::clean::clean_line;
use console::measure_text_width;

/// What a table is kept within, in columns of a terminal, wherever it goes: output doesn't depend on the window.
const WIDTH: usize = 80;
const GAP: usize = 2;
/// A column isn't made narrower than this.
const NARROWEST: usize = 8;

/// `rows` in aligned columns, a line end after each. Where they don't fit, the widest columns wrap, so nothing is lost.
pub fn table<R, C>(rows: impl IntoIterator<Item = R>) -> String
where
    R: IntoIterator<Item = C>,
    C: AsRef<str>,
{
    let cells = |row: R| {
        row.into_iter()
            .map(|cell| clean_line(cell.as_ref()))
            .collect()
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(cells).collect();
    let widths = widths(&rows);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let wrapped: Vec<Vec<String>> = cells.map(|(cell, width)| wrap(cell, *width)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
        for at in 0..height {
            let mut line = String::new();
            for (cell, width) in wrapped.iter().zip(&widths) {
                let part = cell.get(at).map_or("", String::as_str);
                line.push_str(part);
                line.push_str(&" ".repeat(GAP + width.saturating_sub(measure_text_width(part))));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| measure_text_width(cell))
            .max()
            .unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    let room = WIDTH.saturating_sub(GAP * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(width) if *width > NARROWEST => *width -= 1,
            _ => break,
        }
    }
    widths
}

/// `text` in lines of at most `width` columns, broken at spaces where there are any.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while measure_text_width(rest) > width {
        let (cut, next) = break_at(rest, width);
        lines.push(rest[..cut].to_owned());
        rest = &rest[next..];
    }
    lines.push(rest.to_owned());
    lines
}

/// Where the first line of `text` ends, and where the next one starts.
fn break_at(text: &str, width: usize) -> (usize, usize) {
    let mut used = 0;
    let mut space = None;
    for (at, c) in text.char_indices() {
        used += measure_text_width(c.encode_utf8(&mut [0; 4]));
        if c == ' ' && at > 0 {
            space = Some((at, at + 1));
        }
        if used > width && at > 0 {
            return space.unwrap_or((at, at));
        }
    }
    (text.len(), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_by_what_is_seen() {
        let text = table([
            ["stage", "host", "release"],
            ["日本", "größe", "1.0"],
            ["a", "", "2.0"],
        ]);
        assert_eq!(
            text,
            "stage  host   release\n日本   größe  1.0\na             2.0\n"
        );
    }

    #[test]
    fn wraps_the_widest_and_loses_nothing() {
        let long = "word ".repeat(40);
        let digest = "0123456789abcdef".repeat(8);
        let text = table([["1.2.0", &long, "ok"], ["1.3.0", &digest, "ok"]]);
        assert!(
            text.lines().all(|line| measure_text_width(line) <= WIDTH),
            "{text}"
        );
        assert!(text.lines().count() > 4);
        assert_eq!(text.matches("word").count(), 40);
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        assert!(text.lines().next().unwrap().ends_with("  ok"), "{text}");
        assert!(digits.contains("0123456789abcdef"));
    }

    #[test]
    fn rows_may_differ_in_length_and_cells_stay_on_a_line() {
        assert_eq!(table([vec!["a\nb"], vec!["c", "d"]]), "a\\nb\nc     d\n");
        assert_eq!(table(Vec::<Vec<&str>>::new()), "");
    }
}
