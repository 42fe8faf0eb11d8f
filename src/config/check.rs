//! Rules for single values. Each says what is wrong as the end of a sentence: "path `x` …".

use super::redact;
use crate::release::password;
use std::str::FromStr;

/// `Err` is the complaint.
pub(super) type Verdict = Result<(), String>;

/// A name that becomes part of file names: ASCII letters, digits, `.`, `_`, `-`, not beginning with a sign.
pub(super) fn name(text: &str) -> Verdict {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || !text.chars().all(plain) || text.starts_with(['.', '-', '_']) {
        return complain(
            "must be made of letters, digits, `.`, `_` and `-`, and begin with a letter or digit",
        );
    }
    Ok(())
}

/// A stage's name: no version, so that a lone argument is one or the other, and not the name that settings without
/// a stage have.
pub(super) fn stage_name(text: &str) -> Verdict {
    name(text)?;
    let bare = text.strip_prefix('v').unwrap_or(text);
    if semver::Version::parse(bare).is_ok() || pep440_rs::Version::from_str(bare).is_ok() {
        return complain("reads as a version");
    }
    if text == "default" {
        return complain("is the name of the settings outside of any stage");
    }
    Ok(())
}

/// A path below the folder it is relative to.
pub(super) fn relative_path(text: &str) -> Verdict {
    if text.is_empty() {
        return complain("is empty");
    }
    if text.starts_with(['/', '~']) {
        return complain("must be a relative path");
    }
    no_parent(text)
}

/// A stage's path on its hosts.
pub(super) fn host_path(text: &str) -> Verdict {
    let Some(below) = text.strip_prefix("~/").or_else(|| text.strip_prefix('/')) else {
        return complain("must be absolute or begin with `~/`");
    };
    if below.split('/').all(|part| part.is_empty() || part == ".") {
        return complain("must be a directory of its own");
    }
    // the first line of a script, `#!<path>/bin/python`, ends a path at white space
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return complain("must not contain white space: scripts name it in their first line");
    }
    no_parent(text)
}

/// As [`stage_name`], [`destination`] and [`host_path`], for what is given on the command line; the complaint names the option.
///
/// # Errors
/// What is wrong with the first one that cannot be, without the password that it may hold.
pub fn stage_options(
    stage: Option<&str>,
    host: Option<&str>,
    path: Option<&str>,
) -> Result<(), String> {
    type Rule = fn(&str) -> Verdict;
    let rules: [(&str, Option<&str>, Rule); 3] = [
        ("--stage", stage, stage_name),
        ("--host", host, destination),
        ("--path", path, host_path),
    ];
    for (option, text, rule) in rules {
        if let Some(text) = text {
            rule(text)
                .map_err(|complaint| format!("{option} `{}` {complaint}", redact::redact(text)))?;
        }
    }
    Ok(())
}

/// `local`, or `[user@]host[:port]` with an IPv6 address in brackets.
pub(super) fn destination(text: &str) -> Verdict {
    if password(text).is_some() {
        return complain("holds a password");
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/'\"\\".contains(c);
    if text.is_empty() || text.chars().any(odd) {
        return complain("must be `local` or `[user@]host[:port]`");
    }
    let (user, place) = text.rsplit_once('@').unwrap_or(("deploy", text));
    // ssh would take either for an option
    if user.is_empty() || user.starts_with('-') || place.starts_with('-') {
        return complain("has an empty user, or a part that begins with `-`");
    }
    host_and_port(place).map(|_| ())
}

/// The two parts of `host[:port]`, with an IPv6 address in brackets.
fn host_and_port(place: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, after)) => (host, Some(after.strip_prefix(':').unwrap_or_default())),
            None => return Err("lacks the `]` of an IPv6 address".to_owned()),
        },
        None => match place.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err("needs brackets around an IPv6 address".to_owned());
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() {
        return Err("names no host".to_owned());
    }
    match port.map(u16::from_str) {
        Some(Err(_) | Ok(0)) => Err("has a port that is no number from 1 to 65535".to_owned()),
        Some(Ok(port)) => Ok((host, Some(port))),
        None => Ok((host, None)),
    }
}

