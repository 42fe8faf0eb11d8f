//! Tags of releases: annotated, signed, bound to their name, their project and their manifest.

use super::{Error, GIT, Key, Person, Released, Result, Trust, durable, message, verify};
use crate::release::Digest;
use gix::{
    ObjectId,
    objs::{self, TagRefIter, WriteTo as _},
    refs::transaction::PreviousValue,
};
use jiff::Timestamp;

/// A release tag to be written.
#[derive(Clone, Debug)]
pub struct NewTag<'a> {
    /// Its name without `refs/tags/`, e.g. `v1.4.2`.
    pub name: &'a str,
    /// The release commit.
    pub target: ObjectId,
    /// The first line, e.g. `shop 1.4.2`.
    pub subject: &'a str,
    /// What changed, for people; may be empty.
    pub body: &'a str,
    /// The project's id: the ledger's first commit.
    pub project: ObjectId,
    /// sha256 of the manifest.
    pub manifest: Digest,
    /// Who makes it.
    pub who: &'a Person,
    /// When.
    pub time: Timestamp,
}

/// A release tag as it was found.
#[derive(Clone, Debug)]
pub struct Tag {
    /// The reference's name without `refs/tags/`.
    pub reference: String,
    /// The name inside the tag; another one means that the tag was copied.
    pub name: String,
    /// The tag object.
    pub id: ObjectId,
    /// What it points to.
    pub target: ObjectId,
    /// `Hostout-Project`.
    pub project: Option<String>,
    /// `Hostout-Manifest`.
    pub manifest: Option<Digest>,
    /// When it was made, by its own word.
    pub time: Timestamp,
    /// The message without the signature.
    pub message: String,
    /// What the signature is over.
    pub signed: Vec<u8>,
    /// The signature in its armor; empty = none.
    pub signature: String,
}

/// Writes the tag object that `key` signs, so that git-verify-tag(1) accepts it. No reference points to it yet.
pub fn write_tag(repo: &gix::Repository, new: &NewTag<'_>, key: &Key) -> Result<ObjectId> {
    let what = || Error::git(format!("write tag {}", new.name));
    let trailers = [
        ("Hostout-Project", new.project.to_string()),
        ("Hostout-Manifest", format!("sha256:{}", new.manifest)),
    ];
    let text = message::write(new.subject, new.body, &trailers);
    let mut tag = objs::Tag {
        target: new.target,
        target_kind: objs::Kind::Commit,
        name: new.name.into(),
        tagger: Some(new.who.at(new.time)),
        // The newline before the signature is written by the encoder, and signed with the rest.
        message: text.trim_end().into(),
        signature: None,
    };
    let mut payload = Vec::new();
    tag.write_to(&mut payload)
        .map_err(|error| what()(gix::Error::from_error(error)))?;
    payload.push(b'\n');
    tag.signature = Some(key.sign(GIT, &payload)?.into());
    Ok(repo.write_object(&tag).map_err(what())?.detach())
}

/// Points `refs/tags/<name>` to the tag object `id`.
///
/// # Errors
/// [`Error::TagExists`] where there is such a tag, unless it is this one.
pub fn create_tag(repo: &gix::Repository, name: &str, id: ObjectId) -> Result<()> {
    let full = format!("refs/tags/{name}");
    durable::objects(repo, &[id])?;
    let Err(source) = repo.tag_reference(name, id, PreviousValue::MustNotExist) else {
        return durable::reference(repo, &full);
    };
    match repo.try_find_reference(&full) {
        Ok(Some(found)) if found.try_id().is_some_and(|there| there == id) => Ok(()),
        Ok(Some(_)) => Err(Error::TagExists { name: name.into() }),
        _ => Err(Error::git(format!("make tag {name}"))(source)),
    }
}

/// The annotated tag that `refs/tags/<name>` points to; `None` where there is no such reference.
///
/// # Errors
/// [`Error::Tag`] where it is no annotated tag of a commit.
pub fn read_tag(repo: &gix::Repository, name: &str) -> Result<Option<Tag>> {
    let what = || Error::git(format!("read tag {name}"));
    let wrong = |message: &str| Error::Tag {
        name: name.into(),
        message: message.into(),
    };
    let reference = repo.try_find_reference(&format!("refs/tags/{name}"));
    let Some(reference) = reference.map_err(what())? else {
        return Ok(None);
    };
    let id = reference
        .try_id()
        .ok_or_else(|| wrong("points to another reference"))?;
    let object = id.object().map_err(what())?;
    if object.kind != objs::Kind::Tag {
        return Err(wrong("is no annotated tag"));
    }
    let tag = object.into_tag();
    let decoded = tag.decode().map_err(what())?;
    if decoded.target_kind != objs::Kind::Commit {
        return Err(wrong("does not point to a commit"));
    }
    let text = decoded.message.to_string();
    let trailers = message::Trailers::of(&text);
    let manifest = trailers.get("Hostout-Manifest");
    let digest = manifest.and_then(|value| value.strip_prefix("sha256:")?.parse().ok());
    let tagger = decoded.tagger().map_err(what())?;
    let (signature, signed) = match TagRefIter::signature(&tag.data) {
        Some((signature, signed)) => (signature.data.to_string(), signed.to_bstring().into()),
        None => (String::new(), tag.data.clone()),
    };
    Ok(Some(Tag {
        reference: name.into(),
        name: decoded.name.to_string(),
        id: tag.id,
        target: decoded.target(),
        project: trailers.get("Hostout-Project").map(str::to_owned),
        manifest: digest,
        time: seconds(tagger.map_or(0, |tagger| tagger.seconds())),
        message: text.clone(),
        signed,
        signature,
    }))
}

