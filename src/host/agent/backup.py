"""The data as it was before a deployment, in `backups/<deployment>-<version>`: made, hashed, sealed, and pruned.

Beside what was backed up a backup has `.hostout/SHA256SUMS`, for `sha256sum -c`, and last of all `.hostout/complete`.
With that seal it counts; a folder with `.hostout` and no seal is half a one, which a crash left. The order of those that
count stands in the host's record, with the sha256 of each one's SHA256SUMS.
"""

import contextlib
import hashlib
import os


class Backup:
    """One backup in a folder of its own, made whole or not at all."""

    def __init__(self, layout, name, log, env):
        self.layout, self.name, self.log, self.more = layout, name, log, env
        self.folder = backup_folder(layout, name)
        self.env = service_env({**env, "HOSTOUT_BACKUP": self.folder})

    def make(self, release, data):
        """Backs up what `data` names of the release in the folder `release`: its seal, or None when there is nothing
        yet."""
        entered = None
        try:
            seal = in_runtime(self.layout, "backup", self.log, name=self.name, env=self.more, release=release, data=data)
            if seal:
                entered = enter_backup(self.layout, seal)
        finally:
            if not entered:
                with contextlib.suppress(OSError, Failed):  # what stays is half a backup, and goes before the next one
                    in_runtime(self.layout, "remove-backup", name=self.name)
        return entered

    def write(self, release, data):
        """The same but for the host's record: the work of whoever owns the data."""
        ways = {"command": self.by_command, "zodb": self.of_zodb, "postgresql": self.of_postgresql}
        if data["kind"] not in ways:
            raise Failed("newer-format", f"data of kind {data['kind']} is not known to this agent")
        remove_half_backups(self.layout)
        for folder in (self.folder, os.path.join(self.folder, ".hostout")):
            os.mkdir(folder, 0o750 if self.layout.runtime else 0o700)  # who deploys reads the seal
        return self.seal(data["kind"]) if ways[data["kind"]](release, data) else None

    def by_command(self, release, data):
        # What it says is kept from the disk while it runs: it tells why that was full.
        code, said = run_aside(["sh", "-c", data["backup"]], release, COPY_SECONDS, self.env)
        if self.log:
            add_to_log(self.log, said)
        if code != 0 or not tree_size(self.folder):
            what, full = ending(code, COPY_SECONDS) if code else "wrote nothing", self.finds_no_room(said)
            why = f": the disk of {self.layout.backups} is full" if full else ""
            raise Failed("backup", f"the backup command {what}{why}", MAKE_ROOM if full else None, last_lines(said))
        return True

    def finds_no_room(self, said):
        """Whether a command found no room that said this."""
        disk = os.statvfs(self.layout.backups)
        return disk.f_bavail == 0 or any(os.strerror(number).encode() in said for number in FULL)

    def of_zodb(self, release, data):
        """A file storage grows at its end only, so that what is there now is whole but for a last transaction that is
        being written, which ZODB cuts off when it opens the copy. Its blobs are written before it and never change:
        they come after it, as hard links. A site that has no data yet has no backup."""
        storages = [path for path in data.get("storages", []) if os.path.isfile(os.path.join(release, path))]
        if not storages:
            return False
        if data.get("snapshot"):
            Snapshot(release, data["snapshot"], self.log, self.env).make(self.folder)
            return True
        for path in storages:
            copy_beginning(os.path.join(release, path), self.saved(path))
        for path in data.get("blobs", []):
            if os.path.isdir(os.path.join(release, path)):
                link_tree(os.path.join(release, path), self.saved(path))
        return True

    def of_postgresql(self, _release, data):
        Postgresql(self.layout, data["database"], self.log, self.env).make(self.folder)
        return True

    def saved(self, path):
        """Where the copy of `path` is, which is relative to a release or absolute."""
        return os.path.join(self.folder, *below(path.lstrip("/")))

    def seal(self, kind):
        """Hashes what was backed up, brings it to the disk, and says last that it is whole. An old blob,
        which is the very same file as in the backup before this one, was hashed then."""
        before, lines, size = last_backup(self.layout), [], 0
        known = before.sums() if kind == "zodb" else {}
        for name in files_below(self.folder):
            path = os.path.join(self.folder, name)
            size += os.lstat(path).st_size
            same = name in known and is_same_file(path, os.path.join(before.folder, name))
            lines.append(sum_line(known[name] if same else sha256_of(path), name))
        if not size:
            raise Failed("backup", "the backup is empty")
        text = "".join(lines).encode("utf-8", "surrogateescape")
        mode = 0o640 if self.layout.runtime else 0o600
        sync_tree(self.folder)  # one for all: a blob storage may have more folders than can be synced one by one
        write_whole(os.path.join(self.folder, ".hostout", "SHA256SUMS"), text, mode)
        healthy = (read_json(self.layout.record) or {}).get("healthy", False)
        seal = {"name": self.name, "kind": kind, "files": len(lines), "bytes": size, "time": now(), "healthy": healthy,
                "sha256": hashlib.sha256(text).hexdigest()}
        write_json(os.path.join(self.folder, ".hostout", "complete"), {"format": FORMAT, **seal}, mode)
        return seal


