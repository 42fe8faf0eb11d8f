//! The lines of `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS): to show them, to add one and to take one away. Whether a
//! signature is good is not judged here.

use ssh_key::{HashAlg, PublicKey};

/// A line that names a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignerLine {
    /// Counted from 1.
    pub number: usize,
    /// The first principal.
    pub name: String,
    /// The value of `valid-before`.
    pub until: Option<String>,
    /// The key's fingerprint, `SHA256:…`.
    pub fingerprint: String,
}

/// Every line that is neither empty nor a comment, or what is wrong with it.
pub(super) fn lines(text: &str) -> Vec<Result<SignerLine, String>> {
    let numbered = (1..).zip(text.lines());
    numbered
        .map(|(number, line)| (number, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            read(number, line)
                .map_err(|what| format!("line {number} of keys/allowed_signers: {what}"))
        })
        .collect()
}

/// The text without the lines that name the key; its last line ends.
pub(super) fn without(text: &str, fingerprint: &str) -> String {
    let kept = (1..).zip(text.lines()).filter(|(number, line)| {
        !read(*number, line.trim()).is_ok_and(|line| line.fingerprint == fingerprint)
    });
    kept.flat_map(|(_, line)| [line.trim_end_matches('\r'), "\n"])
        .collect()
}

/// The fingerprint of `TYPE BASE64`, as ssh-keygen(1) -l writes it.
pub(super) fn fingerprint(key: &str) -> Option<String> {
    let key = PublicKey::from_openssh(key).ok()?;
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}

fn read(number: usize, line: &str) -> Result<SignerLine, String> {
    let words = words(line);
    let [principals, rest @ ..] = words.as_slice() else {
        return Err("it is empty".to_owned());
    };
    let at = rest.iter().position(|word| is_type(word));
    let options = match at {
        Some(0) => "",
        Some(1) => rest[0],
        Some(_) => {
            return Err(
                "there are blanks between its options, and ssh-keygen takes no such line"
                    .to_owned(),
            );
        }
        None => return Err("it names no key".to_owned()),
    };
    let key = rest[at.unwrap_or_default()..].get(..2).unwrap_or_default();
    let fingerprint = fingerprint(&key.join(" ")).ok_or("its key is none")?;
    let until = options.split_once("valid-before=\"");
    Ok(SignerLine {
        number,
        name: principals
            .split(',')
            .next()
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned(),
        until: until.and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())),
        fingerprint,
    })
}

fn is_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// Split at blanks that are not in quotes.
fn words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    line.split(|c: char| {
        quoted ^= c == '"';
        !quoted && (c == ' ' || c == '\t')
    })
    .filter(|word| !word.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";

    #[test]
    fn lines_are_read_whatever_their_ends_and_options() {
        for line in [
            format!("ann@example.org {KEY}"),
            format!("ann@example.org,ann\t{KEY} a comment\r\n"),
            format!("# who\r\n\r\nann@example.org namespaces=\"git,git-hostout\" {KEY}\r\n"),
            format!("ann@example.org namespaces=\"git, other\" {KEY}"),
        ] {
            let read = lines(&line);
            let [Ok(found)] = read.as_slice() else {
                panic!("{line}: {read:?}");
            };
            assert_eq!(found.name, "ann@example.org", "{line}");
            assert!(found.fingerprint.starts_with("SHA256:"));
            assert_eq!(
                without(&line, &found.fingerprint).matches("ssh-").count(),
                0
            );
        }
        let until = format!("ann valid-before=\"20270101Z\" {KEY}");
        assert_eq!(
            lines(&until)[0].as_ref().unwrap().until.as_deref(),
            Some("20270101Z")
        );
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (line, what) in [
            (
                format!("ann namespaces=\"git\", valid-after=\"2020\" {KEY}"),
                "blanks between its options",
            ),
            ("ann".to_owned(), "names no key"),
            ("ann ssh-ed25519 AAAA".to_owned(), "its key is none"),
            ("ann ssh-ed25519".to_owned(), "its key is none"),
        ] {
            let read = lines(&format!("# x\n{line}\n"));
            let Err(said) = &read[0] else {
                panic!("{line}");
            };
            assert!(said.contains(what) && said.contains("line 2"), "{said}");
        }
    }
}
