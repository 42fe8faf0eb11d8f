//! Requests to the agent: one JSON object on its stdin.

use super::{bundle::BundleRequest, trust::SignedText};
use crate::release::{Data, Digest, EntryId, Intent};
use semver::Version;
use serde::Serialize;

/// The request format this program speaks; an agent refuses a newer one by name.
const FORMAT: u32 = 1;

/// A request as it goes over the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request<T> {
    format: u32,
    #[serde(flatten)]
    body: T,
}

/// Asks for everything that can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatusRequest {
    /// Shared files whose presence is asked for.
    pub shared_files: Vec<String>,
    /// Artifacts whose absence is asked for: what [`HaveRequest`] would, without a second conversation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<Digest>,
    /// How a release that is to be deployed backs up the data: asks what that would take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
}

/// Asks which artifacts are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HaveRequest {
    /// The artifacts.
    pub sha256: Vec<Digest>,
}

/// Who wants the host's lock. The token is what counts; the rest is shown to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockRequest {
    /// Random; the same for all of one deployment's requests.
    pub token: String,
    /// The person, `Name <mail>`.
    pub by: String,
    /// The machine they are at.
    pub from: String,
    /// Its start and process namespace, in which `pid` is one process; empty = not known.
    pub machine: String,
    /// The client's process there.
    pub pid: u32,
    /// What they are about to do, one sentence.
    pub plan: String,
    /// Seconds after which another may take the lock over, unless the agent works or the token comes again.
    pub lease: u64,
}

/// Asks to build a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PrepareRequest {
    /// The manifest's text.
    pub manifest: String,
    /// sha256 of that text.
    pub manifest_sha256: Digest,
    /// Its armored signature, or nothing.
    pub signature: String,
    /// Which of its buildouts this host takes.
    pub buildout: String,
    /// The stage.
    pub stage: String,
    /// The deployment.
    pub id: EntryId,
    /// The release.
    pub version: Version,
    /// Who asks.
    pub lock: LockRequest,
    /// Whether the lock stays when it worked, for the activation.
    pub keep_lock: bool,
    /// What must be live, as the plan saw it; `None` = nothing.
    pub expected: Option<Version>,
    /// Whether the host fetches wheels from an index itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fetch: bool,
}

/// Asks to make a prepared release live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ActivateRequest {
    /// The release.
    pub version: Version,
    /// sha256 of its manifest.
    pub manifest_sha256: Digest,
    /// The deployment: names the job; the same id again only follows the job.
    pub id: EntryId,
    /// The started entry's text.
    pub entry: String,
    /// Its armored signature, or nothing.
    pub signature: String,
    /// What must be live until then; `None` = nothing.
    pub expected: Option<Version>,
    /// The token of the lock that prepare took.
    pub token: String,
    /// Whether the lock stays when the job has ended: the deployment goes on with other hosts.
    pub keep_lock: bool,
    /// How many releases stay.
    pub keep: u32,
    /// Another address to ask, or `none`; `None` = what the release says.
    pub health: Option<String>,
    /// Whether an unhealthy release stays live.
    pub keep_unhealthy: bool,
    /// Seconds after which an activation that is not healthy yet is put back.
    pub deadline: u64,
    /// The stage.
    pub stage: String,
    /// deploy or rollback.
    pub intent: Intent,
    /// The started entry's serial, for the host's record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// The programs that are taken over one by one, in this order; none = all stop together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roll: Vec<Rolled>,
    /// Who else agreed, where the policy asks for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<SignedText>,
    /// What the host keeps of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleRequest>,
}

/// A program on its way from one release to another, beside others that run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four answers that do not depend on each other, as they go over the line"
)]
pub struct Rolled {
    /// Its name.
    pub name: String,
    /// Whether it answers visitors: then it must answer again before the next one is stopped.
    pub client: bool,
    /// Whether the live release has it.
    pub was: bool,
    /// Whether the new release has it.
    pub is: bool,
    /// Whether it is started anew; else it runs on from where it is.
    pub restart: bool,
}

/// Asks to keep a lock alive, or to take back what a job did under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldRequest {
    /// The token of the lock.
    pub token: String,
}

/// Asks for a job's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JournalRequest {
    /// Whether to wait for a running job's end.
    pub wait: bool,
}

/// Asks to remove old releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PruneRequest {
    /// How many stay, where none is named.
    pub keep: u32,
    /// Which go; what no other release needs goes with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<Version>,
    /// Only say what would go; needs no lock. Of `releases` those stay then that are live, or that programs run from.
    pub dry_run: bool,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockRequest>,
}

impl PruneRequest {
    /// Asks which of `releases` would go.
    pub fn looking(releases: Vec<Version>) -> Self {
        Self {
            keep: u32::MAX,
            releases,
            dry_run: true,
            lock: None,
        }
    }
}

/// Asks to end a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnlockRequest {
    /// Gives back one's own.
    Token(String),
    /// Ends one whose lease is over.
    Expired(Breaking),
    /// Ends the lock of a process that is gone, as somebody on its own machine can tell. What it prepares is waited for.
    Dead(DeadOwner),
    /// The same; what it prepares is ended.
    DeadUnwanted(DeadOwner),
}

/// Who ends another's lock whose lease is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breaking {
    /// The person, `Name <mail>`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The owner of a lock who is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadOwner {
    /// The machine they were at.
    pub from: String,
    /// Its start and process namespace.
    pub machine: String,
    /// Their process there.
    pub pid: u32,
}

impl<T: Serialize> Request<T> {
    /// A request in the current format.
    pub fn new(body: T) -> Self {
        Self {
            format: FORMAT,
            body,
        }
    }

    /// The bytes for the agent's stdin.
    ///
    /// # Errors
    /// None of the types here can fail.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_format_beside_its_fields() {
        let json = |request: Result<Vec<u8>, serde_json::Error>| {
            String::from_utf8(request.unwrap()).unwrap()
        };
        assert_eq!(
            json(Request::new(JournalRequest { wait: false }).to_json()),
            r#"{"format":1,"wait":false}"#
        );
        assert_eq!(
            json(Request::new(UnlockRequest::Token("t".to_owned())).to_json()),
            r#"{"format":1,"token":"t"}"#
        );
        let status = StatusRequest::default();
        assert_eq!(
            json(Request::new(status).to_json()),
            r#"{"format":1,"shared-files":[]}"#
        );
    }
}
