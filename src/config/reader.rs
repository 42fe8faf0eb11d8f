//! Reads one table of the text, key by key, and reports what it doesn't know.

use super::duration::{seconds, seconds_or_none};
use super::error::{Problems, suggest};
use super::place::{Placed, Span};
use super::status::statuses;
use crate::release::Statuses;
use toml_edit::{Item, TableLike, Value};

/// A table being read. Every `key` that is asked for is a known one; the rest is reported when the table is done.
pub(super) struct Reader<'r, 't> {
    table: &'r dyn TableLike,
    header: String,
    known: Vec<&'static str>,
    problems: &'r mut Problems<'t>,
}

/// A week, in seconds: nobody means a longer wait, and a host's kernel counts milliseconds in 31 bits.
const LONGEST: u64 = 7 * 24 * 3600;

/// Words that a key takes; one without a meaning is planned, but not there yet.
pub(super) type Choices<T> = [(&'static str, Option<T>)];

impl<'r, 't> Reader<'r, 't> {
    /// Reads the whole of `table` with `read`.
    pub(super) fn read<T>(
        table: &'r dyn TableLike,
        header: String,
        problems: &'r mut Problems<'t>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut reader = Self {
            table,
            header,
            known: Vec::new(),
            problems,
        };
        let value = read(&mut reader);
        reader.report_unknown();
        value
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let item = self.item(key)?;
        let text = item.as_str().map(str::to_owned);
        let placed = self.expect(key, item, "a string", text)?;
        self.refuse_nul(key, &placed);
        Some(placed)
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<Placed<String>>> {
        let item = self.item(key)?;
        let list = item.as_array().map(|array| self.strings(key, array.iter()));
        self.expect(key, item, "a list of strings", list)
            .map(|placed| placed.value)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let item = self.item(key)?;
        self.expect(key, item, "true or false", item.as_bool())
            .map(|placed| placed.value)
    }

    /// A whole number from 1.
    pub(super) fn count(&mut self, key: &'static str) -> Option<u32> {
        let item = self.item(key)?;
        let number = item.as_integer();
        let placed = self.expect(key, item, "a whole number", number)?;
        let count = u32::try_from(placed.value).ok().filter(|count| *count > 0);
        if count.is_none() {
            let message = format!("`{key}`{} must be at least 1", self.within());
            self.problems.add(Some(&placed.span), &message, None);
        }
        count
    }

    /// A whole number as text, or a string.
    pub(super) fn number_or_text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let item = self.item(key)?;
        let number = item.as_integer().map(|number| number.to_string());
        let text = number.or_else(|| item.as_str().map(str::to_owned));
        let placed = self.expect(key, item, "a number or a string", text)?;
        self.refuse_nul(key, &placed);
        Some(placed)
    }

    /// A status of an HTTP answer, `200`, or a range of them, `"200-299"`.
    pub(super) fn statuses(&mut self, key: &'static str) -> Option<Placed<Statuses>> {
        let item = self.item(key)?;
        let one = item.as_integer().map(|status| status.to_string());
        let words = item.as_str().map(str::to_owned).or(one);
        let parsed = words.as_deref().and_then(statuses);
        let expected = "a status from 100 to 599, such as 200, or several, such as \"200-299\"";
        self.expect(key, item, expected, parsed)
    }

    /// A duration in seconds; `"0s"` is one.
    pub(super) fn duration_or_none(&mut self, key: &'static str) -> Option<u64> {
        self.duration_of(key, seconds_or_none)
            .map(|placed| placed.value)
    }

    /// A duration in seconds.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<u64> {
        self.placed_duration(key).map(|placed| placed.value)
    }

    /// A duration in seconds, and its place.
    pub(super) fn placed_duration(&mut self, key: &'static str) -> Option<Placed<u64>> {
        self.duration_of(key, seconds)
    }

    fn duration_of(
        &mut self,
        key: &'static str,
        rule: fn(&str) -> Option<u64>,
    ) -> Option<Placed<u64>> {
        let item = self.item(key)?;
        let parsed = item.as_str().and_then(rule);
        let placed = self.expect(key, item, "a duration such as \"60s\" or \"5m\"", parsed)?;
        if placed.value > LONGEST {
            let message = format!("`{key}`{} must be at most 168h, a week", self.within());
            self.problems.add(Some(&placed.span), &message, None);
        }
        Some(placed)
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &Choices<T>,
    ) -> Option<Placed<T>> {
        let Placed { value: word, span } = self.text(key)?;
        let available = || choices.iter().filter(|choice| choice.1.is_some());
        let names = || available().map(|choice| choice.0);
        match choices.iter().find(|choice| choice.0 == word) {
            Some((_, Some(value))) => Some(Placed {
                value: *value,
                span,
            }),
            Some((_, None)) => {
                let message = format!("{key} `{word}`{} is not available yet", self.within());
                let names: Vec<&str> = names().collect();
                let hint = format!("available: {}", names.join(", "));
                self.problems.add(Some(&span), &message, Some(hint));
                None
            }
            None => {
                let message = format!("unknown {key} `{word}`{}", self.within());
                self.problems
                    .add(Some(&span), &message, suggest(&word, names()));
                None
            }
        }
    }

    /// The table `key`, with the place of its name.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'_, 't>) -> T,
    ) -> Option<Placed<T>> {
        let item = self.item(key)?;
        let table = item.as_table_like();
        let Placed { value: table, .. } = self.expect(key, item, "a table", table)?;
        let header = self.nested(key);
        let value = Reader::read(table, header, &mut *self.problems, read);
        Some(Placed {
            value,
            span: self.key_span(key).unwrap_or_default(),
        })
    }

    /// The tables below `key`, whose names are the user's, in the order of the file.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Reader<'_, 't>) -> T,
    ) -> Vec<(Placed<String>, T)> {
        let Some(item) = self.item(key) else {
            return Vec::new();
        };
        let table = item.as_table_like();
        let Some(Placed { value: table, .. }) = self.expect(key, item, "a table", table) else {
            return Vec::new();
        };
        let header = self.nested(key);
        let mut found = Vec::new();
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(toml_edit::Key::span);
            if let Some(inner) = item.as_table_like() {
                let header = format!("{header}.{name}");
                let value = Reader::read(inner, header, &mut *self.problems, &read);
                let span = span.unwrap_or_default();
                let value_name = name.to_owned();
                found.push((
                    Placed {
                        value: value_name,
                        span,
                    },
                    value,
                ));
            } else {
                let message = format!("`{name}` in [{header}] must be a table, not {}", kind(item));
                self.problems.add(span.as_ref(), &message, None);
            }
        }
        found
    }

    /// The elements of the list `key`, each a string or a table that `read` takes.
    pub(super) fn strings_or_tables<T>(
        &mut self,
        key: &'static str,
        from_string: impl Fn(Placed<String>) -> T,
        from_table: impl Fn(&mut Reader<'_, 't>, Span) -> T,
    ) -> Option<Placed<Vec<T>>> {
        let item = self.item(key)?;
        let Some(array) = item.as_array() else {
            let none = None::<Vec<T>>;
            return self.expect(key, item, "a list of strings or tables", none);
        };
        let mut found = Vec::new();
        for value in array {
            let span = value.span().unwrap_or_default();
            if let Some(text) = value.as_str() {
                let value = text.to_owned();
                let placed = Placed { value, span };
                self.refuse_nul(key, &placed);
                found.push(from_string(placed));
            } else if let Some(table) = value.as_inline_table() {
                let header = self.nested(key);
                let read = |reader: &mut Reader<'_, 't>| from_table(reader, span);
                found.push(Reader::read(table, header, &mut *self.problems, read));
            } else {
                self.wrong_element(key, value, "strings or tables");
            }
        }
        self.expect(key, item, "a list", Some(found))
    }

    /// The list of strings or else the table `key`.
    pub(super) fn strings_or_table<T>(
        &mut self,
        key: &'static str,
        from_strings: impl FnOnce(Vec<Placed<String>>) -> T,
        from_table: impl FnOnce(&mut Reader<'_, 't>) -> T,
    ) -> Option<Placed<T>> {
        let item = self.item(key)?;
        if item.is_table_like() {
            return self.table(key, from_table);
        }
        let list = item
            .as_array()
            .map(|array| from_strings(self.strings(key, array.iter())));
        self.expect(key, item, "a list of strings or a table", list)
    }

    /// Reports a mistake at `span`.
    pub(super) fn refuse(&mut self, span: &Span, message: &str, hint: Option<String>) {
        self.problems.add(Some(span), message, hint);
    }

    /// Reports the character that ends every string for a kernel: no command, path or address holds it.
    fn refuse_nul(&mut self, key: &str, text: &Placed<String>) {
        if text.value.contains('\0') {
            let message = format!("`{key}`{} holds the character NUL", self.within());
            self.problems.add(Some(&text.span), &message, None);
        }
    }

    fn item(&mut self, key: &'static str) -> Option<&'r Item> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    fn expect<T>(
        &mut self,
        key: &str,
        item: &Item,
        expected: &str,
        value: Option<T>,
    ) -> Option<Placed<T>> {
        let span = item.span().or_else(|| self.key_span(key));
        let Some(value) = value else {
            let message = match item.as_str() {
                Some(word) => format!("`{key}`{} must be {expected}, not `{word}`", self.within()),
                None => format!(
                    "`{key}`{} must be {expected}, not {}",
                    self.within(),
                    kind(item)
                ),
            };
            self.problems.add(span.as_ref(), &message, None);
            return None;
        };
        let span = span.unwrap_or_default();
        Some(Placed { value, span })
    }

    fn strings<'v>(
        &mut self,
        key: &str,
        values: impl Iterator<Item = &'v Value>,
    ) -> Vec<Placed<String>> {
        let mut found = Vec::new();
        for value in values {
            let span = value.span().unwrap_or_default();
            match value.as_str() {
                Some(text) => {
                    let value = text.to_owned();
                    let placed = Placed { value, span };
                    self.refuse_nul(key, &placed);
                    found.push(placed);
                }
                None => self.wrong_element(key, value, "strings"),
            }
        }
        found
    }

    fn wrong_element(&mut self, key: &str, value: &Value, expected: &str) {
        let found = with_article(value.type_name());
        let message = format!("`{key}`{} must hold {expected}, not {found}", self.within());
        self.problems.add(value.span().as_ref(), &message, None);
    }

    fn report_unknown(&mut self) {
        for (name, item) in self.table.iter() {
            if self.known.contains(&name) {
                continue;
            }
            let span = self.key_span(name);
            let message = if item.is_table() {
                format!("unknown table [{}]", self.nested(name))
            } else if self.header.is_empty() {
                format!("unknown key `{name}` outside of any table")
            } else {
                format!("unknown key `{name}`{}", self.within())
            };
            let hint = suggest(name, self.known.iter().copied());
            self.problems.add(span.as_ref(), &message, hint);
        }
    }

    fn key_span(&self, key: &str) -> Option<Span> {
        self.table.key(key).and_then(toml_edit::Key::span)
    }

    fn nested(&self, key: &str) -> String {
        if self.header.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.header)
        }
    }

    fn within(&self) -> String {
        if self.header.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", self.header)
        }
    }
}

fn kind(item: &Item) -> String {
    match item.as_integer() {
        Some(number) => format!("the number {number}"),
        None => with_article(item.type_name()),
    }
}

fn with_article(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {type_name}")
}