/// An address that is asked on the host or shown to people.
pub(super) fn http_url(text: &str) -> Verdict {
    no_password(text)?;
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    match rest.and_then(|rest| rest.split(['/', '?', '#']).next()) {
        Some(place) if !place.is_empty() => {
            no_white_space(text)?;
            let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
            host_and_port(host).map(|_| ())
        }
        _ => complain("must begin with `http://` or `https://` and name a host"),
    }
}

/// As [`http_url`], for an address that is given on the command line; the complaint is a whole sentence.
///
/// # Errors
/// What is wrong with it, without the password that it may hold.
pub fn health_url(text: &str) -> Result<(), String> {
    http_url(text).map_err(|complaint| format!("address `{}` {complaint}", redact::redact(text)))
}

/// `HOST:PORT` that is asked on the host, with an IPv6 address in brackets.
pub(super) fn tcp_address(text: &str) -> Verdict {
    no_white_space(text)?;
    if text.contains(['/', '@']) {
        return complain("must be HOST:PORT, such as 127.0.0.1:8100");
    }
    match host_and_port(text)? {
        (_, Some(_)) => Ok(()),
        _ => complain("must be HOST:PORT, such as 127.0.0.1:8100"),
    }
}

/// `Name: value` of an HTTP header (RFC 9110, 5.1 and 5.5).
pub(super) fn header(text: &str) -> Verdict {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match text.split_once(':') {
        Some((name, value))
            if !name.is_empty() && name.chars().all(token) && !value.trim().is_empty() =>
        {
            printable(text)
        }
        _ => complain("must be `Name: value`"),
    }
}

/// Text that is looked for in one line.
pub(super) fn printable(text: &str) -> Verdict {
    if text.chars().any(char::is_control) {
        return complain("must not contain control characters");
    }
    Ok(())
}

/// An address that may be written into a file everybody reads.
pub(super) fn no_password(text: &str) -> Verdict {
    match password(text) {
        Some(_) => complain("holds a password"),
        None => Ok(()),
    }
}

/// A connection string of libpq (its manual, "Connection Strings"), or a database's name.
pub(super) fn database(text: &str) -> Verdict {
    if password(text).is_some() {
        return complain("holds a password; that belongs into `.pgpass` on the hosts");
    }
    if text.starts_with('-') {
        return complain("is no database");
    }
    Ok(())
}

/// A user of a host, as useradd(8) and sudoers(5) take it without any quoting.
pub fn user_name(text: &str) -> Verdict {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if text.len() > 32
        || !text.chars().all(plain)
        || text.starts_with(|c: char| !c.is_ascii_lowercase() && c != '_')
    {
        return complain(
            "must be made of small letters, digits, `_` and `-`, begin with a letter, and have 32 at most",
        );
    }
    Ok(())
}

/// Whom services run as: whoever deploys may do anything as that user.
pub(super) fn runtime_user(text: &str) -> Verdict {
    if text == "root" {
        return complain(
            "must not be root: whoever deploys may do anything as that user, and services must not run as root",
        );
    }
    user_name(text)
}

/// A command's name or path, one word.
pub(super) fn program(text: &str) -> Verdict {
    if text.is_empty() || text.starts_with('-') {
        return complain("is no program");
    }
    no_white_space(text)
}

/// The pattern of tags: it holds `{version}` once and makes a valid ref (git-check-ref-format(1)).
pub(super) fn tag_pattern(text: &str) -> Verdict {
    if text.matches("{version}").count() != 1 {
        return complain("must hold `{version}` exactly once");
    }
    git_ref(
        "refs/tags/",
        &text.replace("{version}", "1.2.3"),
        "makes no valid tag name",
    )
}

/// A branch's name.
pub(super) fn branch(text: &str) -> Verdict {
    git_ref("refs/heads/", text, "is no valid branch name")
}

/// The python and platform tags of PEP 425, e.g. `cp311-manylinux_2_36_x86_64`.
pub(super) fn target(text: &str) -> Verdict {
    let parsed = text.split_once('-').is_some_and(|(python, platform)| {
        let digits = python.strip_prefix("cp3").unwrap_or_default();
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        number && platform_tag(platform)
    });
    if parsed {
        return Ok(());
    }
    complain("must be a python and a platform tag such as `cp311-manylinux_2_36_x86_64`")
}

