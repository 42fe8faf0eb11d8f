//! What somebody should know who deploys to a host for the first time.

use crate::{
    facts::{Current, Host},
    release::{Buildout, Data},
};

/// Whoever built a site on their own machine expects to see it.
pub(super) fn note(host: &Host, buildout: &Buildout) -> Option<String> {
    let first = matches!(host.current, Current::Nothing) && host.history.is_empty();
    let data = !matches!(buildout.data, Data::None { .. });
    (first && data).then(|| {
        format!(
            "{}: the first one there; the data here is no part of a release",
            host.name
        )
    })
}
