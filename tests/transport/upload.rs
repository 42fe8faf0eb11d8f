//! Uploads, over one session and over several.

use super::reach;
use crate::support::{Sandbox, sshd::Sshd};
use hostout::{
    event::Event,
    execute::Upload,
    pack::Store,
    release::{Artifact, Digest},
    transport::{Conversation, ConversationError, Transport},
};
use std::{
    fs,
    sync::{Mutex, Once},
};

/// What counts as much here, in bytes: hashing takes its time in a debug build.
const MUCH: u64 = 1 << 18;

/// A store with seven artifacts, which are much together, and a host's path.
struct Case {
    sandbox: Sandbox,
    store: Store,
    artifacts: Vec<Artifact>,
}

impl Case {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let store = Store::open(sandbox.path("store")).unwrap();
        let artifact = |number: u8| {
            let size = 4 * MUCH / 7 + u64::from(number);
            let bytes = vec![number; usize::try_from(size).unwrap()];
            Artifact {
                file: number.to_string(),
                sha256: store.put(&bytes).unwrap(),
                size,
                targets: Vec::new(),
                reproducible: true,
            }
        };
        Self {
            artifacts: (1..=7).map(artifact).collect(),
            store,
            sandbox,
        }
    }

    fn path(&self) -> String {
        self.sandbox.path("srv").display().to_string()
    }

    fn upload(
        &self,
        transport: &mut dyn Transport,
        artifacts: &[Artifact],
        on: impl Fn(u64, u64) + Sync,
    ) -> Result<(), ConversationError> {
        let upload = Upload {
            store: &self.store,
            path: &self.path(),
            python: "python3",
            much: MUCH,
            stop: &|| false,
            watch: &|event| match event {
                Event::Progress { done, total, .. } => on(done, total),
                other => panic!("{other:?}"),
            },
        };
        upload.carry_out(transport, artifacts).unwrap()
    }

    fn missing(&self, transport: &mut dyn Transport) -> Vec<Digest> {
        let all = self.artifacts.iter().map(|artifact| artifact.sha256);
        let path = self.path();
        let mut agent = Conversation::new(transport, &path, "python3");
        agent.have(all.collect()).unwrap()
    }

    /// What the host holds is what this machine holds.
    fn is_whole(&self) {
        for artifact in &self.artifacts {
            let name = artifact.sha256.to_string();
            let below = format!("{}/{}", &name[..2], &name[2..]);
            let there = self.sandbox.path("srv/store").join(&below);
            let here = self.sandbox.path("store").join(&below);
            assert!(fs::read(there).unwrap() == fs::read(here).unwrap());
        }
        let left = fs::read_dir(self.sandbox.path("srv/store")).unwrap();
        let files = left.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
        assert_eq!(files.count(), self.artifacts.len());
    }
}

fn logins(sshd: &Sshd) -> usize {
    sshd.log().matches("Accepted publickey").count()
}

#[test]
fn much_goes_over_several_sessions_to_the_same_store() {
    let (case, sshd) = (Case::new(), Sshd::start());
    let mut web1 = reach(&sshd, "web1").unwrap();
    let few = &case.artifacts[..2];
    case.upload(web1.as_mut(), few, |_, _| ()).unwrap();
    assert_eq!(logins(&sshd), 1);

    let told = Mutex::new(Vec::new());
    case.upload(web1.as_mut(), &case.artifacts, |done, total| {
        told.lock().unwrap().push((done, total));
    })
    .unwrap();
    assert_eq!(logins(&sshd), 4);
    case.is_whole();
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted(), "a bar never goes back");
    let (done, total) = told.last().unwrap();
    assert_eq!(done, total);
    assert!(case.missing(web1.as_mut()).is_empty());
}

#[test]
fn one_session_does_where_others_are_refused() {
    let (case, sshd) = (Case::new(), Sshd::start());
    let mut web1 = reach(&sshd, "web1").unwrap();
    fs::write(sshd.path("authorized_keys"), "").unwrap();
    case.upload(web1.as_mut(), &case.artifacts, |_, _| ())
        .unwrap();
    assert_eq!(logins(&sshd), 1);
    case.is_whole();
}

#[test]
fn what_a_lost_session_left_goes_over_the_first() {
    let (case, sshd) = (Case::new(), Sshd::start());
    let mut web1 = reach(&sshd, "web1").unwrap();
    let (cut, others) = (Once::new(), sshd.sessions());
    case.upload(web1.as_mut(), &case.artifacts, |done, total| {
        if done > total / 2 {
            cut.call_once(|| sshd.signal_sessions_but("KILL", &others));
        }
    })
    .unwrap();
    assert!(cut.is_completed());
    case.is_whole();
}

#[test]
fn after_a_cut_only_what_is_missing_goes_again() {
    let (case, sshd) = (Case::new(), Sshd::start());
    let mut web1 = reach(&sshd, "web1").unwrap();
    let cut = Once::new();
    let answer = case.upload(web1.as_mut(), &case.artifacts, |done, total| {
        if done > total / 2 {
            cut.call_once(|| sshd.signal_sessions("KILL"));
        }
    });
    assert!(
        matches!(answer, Err(ConversationError::Transport(_))),
        "{answer:?}"
    );
    let mut again = reach(&sshd, "web1").unwrap();
    let missing = case.missing(again.as_mut());
    assert!(!missing.is_empty());
    let mut left = case.artifacts.clone();
    left.retain(|artifact| missing.contains(&artifact.sha256));
    case.upload(again.as_mut(), &left, |_, _| ()).unwrap();
    case.is_whole();
}
