//! `git hostout release`: turns HEAD into a signed release.

use super::{
    carry_out::{Mode, Question, carry_out, nothing},
    considering,
    publishing::{self, Outlets},
    releasing,
    session::Session,
    shared::Shared,
    verify,
};
use crate::{
    error::Error,
    plan::{self, Considered, Copies, ReleaseRequest},
};

/// Turn HEAD into a signed release: a version, a tag and a manifest.
///
/// Every develop egg whose code changed gets the next version and is built; every distribution that production uses is
/// pinned and hashed. Your branch and files stay as they are.
#[derive(clap::Args, Debug, Default)]
#[command(after_help = "\
Examples:
  git hostout release --dry-run    what would be released
  git hostout release              0.1.0 the first time, then one patch higher each time
  git hostout release --bump minor
  git hostout release 2.0.0        this version, also when nothing changed
  git hostout release --upgrade    take the newest third-party versions that the configuration allows")]
pub struct Args {
    /// The version, by semantic versioning; left out = the next patch
    #[arg(value_name = "VERSION", conflicts_with = "bump")]
    pub(super) version: Option<String>,
    /// Which number of the version goes up
    #[arg(long, value_enum, value_name = "PART")]
    pub(super) bump: Option<Part>,
    /// Take newer third-party versions: all, or only NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) upgrade: Option<Vec<String>>,
    /// Show what would be released; no tag, no entry, no file outside the cache
    #[arg(long, short = 'n')]
    pub(super) dry_run: bool,
    /// Push tag and ledger; what happens by default when there is a remote
    #[arg(long, overrides_with = "no_push")]
    pub(super) push: bool,
    /// Keep the release local
    #[arg(long)]
    pub(super) no_push: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Part {
    Major,
    Minor,
    Patch,
}

pub(super) fn run(session: &Session, args: &Args) -> Result<(), Error> {
    let request = ReleaseRequest {
        version: args
            .version
            .as_deref()
            .map(plan::parse_version)
            .transpose()?,
        bump: args.bump.map(|part| match part {
            Part::Major => plan::Bump::Major,
            Part::Minor => plan::Bump::Minor,
            Part::Patch => plan::Bump::Patch,
        }),
        upgrade: args.upgrade.is_some(),
    };
    let mode = Mode::of(args.dry_run);
    let mut work = session.workspace()?;
    let mut ledger = work.ledger(&session.ui)?;
    let seen = releasing::Seen::look(session, &work, &mut ledger, !args.no_push || args.push)?;
    let version = match considering::consider(session, &mut work, &ledger, &seen, &request)? {
        Considered::Release(version) => version,
        Considered::Nothing(version) => {
            let why = format!(
                "Nothing changed since {version}: there is nothing to release. An explicit version or --bump releases anyway."
            );
            nothing(session, mode, &why);
            return Ok(());
        }
    };
    verify::before_writing(&work, &ledger)?;
    let mut shared = Shared::connect(session, &work)?;
    if let Some((shared, previous)) = shared.as_mut().zip(seen.previous()) {
        shared.fetch(session, previous)?;
    }
    let upgrade = releasing::upgrade(args.upgrade.as_deref());
    let assembled = releasing::assemble(session, &mut work, &ledger, &seen, &version, &upgrade)?;
    let asked = request.version.is_some() || request.bump.is_some();
    if let Some(version) = seen.same_as(&assembled).filter(|_| !asked) {
        let why = format!(
            "Nothing changed since {version}, and nothing newer is to be had: there is nothing to release."
        );
        nothing(session, mode, &why);
        return Ok(());
    }
    let publishes = seen.publishes(&work)?;
    let here = session.store()?;
    let sharing = shared.as_mut();
    let copies = Copies {
        shared: sharing
            .map(|shared| shared.sharing(session, &assembled.manifest))
            .transpose()?,
        here: &here.directory().display().to_string(),
        ci: session.on_a_build_server(),
    };
    let staged = seen.staged(&assembled, &copies, &publishes);
    let plan = plan::release(&seen.facts(&work), &staged)?;
    let question = Question {
        text: Some("Release it?"),
        protected: None,
        confirmed: None,
        why: None,
    };
    carry_out(session, &plan, mode, &question, || {
        let outlets = Outlets {
            push_to: seen.push_to(),
            shared,
        };
        publishing::publish(session, &mut work, &mut ledger, &plan, &assembled, outlets)
    })
}
