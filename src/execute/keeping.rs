//! What hosts keep of the ledger: a copy of it with all releases, for the day when clone and remote are lost.

use crate::{
    event::{Event, Watch},
    facts,
    host::BundleRequest,
    ledger::{Git, Ledger},
    transport::Conversation,
};
use base64ct::{Base64, Encoding as _};
use std::{collections::BTreeMap, sync::Arc};

/// From here on it doesn't come with the deployment but ahead of it, in bytes: a request has its limit.
const LONG: usize = 24 << 20;

/// What one host lacks.
#[derive(Clone, Debug)]
pub(super) struct Keeping {
    /// The newest entry that it has.
    after: Option<String>,
    /// A bundle of what came since.
    bytes: Arc<Vec<u8>>,
}

/// What each of `hosts` lacks, by their names. That nothing can be given them is told, and ends no deployment.
pub(super) fn keepings(
    ledger: &Ledger,
    git: &Git,
    hosts: &[facts::Host],
    watch: Watch<'_>,
) -> BTreeMap<String, Keeping> {
    let project = ledger.project_id().to_string();
    let ours = |host: &facts::Host| {
        let known = host.trust.as_ref().and_then(|seen| seen.project.as_ref());
        known.is_none_or(|known| *known == project)
    };
    let mut made = BTreeMap::new();
    let mut keepings = BTreeMap::new();
    for host in hosts {
        let there = host.bundle.as_ref().filter(|_| ours(host));
        let bytes = made.entry(there).or_insert_with(|| {
            let there = there.map(|seen| (seen.tip.as_str(), seen.tags.as_slice()));
            let bundle = ledger.bundle(git, there).unwrap_or_else(|error| {
                watch(lacking("each host", &error.to_string()));
                None
            });
            bundle.map(Arc::new)
        });
        if let Some(bytes) = bytes {
            let after = there.map(|seen| seen.tip.clone());
            let bytes = Arc::clone(bytes);
            keepings.insert(host.name.clone(), Keeping { after, bytes });
        }
    }
    keepings
}

fn lacking(host: &str, error: &str) -> Event {
    Event::Warning(format!(
        "{host} keeps no copy of the ledger's newest entries: {error}"
    ))
}

impl Keeping {
    /// What goes with the deployment; nothing where it went ahead, because it is long.
    pub(super) fn request(
        &self,
        host: &str,
        agent: &mut Conversation<'_>,
        watch: Watch<'_>,
    ) -> Option<BundleRequest> {
        if self.bytes.len() < LONG {
            return Some(BundleRequest {
                after: self.after.clone(),
                data: Base64::encode_string(&self.bytes),
            });
        }
        if let Err(error) = agent.bundle(&self.bytes, self.after.as_deref()) {
            watch(lacking(host, &error.words()));
        }
        None
    }
}
