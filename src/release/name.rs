//! Names of distributions.

/// A distribution's name as indexes and wheels compare it (PEP 503): lower case, `-` for every run of `-_.`.
pub fn normalize(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        if !matches!(c, '-' | '_' | '.') {
            normal.extend(c.to_lowercase());
        } else if !normal.ends_with('-') {
            normal.push('-');
        }
    }
    normal
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
            assert_eq!(normalize(name), "zope-interface");
        }
    }
}
