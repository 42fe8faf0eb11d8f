//! Names of distributions.

use crate::release::normalize;

/// Spellings that a requirement may use for a name; buildout before 4.1.8 takes a pin for the very spelling only.
pub(super) fn spellings(name: &str) -> impl Iterator<Item = String> {
    let base = normalize(name);
    let other = |with: &str| base.replace('-', with);
    [name.to_lowercase(), base.clone(), other("."), other("_")].into_iter()
}
