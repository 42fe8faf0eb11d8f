"""The buildout files, unpacked without trusting them; what survives releases is linked into them."""

import os
import posixpath
import shutil

SEEDING = ".seeding.part", ".seeding"  # in a shared folder: what is copied, and what only has to be moved
FETCHED = ("extends", "downloads")  # what the release fetched, below `.hostout`; the rest there is this program's


def unpack_tarball(path, top, release):
    """Unpacks the buildout files. Nothing leaves `release`, follows a link, or keeps an owner or a special bit."""
    try:
        unpack_members(path, top, release)
    except damage() as error:
        raise Failed("refused", f"the tarball is damaged: {error}", "release again") from error


def unpack_members(path, top, release):
    import tarfile
    links = set()
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            parts = inside(member.name, top)
            if parts is None:
                continue
            relative = "/".join(parts)
            if parts[0] == ".hostout" and not (parts[1:2] and parts[1] in FETCHED or member.isdir() and len(parts) == 1):
                raise Failed("refused", f"the tarball holds {relative}, which is this program's")
            if any("/".join(parts[:n]) in links for n in range(1, len(parts))):
                raise Failed("refused", f"{relative} lies behind a link")
            destination = os.path.join(release, *parts)
            if member.isdir():
                os.makedirs(destination, 0o755, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(destination), 0o755, exist_ok=True)
            if member.issym():
                check_link(relative, member.linkname)
                links.add(relative)
                os.symlink(member.linkname, destination)
            elif member.isreg():
                extract_file(archive, member, destination)
            else:
                raise Failed("refused", f"{relative} is neither file, folder nor symbolic link")


def extract_file(archive, member, destination):
    mode = 0o755 if member.mode & 0o100 else 0o644
    try:
        handle = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError:
        raise Failed("refused", f"{member.name} is in the tarball twice") from None
    with open(handle, "wb") as file:
        shutil.copyfileobj(archive.extractfile(member), file)
        os.fchmod(file.fileno(), mode)


def inside(name, top):
    """The parts of a member's name below the tarball's one folder; None for the folder itself."""
    parts = name.rstrip("/").split("/")
    if parts[0] != top or any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise Failed("refused", f"the tarball's {name!r} is not inside {top}/")
    return parts[1:] or None


def check_link(relative, to):
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(relative), to))
    if posixpath.isabs(to) or resolved == ".." or resolved.startswith("../"):
        raise Failed("refused", f"the tarball's {relative} is a link out of the tree, to {to}")


def link_shared(layout, release, shared):
    """Links what survives releases into this one; a tracked folder of that name seeds an empty shared one."""
    for name in shared.get("paths", []):
        common, place = os.path.join(layout.shared, *below(name)), os.path.join(release, *below(name))
        if not os.path.isdir(common):
            os.makedirs(common)
            os.chmod(common, 0o2770)
        if os.path.isdir(place) and not os.path.islink(place):
            seed(place, common)
            shutil.rmtree(place)
        link(common, place)
    for name in shared.get("files", []):
        common, place = os.path.join(layout.shared, *below(name)), os.path.join(release, *below(name))
        if not os.path.isfile(common):
            raise Failed("refused", f"the shared file {name} is not on the host", f"git hostout put STAGE {name}")
        link(common, place)


def seed(tracked, common):
    """Fills an empty shared folder with a tracked one, or goes on where that was cut off. What is copied stays apart until
    it is whole: what is half there would be taken for what the site has made of it."""
    copy, whole = (os.path.join(common, name) for name in SEEDING)
    there = set(os.listdir(common)) - {SEEDING[0]}
    if not there:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tracked, copy, symlinks=True)
        sync_tree(copy)
        os.rename(copy, whole)
    if not there or SEEDING[1] in there:
        for name in os.listdir(whole):
            os.rename(os.path.join(whole, name), os.path.join(common, name))
        os.rmdir(whole)


def below(name):
    """The parts of a relative name that stays below where it starts."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or name.startswith("/"):
        raise Failed("bad-request", f"{name!r} is not a path inside the buildout directory")
    return parts


def link(common, place):
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.lexists(place):
        os.unlink(place)
    os.symlink(common, place)
