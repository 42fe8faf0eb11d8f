//! Which addresses of a buildout hold a secret.

use crate::release::user_info;

/// Whether the text holds a URL with a password or token, `scheme://secret@host`. A lone `git` or `hg` is the usual login of
/// ssh addresses and no secret.
pub fn has_password(text: &str) -> bool {
    let mut rest = text;
    while let Some(found) = user_info(rest) {
        let (before, info) = (&rest[..found.start], &rest[found.clone()]);
        let ssh = before.ends_with("ssh://") && !info.contains(':');
        let reference = info.contains("${");
        if !ssh && !reference && info != "git" && info != "hg" {
            return true;
        }
        rest = &rest[found.end + 1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_passwords_from_logins() {
        assert!(has_password("index = https://me:secret@h/simple"));
        assert!(has_password("https://token@h/simple"));
        assert!(!has_password(
            "git+ssh://git@h/x ssh://deploy@h/y https://h/z"
        ));
        assert!(!has_password("https://${secrets:login}@h/z"));
    }
}