/// Whether `tag` is the one of `released`, in this project, signed by a key of `trust`.
///
/// git-verify-tag(1) is not enough: it accepts a signed tag copied to another name, and any project's.
pub fn check_tag(tag: &Tag, released: &Released, project: ObjectId, trust: &Trust) -> Result<()> {
    for (_, check) in examine_tag(tag, released, project, trust) {
        check?;
    }
    Ok(())
}

/// What [`check_tag`] checks, each by itself and all of it: a name, and what was seen. The signature is last.
pub fn examine_tag(
    tag: &Tag,
    released: &Released,
    project: ObjectId,
    trust: &Trust,
) -> [(&'static str, Result<String>); 6] {
    let holds = |good: bool, seen: String, message: String| {
        let name = tag.reference.clone();
        good.then_some(seen).ok_or(Error::Tag { name, message })
    };
    let manifest = &released.manifest;
    let copied = format!("was made as tag {} and copied", tag.name);
    let elsewhere = format!(
        "points to {}, the manifest names {}",
        tag.target, manifest.release_commit
    );
    let id = project.to_string();
    let signer = trust
        .check(GIT, &tag.signed, &tag.signature, tag.time)
        .map_err(verify::named(format!("tag {}", tag.name)));
    [
        (
            "tag name",
            holds(tag.name == tag.reference, tag.name.clone(), copied),
        ),
        (
            "tag target",
            holds(
                manifest.release_commit.parse().ok() == Some(tag.target),
                manifest.release_commit.clone(),
                elsewhere,
            ),
        ),
        (
            "tag project",
            holds(
                tag.project.as_deref() == Some(&id),
                id.clone(),
                "belongs to another project".into(),
            ),
        ),
        (
            "tag manifest",
            holds(
                tag.manifest == Some(released.digest),
                format!("sha256:{}", released.digest),
                "names another manifest than the ledger holds".into(),
            ),
        ),
        (
            "tag entry",
            holds(
                released.tag() == Some(tag.id),
                format!("the ledger's entry names tag object {}", tag.id),
                "is another tag object than the ledger names".into(),
            ),
        ),
        ("tag signature", signer.map(|signer| signer.to_string())),
    ]
}

/// Seconds since 1970 as a time; what is out of range becomes 1970.
pub(super) fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Lab;

    fn accepted_by_git(lab: &Lab) {
        let released = lab.release("1.0.0");
        lab.git(&["verify-tag", "v1.0.0"]);
        lab.git(&["verify-commit", "hostout"]);
        lab.git(&["fsck", "--strict"]);
        let ledger = lab.ledger();
        let tag = read_tag(&lab.repo(), "v1.0.0").unwrap().unwrap();
        check_tag(&tag, &released, ledger.project_id(), &lab.trust()).unwrap();
        assert!(tag.message.starts_with("shop 1.0.0\n"), "{}", tag.message);
    }

    #[test]
    fn git_accepts_ssh_signatures() {
        accepted_by_git(&Lab::new());
    }

    #[test]
    fn git_accepts_openpgp_signatures() {
        accepted_by_git(&Lab::with_openpgp());
    }

    #[test]
    fn git_accepts_signatures_in_sha256_repositories() {
        accepted_by_git(&Lab::with_sha256());
    }

    #[test]
    fn a_copied_tag_is_found_out_though_git_accepts_it() {
        let lab = Lab::new();
        let released = lab.release("1.0.0");
        lab.git(&["update-ref", "refs/tags/v2.0.0", "refs/tags/v1.0.0"]);
        lab.git(&["verify-tag", "v2.0.0"]);
        let tag = read_tag(&lab.repo(), "v2.0.0").unwrap().unwrap();
        let project = lab.ledger().project_id();
        let error = check_tag(&tag, &released, project, &lab.trust()).unwrap_err();
        assert!(error.to_string().contains("v1.0.0 and copied"), "{error}");
    }

    #[test]
    fn a_tag_of_another_project_manifest_or_commit_is_refused() {
        let lab = Lab::new();
        let released = lab.release("1.0.0");
        let (repo, trust) = (lab.repo(), lab.trust());
        let project = lab.ledger().project_id();
        let tag = read_tag(&repo, "v1.0.0").unwrap().unwrap();
        let refused = |change: &dyn Fn(&mut Tag)| {
            let mut tag = tag.clone();
            change(&mut tag);
            check_tag(&tag, &released, project, &trust).unwrap_err();
        };
        refused(&|tag| tag.project = Some("0".repeat(40)));
        refused(&|tag| tag.manifest = Some(Digest::of(b"other")));
        refused(&|tag| tag.target = project);
        refused(&|tag| tag.id = project);
        refused(&|tag| tag.signed.push(b'x'));
        refused(&|tag| tag.signature.clear());
        check_tag(&tag, &released, project, &trust).unwrap();
        assert!(read_tag(&repo, "v9").unwrap().is_none());
    }

    #[test]
    fn a_tag_is_made_once() {
        let lab = Lab::new();
        lab.release("1.0.0");
        let repo = lab.repo();
        let tag = read_tag(&repo, "v1.0.0").unwrap().unwrap();
        create_tag(&repo, "v1.0.0", tag.id).unwrap();
        let error = create_tag(&repo, "v1.0.0", tag.target).unwrap_err();
        assert!(matches!(error, Error::TagExists { .. }), "{error}");
    }
}
