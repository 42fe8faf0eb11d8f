//! `setup.cfg`, as Python's configparser reads it.

use std::ops::Range;

/// Where the value of `key` in `[section]` stands; a value over several lines reaches to its last one.
pub fn value(text: &str, section: &str, key: &str) -> Option<Range<usize>> {
    let mut inside = false;
    let mut found: Option<Range<usize>> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (at, content) = (start, line.trim_end());
        start += line.len();
        if content.trim_start().starts_with(['#', ';']) || content.is_empty() {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(range) = &mut found {
                range.end = at + content.len();
            }
            continue;
        }
        if found.is_some() {
            break;
        }
        if let Some(header) = content.strip_prefix('[') {
            inside = header.strip_suffix(']') == Some(section);
        } else if inside && let Some(split) = content.find(['=', ':']) {
            let (name, rest) = content.split_at(split);
            if same_key(name.trim(), key) {
                let lead = rest.len() - rest[1..].trim_start().len();
                found = Some(at + split + lead..at + content.len());
            }
        }
    }
    found
}

/// setuptools takes `-` and `_` for the same.
fn same_key(written: &str, key: &str) -> bool {
    written.to_ascii_lowercase().replace('-', "_") == key
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values() {
        let text = "[bdist]\nversion = 9\n[metadata]\n# version = 8\nName=acme\nversion : 1.0 \nlong = a\n  b\n\n  c\nlast = x\n";
        let get = |section, key| value(text, section, key).map(|range| &text[range]);
        assert_eq!(get("metadata", "version"), Some("1.0"));
        assert_eq!(get("metadata", "name"), Some("acme"));
        assert_eq!(get("metadata", "long"), Some("a\n  b\n\n  c"));
        assert_eq!(get("metadata", "nothing"), None);
        assert_eq!(get("options", "last"), None);
        assert_eq!(
            value("[metadata]\nversion =", "metadata", "version"),
            Some(20..20)
        );
    }
}