/// `manylinux_X_Y_ARCH` (PEP 600), `musllinux_X_Y_ARCH` (PEP 656), `macosx_X_Y_ARCH`, `linux_ARCH`.
fn platform_tag(text: &str) -> bool {
    let arch = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(plain)
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.splitn(4, '_');
    match parts.next() {
        Some("linux") => text.strip_prefix("linux_").is_some_and(arch),
        Some("manylinux" | "musllinux" | "macosx") => {
            parts.next().is_some_and(number)
                && parts.next().is_some_and(number)
                && parts.next().is_some_and(arch)
        }
        _ => false,
    }
}

fn git_ref(prefix: &str, name: &str, complaint: &str) -> Verdict {
    let full = format!("{prefix}{name}");
    // git itself allows it in a ref, but no command line takes it
    if name.starts_with('-') || gix::validate::reference::name(full.as_str().into()).is_err() {
        return complain(complaint);
    }
    Ok(())
}

fn no_parent(text: &str) -> Verdict {
    if text.split('/').any(|part| part == "..") {
        return complain("must not contain `..`");
    }
    Ok(())
}

fn no_white_space(text: &str) -> Verdict {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return complain("must not contain white space");
    }
    Ok(())
}

fn complain(complaint: &str) -> Verdict {
    Err(complaint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(rule: fn(&str) -> Verdict, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(rule(text), Ok(()), "{text}");
        }
        for text in bad {
            assert!(rule(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn stage_names_are_no_versions() {
        sort(
            stage_name,
            &["staging", "prod-2", "v", "eu.west"],
            &[
                "", "1.0.0", "v2", "1.5", "default", "a/b", "-x", ".x", "a b", "é",
            ],
        );
    }

    #[test]
    fn paths_are_directories_of_their_own() {
        sort(
            host_path,
            &["/srv/shop", "~/shop", "/srv/shop/"],
            &[
                "srv",
                "/",
                "~",
                "~/",
                "/.",
                "/srv/../etc",
                "/srv/my shop",
                "",
            ],
        );
        sort(
            relative_path,
            &[".", "etc/", "a..b"],
            &["", "/etc", "../x", "a/..", "~/x"],
        );
    }

    #[test]
    fn destinations_are_as_ssh_reads_them() {
        sort(
            destination,
            &[
                "local",
                "web1",
                "deploy@web1.example.org:22",
                "a@[::1]:2222",
                "[::1]",
            ],
            &[
                "",
                "-oX",
                "a@-oX",
                "a:pw@web",
                "web:0",
                "web:99999",
                "web:x",
                "::1",
                "[::1",
                "@web",
                "a@",
                "we b",
                "[::1]x",
                "ssh://web",
            ],
        );
    }

    #[test]
    fn tags_and_branches_are_valid_refs() {
        sort(
            tag_pattern,
            &["v{version}", "{version}", "shop/{version}"],
            &[
                "v",
                "{version}{version}",
                "v {version}",
                "a..{version}",
                "{version}.lock",
                "-{version}",
            ],
        );
        sort(
            branch,
            &["hostout", "deploy/hostout"],
            &["", "a..b", "a b", "x.lock", "-x", "/x"],
        );
    }

    #[test]
    fn targets_are_python_and_platform() {
        sort(
            target,
            &[
                "cp311-manylinux_2_36_x86_64",
                "cp312-musllinux_1_2_aarch64",
                "cp311-linux_x86_64",
            ],
            &[
                "cp311",
                "cp311-manylinux",
                "py3-any",
                "cp-linux_x86_64",
                "cp311-manylinux_2_36_",
            ],
        );
    }

    #[test]
    fn addresses_have_a_host_and_no_password() {
        sort(
            http_url,
            &[
                "http://127.0.0.1:8080/@@ok",
                "https://example.org",
                "http://[::1]:8080?a:b",
                "http://ada@example.org/x:y",
            ],
            &[
                "http://",
                "ftp://x",
                "http:///x",
                "http://u:p@x/",
                "http://a b/",
                "http://127.0.0.1:99999/",
                "http://127.0.0.1:0",
                "http://[::1]:x/",
                "http://:8080/",
            ],
        );
    }
}
