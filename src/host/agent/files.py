"""Atomic writes, removing, copying, hashing."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time

def damage():
    """What reading a damaged archive may raise, or what is written in one, besides OSError."""
    import configparser
    import struct
    import tarfile
    import zipfile
    import zlib
    return (ValueError, LookupError, EOFError, NotImplementedError, RuntimeError, struct.error, tarfile.TarError,
            zipfile.BadZipFile, zlib.error, configparser.Error)


def write_whole(path, data, mode=0o644, room=None):
    """Puts `data` at `path`, all of it or nothing, also when the power goes. `room` is a file whose place it may take: where
    that is long enough, a full disk is no hindrance."""
    partial, how = f"{path}.{os.getpid()}.{secrets.token_hex(4)}", os.O_CREAT | os.O_EXCL
    try:
        if room and os.path.exists(room):
            os.rename(room, partial)
            how = 0
        with open(os.open(partial, os.O_WRONLY | how, 0o600), "wb") as file:
            file.write(data)
            file.truncate()
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    sync_folder(os.path.dirname(path))


def is_full(folder):
    """Whether not even a block can be written there, which programs that failed for it may be unable to say."""
    block = os.path.join(folder, ".block")
    try:
        write_whole(block, b"\0" * 4096)
        os.unlink(block)
    except OSError as error:
        return error.errno in FULL
    return False


def sync_folder(path):
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path, value, mode=0o644, room=None):
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n", mode, room)


def read_json(path):
    """The object that `path` holds, or None where it is missing, torn, or something else."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def flock_of(path):
    """Takes the flock on a file, for as long as the returned handle is open, also in children of a fork; waits for it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def flock_is_held(path):
    """Looked at with a shared one, so that two who look don't take each other for its holder."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


def remove_tree(layout, path):
    """Removes `path`, its read-only folders too, after taking it out of sight by one rename."""
    if not os.path.lexists(path):
        return
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    os.chmod(path, os.stat(path).st_mode | 0o700)  # a folder that changes its parent must be writable itself
    os.makedirs(layout.tmp, 0o700, exist_ok=True)
    aside = os.path.join(layout.tmp, f"removed-{secrets.token_hex(8)}")
    os.rename(path, aside)
    open_up(aside)
    shutil.rmtree(aside)


def open_up(path):
    """Makes every folder below `path` writable, so that it can be removed."""
    for folder, _, _ in os.walk(path):  # top down: a folder is opened up before it is listed
        for name in os.scandir(folder):
            if name.is_dir(follow_symlinks=False):
                os.chmod(name.path, 0o700)


def tree_size(path):
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def device(path):
    """The file system of `path`, or of where it would be made."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.stat(path).st_dev


def copy_beginning(source, target):
    """What `source` holds now, durably; what is appended meanwhile is left out."""
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    with open(source, "rb") as old, open(target, "xb") as new:
        left = os.fstat(old.fileno()).st_size
        while left:
            block = old.read(min(left, 1 << 20))
            if not block:
                break
            new.write(block)
            left -= len(block)
        new.flush()
        os.fsync(new.fileno())


def link_tree(source, target):
    """The folders of `source`, with its files as hard links; as copies where the file system is another."""
    for folder, _, files in os.walk(source):
        place = os.path.join(target, os.path.relpath(folder, source))
        os.makedirs(place, 0o700, exist_ok=True)
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # a temporary file of a transaction that ended
                link_file(os.path.join(folder, name), os.path.join(place, name))


def link_file(source, target):
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copy2(source, target)


def link_any(source, target):
    """A file or a folder, in a place that is made where it is missing."""
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    (link_tree if os.path.isdir(source) else link_file)(source, target)


def remove(path):
    """A file, a link or a folder; nothing where there is none."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def scratch(layout, name):
    os.makedirs(layout.tmp, 0o700, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=f"{name}-", dir=layout.tmp)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
