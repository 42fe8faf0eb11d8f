//! Dating the top heading of a changelog: `1.3 (unreleased)` becomes `1.3 (2026-11-22)`.

use pep440_rs::Version;

/// A changelog whose top heading was dated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// The whole new text.
    pub text: String,
    /// What it says about the version: the lines below the heading, blank ones at both ends left out.
    pub lines: Vec<String>,
}

/// A heading: its line, and the kind that makes it end a section of the same kind.
struct Heading {
    line: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Markdown's `##`, with their number (`CommonMark` 4.2).
    Hashes(usize),
    /// Underlined with this character, over the line too or not (reStructuredText, Markdown).
    Underlined { with: char, over: bool },
}

/// Dates the top heading of `text` as `version`, `date` (`yyyy-mm-dd`); `None` unless that is an unreleased one.
///
/// Understands zest.releaser's `1.3 (unreleased)` and keepachangelog.com's `[Unreleased]`.
pub fn date(text: &str, version: &Version, date: &str) -> Option<Dated> {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let headings = headings(&lines);
    let position = headings
        .iter()
        .position(|heading| names_release(&lines[heading.line]))?;
    let Heading { line, kind } = headings[position];
    let old = lines[line].clone();
    let new = dated(&old, version, date)?;

    let next = headings[position + 1..]
        .iter()
        .find(|next| ends(kind, next.kind));
    let end = next.map_or(lines.len(), |next| match next.kind {
        Kind::Underlined { over: true, .. } => next.line - 1,
        _ => next.line,
    });
    let start = line
        + if matches!(kind, Kind::Hashes(_)) {
            1
        } else {
            2
        };
    let section = section(&lines[start.min(end)..end]);

    if let Kind::Underlined { with, over } = kind {
        let beside = [over.then(|| line - 1), Some(line + 1)];
        for beside in beside.into_iter().flatten() {
            lines[beside] = refit(&lines[beside], with, &old, &new);
        }
    }
    lines[line] = new;
    let text = lines.join("\n");
    Some(Dated {
        text,
        lines: section,
    })
}

fn headings(lines: &[String]) -> Vec<Heading> {
    let rule = |line: usize| lines.get(line).and_then(|text| ruler(text));
    let mut found = Vec::new();
    for (line, text) in lines.iter().enumerate() {
        let hashes = text.chars().take_while(|c| *c == '#').count();
        if (1..=6).contains(&hashes) && text[hashes..].starts_with(' ') {
            let kind = Kind::Hashes(hashes);
            found.push(Heading { line, kind });
        } else if !text.trim().is_empty()
            && ruler(text).is_none()
            && let Some(with) = rule(line + 1)
        {
            let over = line > 0 && rule(line - 1) == Some(with);
            let kind = Kind::Underlined { with, over };
            found.push(Heading { line, kind });
        }
    }
    found
}

/// The character of a line that under- or overlines.
fn ruler(line: &str) -> Option<char> {
    let line = line.trim_end();
    let first = line.chars().next()?;
    let whole = line.chars().all(|c| c == first);
    (whole && line.len() >= 3 && "=-~^\"'`+*#.:_<>".contains(first)).then_some(first)
}

fn ends(section: Kind, next: Kind) -> bool {
    match (section, next) {
        (Kind::Hashes(section), Kind::Hashes(next)) => next <= section,
        (section, next) => section == next,
    }
}

/// Whether a heading is about a release, not the title of the file.
fn names_release(heading: &str) -> bool {
    unreleased(heading).is_some() || words(heading).any(|word| word.1.parse::<Version>().is_ok())
}

/// Where `unreleased` stands, in whatever case.
fn unreleased(heading: &str) -> Option<usize> {
    heading.to_ascii_lowercase().find("unreleased")
}

/// What in a heading starts like a version, without brackets and `v`, each with its place.
fn words(heading: &str) -> impl Iterator<Item = (usize, &str)> {
    let separates = |c: char| c.is_ascii_whitespace() || "[](),:".contains(c);
    let mut next = 0;
    let words = heading.split(separates).map(move |word| {
        let place = next;
        next += word.len() + 1;
        match word.strip_prefix(['v', 'V']) {
            Some(rest) => (place + 1, rest),
            None => (place, word),
        }
    });
    words.filter(|(_, word)| word.starts_with(|c: char| c.is_ascii_digit()))
}

fn dated(heading: &str, version: &Version, date: &str) -> Option<String> {
    let at = unreleased(heading)?;
    let end = at + "unreleased".len();
    let (before, after) = (&heading[..at], &heading[end..]);
    let named = words(heading).find(|(_, word)| word.parse::<Version>().is_ok());
    Some(match named {
        Some((place, word)) => {
            let dated = format!("{before}{date}{after}");
            let place = if place > at {
                place - "unreleased".len() + date.len()
            } else {
                place
            };
            let tail = &dated[place + word.len()..];
            format!("{}{version}{tail}", &dated[..place])
        }
        None if before.ends_with('[') => {
            let after = after.strip_prefix(']').unwrap_or(after);
            format!("{before}{version}] - {date}{after}")
        }
        None if before.ends_with('(') => {
            let before = before.trim_end_matches('(');
            format!("{before}{version} ({date}{after}")
        }
        None => format!("{before}{version} ({date}){after}"),
    })
}

