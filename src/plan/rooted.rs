//! Whom services run as where root deploys.

use crate::config::Stage;

/// What is said of a stage whose services root would run.
pub fn rooted(stage: &Stage) -> Option<String> {
    let host = stage.hosts.iter().find(|host| host.is_root_s())?;
    let (_, place) = host.destination.split_once('@')?;
    let name = &stage.name;
    stage.runtime_user.is_none().then(|| {
        format!(
            "{}: root is who deploys, so that services run as root; write deploy@{place} in hosts of [stage.{name}], and \
             `git hostout bootstrap {name}` makes that user",
            host.destination
        )
    })
}
