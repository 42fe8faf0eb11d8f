//! Files by their sha256 in a folder of a machine that has sh, and nothing else of ours: the layout of every store.
//!
//! A shared store is such a folder, and so is `<path>/store` on a host.

use super::Command;
use crate::release::Digest;

/// Prints those of the names on its input that are there. A folder that is not there is no empty one: it may be one
/// that was not mounted.
const HAVE: &str = r#"cd -- "$1" || exit 1
while read -r name; do
    if test -f "$name"; then echo "$name"; fi
done"#;

/// Puts its input into its place, once it is what its name says.
const PUT: &str = r#"set -e
cd -- "$1"
mkdir -p "$2"
new=$(mktemp .incoming-XXXXXX)
trap 'rm -f "$new"' EXIT
cat > "$new"
if test "$(sha256sum < "$new" | cut -d ' ' -f 1)" != "$2$3"; then
    echo "what arrived is not what was sent" >&2
    exit 1
fi
chmod 444 "$new"
mv -f "$new" "$2/$3""#;

/// Which of the names on standard input (see [`object_name`]) are in `folder`.
pub fn have_objects(folder: &str) -> Command {
    Command::new(["sh", "-c", HAVE, "sh", below_home(folder)])
}

/// Prints an object of `folder`.
pub fn print_object(folder: &str, digest: &Digest) -> Command {
    let path = format!("{}/{}", below_home(folder), object_name(digest));
    Command::new(["cat", "--", &path])
}

/// Takes an object into `folder` from standard input.
pub fn put_object(folder: &str, digest: &Digest) -> Command {
    let name = digest.to_string();
    let (shard, rest) = name.split_at(2);
    Command::new(["sh", "-c", PUT, "sh", below_home(folder), shard, rest])
}

/// An object's name below its store.
pub fn object_name(digest: &Digest) -> String {
    let name = digest.to_string();
    let (shard, rest) = name.split_at(2);
    format!("{shard}/{rest}")
}

/// Commands run in the login user's home.
fn below_home(folder: &str) -> &str {
    folder.strip_prefix("~/").unwrap_or(folder)
}
