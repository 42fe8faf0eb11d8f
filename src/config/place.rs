//! Where in the text something stands.

use std::ops::Range;

/// A range of bytes of the text.
pub(super) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The whole line, passwords blanked.
    pub source: String,
}

impl Place {
    /// The place of byte `offset` of `text`; one that is past the end or inside a character counts as before it.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text[start..].lines().next().unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            source: super::redact::redact_line(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn columns_count_characters() {
        let place = Place::of("a = 1\r\nné = 2\r\n", "a = 1\r\nné ".len());
        assert_eq!((place.line, place.column), (2, 4));
        assert_eq!(place.source, "né = 2");
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        let place = Place::of("a\n", 9);
        assert_eq!(
            (place.line, place.column, place.source.as_str()),
            (2, 1, "")
        );
    }
}
