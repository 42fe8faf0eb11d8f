//! Names of distributions.

/// The canonical spelling (PEP 503): lower case, runs of `-_.` as one `-`.
pub fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if !"-_.".contains(c) {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    out
}

/// Spellings that a requirement may use for a name; buildout before 4.1.8 takes a pin for the very spelling only.
pub(super) fn spellings(name: &str) -> impl Iterator<Item = String> {
    let base = canonical(name);
    let other = |with: &str| base.replace('-', with);
    [name.to_lowercase(), base.clone(), other("."), other("_")].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_package_one_name() {
        for name in [
            "zope.interface",
            "Zope-Interface",
            "zope_interface",
            "zope._interface",
        ] {
            assert_eq!(canonical(name), "zope-interface");
        }
    }
}