class Sealed:
    """A backup that counts: its folder, its seal, and the sha256 of each of its files."""

    def __init__(self, layout, name):
        self.folder = backup_folder(layout, name)
        self.seal = read_json(os.path.join(self.folder, ".hostout", "complete"))
        self.listing = os.path.join(self.folder, ".hostout", "SHA256SUMS")

    def sums(self):
        return read_sums(self.listing)

    def check(self):
        """Fails unless it is what was sealed. Hard links are only looked for: they are live files, and may be many."""
        if not self.seal or not os.path.isfile(self.listing) or sha256_of(self.listing) != self.seal["sha256"]:
            raise Failed("restore", f"{self.folder} is no whole backup")
        for name, sha256 in self.sums().items():
            path = os.path.join(self.folder, name)
            if not os.path.isfile(path) or (os.lstat(path).st_nlink == 1 and sha256_of(path) != sha256):
                raise Failed("restore", f"{path} is not what was backed up")


def backup_folder(layout, name):
    return os.path.join(layout.backups, name)


def data_owner(new, old):
    """Whose settings say how the data is backed up before a switch: "new", "old" or None. The new release's count, so
    that a broken command can be mended by a release; where it names no data, the running one's do, unless hostout.toml
    wants no backup."""
    for owner, table in (("new", new), ("old", old)):
        data = table.get("data", {})
        if data.get("kind", "none") != "none":
            return owner
        if data.get("chosen"):
            return None
    return None


def backup_size(layout, release, data):
    """The bytes and inodes that a backup would take: those of what is copied and not linked; for what only its program
    knows, as many as the last time."""
    if data["kind"] != "zodb":
        last = (listed_backups(layout) or [{"bytes": 0, "files": 0}])[-1]
        return last["bytes"], last["files"]
    storages = [os.path.join(release, path) for path in data.get("storages", [])]
    sizes = [os.stat(path).st_size for path in storages if os.path.isfile(path)]
    size, inodes = sum(sizes), len(sizes)
    for blobs in [os.path.join(release, path) for path in data.get("blobs", [])]:
        linked = not data.get("snapshot") and device(blobs) == device(layout.backups)
        for folder, _, files in os.walk(blobs):
            inodes += 1
            if not linked:
                inodes += len(files)
                size += sum(os.lstat(os.path.join(folder, name)).st_size for name in files)
    return size, inodes


def files_below(folder):
    """The regular files of a backup by their names in it, sorted; what is ours, and links, are none of them."""
    found = []
    for place, folders, files in os.walk(folder):
        if place == folder:
            folders[:] = [name for name in folders if name != ".hostout"]
        found += [os.path.relpath(path, folder) for path in (os.path.join(place, name) for name in files)
                  if os.path.isfile(path) and not os.path.islink(path)]
    return sorted(found)


def is_same_file(path, other):
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def sum_line(sha256, name):
    """A line as coreutils' sha256sum writes it; names with a line break or backslash are escaped there."""
    plain = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if plain == name else chr(92)}{sha256}  {plain}\n"


def read_sums(path):
    """{name: sha256} of a SHA256SUMS; empty where there is none. Escaped names are left out."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return {}
    return {line[66:]: line[:64] for line in lines if line[64:66] == "  "}


def listed_backups(layout):
    """The seals of the backups that count, the oldest first, as far as they are there."""
    listed = (read_json(layout.record) or {}).get("backups", [])
    return [seal for seal in listed if Sealed(layout, seal["name"]).seal]


def last_backup(layout):
    listed = listed_backups(layout)
    return Sealed(layout, listed[-1]["name"] if listed else "")


def enter_backup(layout, seal):
    record = read_json(layout.record) or {"format": FORMAT, "release": None, "history": []}
    write_json(layout.record, {**record, "backups": [*record.get("backups", []), seal]})
    return seal


def remove_backup(layout, name):
    """Takes the seal away first, so that what a crash leaves is known as half a backup."""
    folder = backup_folder(layout, name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, ".hostout", "complete"))
    open_up(folder)
    for part in [name for name in os.listdir(folder) if name != ".hostout"]:
        remove(os.path.join(folder, part))
    remove(folder)


def remove_half_backups(layout):
    """What crashes left. A folder without `.hostout` is not ours to remove."""
    for name in os.listdir(layout.backups):
        if os.path.isdir(os.path.join(backup_folder(layout, name), ".hostout")) and not Sealed(layout, name).seal:
            remove_backup(layout, name)


def prune_backups(layout, keep):
    """The newest `keep` of those that count stay, and the newest one of a healthy release: tries that fail one after
    the other must not push out the data from before. Others are not ours to remove."""
    listed = listed_backups(layout)
    good = [seal for seal in listed if seal.get("healthy")]
    stay = [seal for seal in listed if seal in listed[-max(keep, 1):] or seal in good[-1:]]
    for seal in listed:
        if seal not in stay:
            in_runtime(layout, "remove-backup", name=seal["name"])
    record = read_json(layout.record)
    if record and record.get("backups", []) != stay:
        write_json(layout.record, {**record, "backups": stay})