/// The line under or over a heading, as long again as the heading if it was.
fn refit(ruler: &str, with: char, old: &str, new: &str) -> String {
    let carriage = if ruler.ends_with('\r') { "\r" } else { "" };
    let length = |text: &str| text.trim_end().chars().count();
    let fitting = if length(ruler) == length(old) {
        length(new)
    } else {
        length(ruler).max(length(new))
    };
    format!("{}{carriage}", String::from(with).repeat(fitting))
}

fn section(lines: &[String]) -> Vec<String> {
    let blank = |line: &String| line.trim().is_empty();
    let start = lines
        .iter()
        .position(|line| !blank(line))
        .unwrap_or(lines.len());
    let end = lines
        .iter()
        .rposition(|line| !blank(line))
        .map_or(start, |last| last + 1);
    let said: Vec<String> = lines[start..end]
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect();
    // zest.releaser's stand-in for "no entry yet"
    match said.as_slice() {
        [only] if only.to_ascii_lowercase().contains("nothing changed yet") => Vec::new(),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated_as(text: &str, version: &str) -> Option<Dated> {
        date(text, &version.parse().unwrap(), "2026-11-22")
    }

    #[test]
    fn zest_releaser_headings_keep_their_underline_fitting() {
        let text = "Changelog\n=========\n\n1.3 (unreleased)\n----------------\n\n- Sell more.\n  [me]\n\n1.2 (2026-01-01)\n----------------\n\n- Old.\n";
        let dated = dated_as(text, "1.3.1").unwrap();
        assert_eq!(
            dated.text,
            "Changelog\n=========\n\n1.3.1 (2026-11-22)\n------------------\n\n- Sell more.\n  [me]\n\n1.2 (2026-01-01)\n----------------\n\n- Old.\n"
        );
        assert_eq!(dated.lines, ["- Sell more.", "  [me]"]);
    }

    #[test]
    fn overlined_and_overlong_rules() {
        let text = "================\n1.3 (unreleased)\n================\n\n- New\n\n================\n1.2 (2026-01-01)\n================\n";
        let dated = dated_as(text, "1.3").unwrap();
        assert!(
            dated
                .text
                .starts_with("================\n1.3 (2026-11-22)\n================\n")
        );
        assert_eq!(dated.lines, ["- New"]);

        let long = dated_as("1.3 (unreleased)\n--------------------\n", "1.3").unwrap();
        assert_eq!(long.text, "1.3 (2026-11-22)\n--------------------\n");
    }

    #[test]
    fn markdown_headings() {
        for (old, new) in [
            ("## 1.3 (unreleased)", "## 1.3 (2026-11-22)"),
            ("## [1.3] - Unreleased", "## [1.3] - 2026-11-22"),
            ("## [Unreleased]", "## [1.3] - 2026-11-22"),
            ("## Unreleased", "## 1.3 (2026-11-22)"),
            ("## (unreleased)", "## 1.3 (2026-11-22)"),
            ("## Unreleased - v1.3.dev0", "## 2026-11-22 - v1.3"),
        ] {
            let text = format!("# Changelog\n\n{old}\n\n### Added\n\n- New\n\n## [1.2]\n");
            let dated = dated_as(&text, "1.3").unwrap();
            assert_eq!(dated.text, text.replace(old, new));
            assert_eq!(dated.lines, ["### Added", "", "- New"]);
        }
    }

    #[test]
    fn line_ends_stay() {
        let dated = dated_as(
            "1.3 (unreleased)\r\n----------------\r\n\r\n- New\r\n",
            "1.3.1",
        )
        .unwrap();
        assert_eq!(
            dated.text,
            "1.3.1 (2026-11-22)\r\n------------------\r\n\r\n- New\r\n"
        );
        assert_eq!(dated.lines, ["- New"]);
    }

    #[test]
    fn a_dated_top_heading_is_left_alone() {
        let dated =
            "1.2 (2026-01-01)\n----------------\n\n- Old\n\n1.1 (unreleased)\n----------------\n";
        assert_eq!(dated_as(dated, "1.3"), None);
        assert_eq!(dated_as("No headings, unreleased\n", "1.3"), None);
    }

    #[test]
    fn the_placeholder_says_nothing() {
        let text = "1.3 (unreleased)\n----------------\n\n- Nothing changed yet.\n";
        assert_eq!(dated_as(text, "1.3").unwrap().lines, Vec::<String>::new());
    }
}
