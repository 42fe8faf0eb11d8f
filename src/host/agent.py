"""The host's half of git-hostout: one fixed script, standard library only, python >= 3.9.

It is given data (manifest, settings, signed entry) and never code. Run as

    python3 -I <path>/.hostout/agent --path <path> VERB [ARG]

or, before it is installed, from stdin: LENGTH bytes of this source, then the request. It never relies on `__file__`.
A request is one JSON object on stdin; an answer is JSON lines on stdout. The last line always has "end": "ok" or
"failed" and proves that the verb ended; exit status 0 goes with ok, 3 with failed.

Map, from the bottom up:

    answers       what is said on stdout, and the one exception that ends a verb
    layout        every path below <path>
    files         atomic writes, removing, hashing
    lock          who may change the host, by token and lease
    python        this interpreter, and the wheel tags it takes
    store         artifacts by sha256, the upload
    tarball       the buildout files, unpacked without trusting them
    wheels        one wheel to one egg directory, exactly as buildout would
    venv          the interpreter that runs buildout, shared by releases
    prepare       everything that outsiders can't notice
    processes     children with a decided environment, nothing they can hang
    services      start, stop and look at what a release runs, by kind
    health        processes and http, judged by effect
    journal       what a job did, for those who were not connected
    activation    the job: backup, stop, switch, start, probe, or all of it back
    prune         what may go
    status        what is there; writes nothing
    verbs, main   requests to the above

Files on a host, their owners and modes: the contract's "On a host". Writers hold `.hostout/lock`; the order of an
activation is in `Activation.forward`, its undoing in `Activation.undo`.
"""

import argparse
import configparser
import contextlib
import email.parser
import errno
import fcntl
import getpass
import glob
import hashlib
import http.client
import io
import json
import os
import pathlib
import platform
import posixpath
import re
import secrets
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import time
import traceback
import urllib.parse
import zipfile

AGENT_VERSION = "1"
FORMAT = 1  # of requests, answers and the files below .hostout
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,127}\Z")
IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}\Z")
MAX_REQUEST = 64 << 20
OUTPUT_LINES = 40
START_SECONDS = 20  # that a control script's daemon may take to appear
ALIVE_SECONDS = 1  # a quiet verb says that it lives, for the client's stall clock

# What the venv holds; eggs that need one of these get it from there, as buildout itself does.
BOOTSTRAP = ("zc.buildout", "setuptools", "pip", "wheel", "packaging", "platformdirs")


# answers ---------------------------------------------------------------------------------------------------------


class Failed(Exception):
    """Ends a verb: a kind for programs, a message that says what is the matter, a hint where there is a remedy."""

    def __init__(self, kind, message, hint=None, output=(), **more):
        super().__init__(message)
        self.kind, self.message, self.hint, self.output, self.more = kind, message, hint, list(output), more

    def answer(self):
        answer = {"end": "failed", "kind": self.kind, "message": redact(self.message), "hint": self.hint,
                  "output": self.output}
        return {**answer, **self.more}


class Answers:
    """JSON lines on stdout. A reader who has gone is no error for the work that is being done."""

    def __init__(self, stream):
        self.stream, self.mutex, self.last, self.gone = stream, threading.Lock(), time.monotonic(), False

    def line(self, value):
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
        with self.mutex:
            self.last = time.monotonic()
            if self.gone:
                return
            try:
                self.stream.write(text + b"\n")
                self.stream.flush()
            except (BrokenPipeError, ConnectionResetError):
                self.gone = True

    def step(self, step, detail=""):
        self.line({"event": "step", "step": step, "detail": redact(detail)})

    def progress(self, step, done, total):
        self.line({"event": "progress", "step": step, "done": done, "total": total})

    def alive(self):
        if time.monotonic() - self.last >= ALIVE_SECONDS:
            self.line({"event": "alive"})


def redact(text):
    """`text` without user info in addresses."""
    return re.sub(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s@'\"]+@", r"\1***@", text)


def last_lines(data, count=OUTPUT_LINES):
    """The last lines of some bytes that may be anything, as clean text."""
    text = data[-65536:].decode("utf-8", "replace")
    lines = ["".join(c if c.isprintable() or c == "\t" else "?" for c in line) for line in text.splitlines()]
    return [redact(line)[:2000] for line in lines[-count:]]


def tail_of(path, count=OUTPUT_LINES):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
            return last_lines(file.read(), count)
    except OSError:
        return []


# layout ----------------------------------------------------------------------------------------------------------


class Layout:
    """Every path below <path>."""

    def __init__(self, path):
        path = os.path.expanduser(path)
        if not os.path.isabs(path):
            raise Failed("bad-request", f"{path} is not absolute")
        self.path = os.path.normpath(path)
        self.current = self.at("current")
        self.releases, self.eggs, self.store = self.at("releases"), self.at("eggs"), self.at("store")
        self.venvs, self.shared, self.backups = self.at("venvs"), self.at("shared"), self.at("backups")
        self.private = self.at(".hostout")
        self.lock, self.guard = self.own("lock"), self.own("lock.guard")
        self.record, self.jobs, self.tmp, self.logs = (self.own(n) for n in ("record", "jobs", "tmp", "logs"))

    def at(self, *names):
        return os.path.join(self.path, *names)

    def own(self, *names):
        return os.path.join(self.private, *names)

    def object(self, sha256):
        return os.path.join(self.store, sha256[:2], sha256[2:])

    def release(self, version):
        return os.path.join(self.releases, version)

    def job(self, name):
        return os.path.join(self.jobs, name)

    def state(self):
        """Whose directory this is, and why it can't be used."""
        if not os.path.lexists(self.path):
            parent = self.path
            while not os.path.lexists(parent):
                parent = os.path.dirname(parent)
            if not os.path.isdir(parent):
                return "unwritable", f"{parent} is not a directory"
            if not os.access(parent, os.W_OK | os.X_OK):
                return "unwritable", f"{parent} is not writable for {user()}"
            return "absent", None
        if not os.path.isdir(self.path):
            return "foreign", f"{self.path} is not a directory"
        if not os.access(self.path, os.W_OK | os.X_OK):
            return "unwritable", f"{self.path} is not writable for {user()}"
        if os.path.isdir(self.private):
            return "ours", None
        # Shared files have to be there before the first deployment.
        return ("foreign", "it holds other files") if set(os.listdir(self.path)) - {"shared"} else ("empty", None)

    def make(self):
        """Makes what is missing; refuses a directory that is someone else's."""
        state, reason = self.state()
        if state in ("foreign", "unwritable"):
            raise Failed("refused", f"{self.path} can't be used: {reason}", "choose another path for the stage")
        for folder in (self.path, self.private, self.releases, self.eggs, self.store, self.venvs):
            os.makedirs(folder, 0o755, exist_ok=True)
        for folder in (self.backups, self.jobs, self.tmp, self.logs):
            os.makedirs(folder, 0o700, exist_ok=True)
        if not os.path.isdir(self.shared):
            os.mkdir(self.shared)
            os.chmod(self.shared, 0o2770)

    def live(self):
        """The release that `current` names, the state of the link, and what it says."""
        if not os.path.lexists(self.current):
            return None, "absent", None
        if not os.path.islink(self.current):
            return None, "foreign", None
        target = os.readlink(self.current)
        folder, version = os.path.split(target)
        ours = folder in ("releases", self.releases) and VERSION.match(version)
        return (version, "ours", target) if ours else (None, "foreign", target)


def user():
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def checked(pattern, value, what):
    if not isinstance(value, str) or not pattern.match(value):
        raise Failed("bad-request", f"{value!r} is no {what}")
    return value


# files -----------------------------------------------------------------------------------------------------------


def write_whole(path, data, mode=0o644):
    """Puts `data` at `path`, all of it or nothing, also when the power goes."""
    partial = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    sync_folder(os.path.dirname(path))


def sync_folder(path):
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path, value, mode=0o644):
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n", mode)


def read_json(path):
    """What `path` holds, or None where it is missing or torn."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read())
    except (OSError, ValueError):
        return None


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
    for folder, _, _ in os.walk(aside):  # top down: a folder is opened up before it is listed
        for name in os.scandir(folder):
            if name.is_dir(follow_symlinks=False):
                os.chmod(name.path, 0o700)
    shutil.rmtree(aside)


def tree_size(path):
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


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
            try:
                os.link(os.path.join(folder, name), os.path.join(place, name))
            except FileNotFoundError:
                pass  # a temporary file of a transaction that ended
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise
                shutil.copy2(os.path.join(folder, name), os.path.join(place, name))


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


# lock ------------------------------------------------------------------------------------------------------------


class Lock:
    """`.hostout/lock/owner`. It is its owner's until the lease runs out; then another may take it over.

    Every look and change happens under a flock on a file beside it, so that two who find an expired lock can't both
    take it. The token fences: whoever lost the lock notices before the next step that changes something.
    """

    def __init__(self, layout):
        self.layout, self.owner_file = layout, os.path.join(layout.lock, "owner")

    @contextlib.contextmanager
    def guarded(self):
        handle = os.open(self.layout.guard, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def owner(self):
        if not os.path.isdir(self.layout.lock):
            return None
        return read_json(self.owner_file) or {"token": None, "by": "someone whose name was not written",
                                              "lease-until": 0}

    def shown(self):
        """The owner without the token, for status and for those who are refused."""
        owner = self.owner()
        if owner is None:
            return None
        facts = {key: value for key, value in owner.items() if key != "token"}
        return {**facts, "expired": expired(owner)}

    def take(self, wanted, step):
        if not isinstance(wanted, dict) or not wanted.get("token"):
            raise Failed("bad-request", "the request names no lock token")
        with self.guarded():
            owner = self.owner()
            if owner and owner["token"] != wanted["token"] and not expired(owner):
                raise self.held()
            lease = float(wanted.get("lease", 120))
            since = owner.get("since") if owner and owner["token"] == wanted["token"] else None
            os.makedirs(self.layout.lock, 0o755, exist_ok=True)
            write_json(self.owner_file, {
                "token": wanted["token"], "by": str(wanted.get("by", "")), "from": str(wanted.get("from", "")),
                "pid": wanted.get("pid"), "since": since or now(), "step": step, "lease": lease,
                "lease-until": time.time() + lease}, 0o600)
        return wanted["token"]

    def held(self):
        owner = self.shown() or {}
        return Failed("locked", f"locked by {owner.get('by')} from {owner.get('from')} since {owner.get('since')}"
                      f" ({owner.get('step')})", "wait for them, or break the lock when it has expired", lock=owner)

    def refresh(self, token, step=None):
        """Extends the lease of `token`'s lock; Failed when it is no longer theirs."""
        with self.guarded():
            owner = self.owner()
            if owner is None:
                raise Failed("lock-lost", "the lock is no longer held", "start again")
            if owner["token"] != token:
                raise self.held()
            owner["lease-until"] = time.time() + float(owner.get("lease", 120))
            owner["step"] = step or owner.get("step")
            write_json(self.owner_file, owner, 0o600)

    def release(self, token):
        with self.guarded():
            owner = self.owner()
            if owner is None:
                return False
            if owner["token"] != token:
                raise self.held()
            shutil.rmtree(self.layout.lock)
        return True

    def end_dead(self, dead):
        """Ends the lock of a client that is gone, as another one on its own machine has seen."""
        with self.guarded():
            owner = self.owner()
            if owner is None:
                return False
            if not isinstance(dead, dict) or (owner.get("from"), owner.get("pid")) != (dead.get("from"), dead.get("pid")):
                raise self.held()
            shutil.rmtree(self.layout.lock)
        return True

    def break_expired(self):
        with self.guarded():
            owner = self.owner()
            if owner is None:
                return False
            if not expired(owner):
                raise self.held()
            shutil.rmtree(self.layout.lock)
        return True


def expired(owner):
    return owner.get("lease-until", 0) < time.time()


class Heartbeat:
    """Refreshes a lock's lease while work is done, and says on stdout that the work goes on."""

    def __init__(self, lock, token, answers=None):
        self.lock, self.token, self.answers = lock, token, answers
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def beat(self):
        refreshed = time.monotonic()
        while not self.stopped.wait(1):
            if self.answers:
                self.answers.alive()
                if self.answers.gone:  # nobody waits for it: stop as on a Ctrl-C, which cleans up and gives the lock back
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                    return
            lease = (self.lock.owner() or {}).get("lease", 120)
            if time.monotonic() - refreshed >= max(1, lease / 4):
                refreshed = time.monotonic()
                # A lost lock is noticed by the worker before its next change; a full disk passes.
                with contextlib.suppress(Failed, OSError):
                    self.lock.refresh(self.token)


# python ----------------------------------------------------------------------------------------------------------


def glibc():
    """glibc's version as (major, minor), or None."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        text = " ".join(platform.libc_ver())
    found = re.match(r"glibc (\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def musl():
    """musl's version as (major, minor), or None. Its loader prints it when it is run without a program."""
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run([loader], stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)
            found = re.search(rb"Version (\d+)\.(\d+)", said.stderr)
            if found:
                return int(found[1]), int(found[2])
    return None


def machine():
    """The architecture of this interpreter as sysconfig spells it."""
    arch = sysconfig.get_platform().split("-", 1)[-1].replace("-", "_").replace(".", "_")
    if struct.calcsize("P") == 4:  # a 32 bit python on a 64 bit kernel
        return {"x86_64": "i686", "aarch64": "armv7l"}.get(arch, arch)
    return arch


def platform_tags():
    """Wheel platforms this host takes, best first: PEP 600 (manylinux), PEP 656 (musllinux), linux."""
    arch, tags, libc = machine(), [], glibc()
    legacy = {17: "manylinux2014"}
    if arch in ("x86_64", "i686"):
        legacy.update({12: "manylinux2010", 5: "manylinux1"})
    if libc and libc[0] == 2:
        for minor in range(libc[1], (5 if arch in ("x86_64", "i686") else 17) - 1, -1):
            tags.append(f"manylinux_2_{minor}_{arch}")
            if minor in legacy:
                tags.append(f"{legacy[minor]}_{arch}")
    version = musl() if not libc else None
    if version:
        tags += [f"musllinux_{version[0]}_{minor}_{arch}" for minor in range(version[1], -1, -1)]
    return tags + [f"linux_{arch}"]


def wheel_tags():
    """Every wheel tag this interpreter takes, best first, as in the platform compatibility tags specification."""
    major, minor = sys.version_info[:2]
    threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    name = {"cpython": "cp", "pypy": "pp"}.get(sys.implementation.name, sys.implementation.name)
    me, platforms = f"{name}{major}{minor}", platform_tags()
    abi = f"{me}t" if threaded else me
    if name != "cp":
        abi = (sysconfig.get_config_var("SOABI") or "none").replace(".", "_").replace("-", "_")
    tags = [f"{me}-{abi}-{p}" for p in platforms]
    if name == "cp" and not threaded:
        tags += [f"{me}-abi3-{p}" for p in platforms]
    tags += [f"{me}-none-{p}" for p in platforms]
    if name == "cp" and not threaded:
        tags += [f"cp{major}{m}-abi3-{p}" for m in range(minor - 1, 1, -1) for p in platforms]
    generic = [f"py{major}{minor}", f"py{major}"] + [f"py{major}{m}" for m in range(minor - 1, -1, -1)]
    tags += [f"{py}-none-{p}" for py in generic for p in platforms]
    return tags + [f"{me}-none-any"] + [f"{py}-none-any" for py in generic]


def python_facts():
    return {"version": platform.python_version(), "executable": base_python(),
            "implementation": sys.implementation.name, "tags": wheel_tags(), "venv": has_venv()}


def target():
    return f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform_tags()[0]}"


def base_python():
    """The interpreter that venvs are made from; never one inside a venv."""
    return getattr(sys, "_base_executable", None) or sys.executable


def python_series():
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def has_venv():
    try:
        import venv
    except ImportError:
        return False
    return bool(venv)


def parse_toml(layout, text):
    """A TOML document. Python has a parser since 3.11; older ones borrow the one inside the shipped pip."""
    try:
        import tomllib
    except ImportError:
        tomllib = borrowed_tomli(layout)
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise Failed("bad-request", f"the manifest is not TOML: {error}") from error


def borrowed_tomli(layout):
    for path in glob.glob(os.path.join(glob.escape(layout.store), "*", "*")):
        try:
            with zipfile.ZipFile(path) as wheel:
                wheel.getinfo("pip/_vendor/tomli/__init__.py")
        except (zipfile.BadZipFile, KeyError, OSError):
            continue
        sys.path.insert(0, path)
        try:
            from pip._vendor import tomli
            return tomli
        finally:
            sys.path.remove(path)
    raise Failed("missing-artifact", f"python {platform.python_version()} has no TOML parser and no pip was sent",
                 "use python 3.11 or newer for the stage")


# store -----------------------------------------------------------------------------------------------------------


def missing(layout, digests):
    return [d for d in digests if not os.path.isfile(layout.object(checked(SHA256, d, "sha256")))]


def put_one(layout, sha256, stream, size=None):
    """Takes one artifact from `stream`. What doesn't hash to its name never gets one."""
    final = layout.object(checked(SHA256, sha256, "sha256"))
    folder = os.path.dirname(final)
    os.makedirs(folder, 0o755, exist_ok=True)
    partial = os.path.join(folder, f".part-{os.getpid()}-{secrets.token_hex(4)}")
    digest, taken = hashlib.sha256(), 0
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
                taken += len(block)
                if size is not None and taken > size:
                    raise Failed("wrong-hash", f"{sha256} is longer than announced")
                file.write(block)
            if digest.hexdigest() != sha256 or size not in (None, taken):
                raise Failed("wrong-hash", f"what came as {sha256} is {digest.hexdigest()} ({taken} bytes)",
                             "it was damaged on the way; try again")
            os.fchmod(file.fileno(), 0o444)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, final)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    sync_folder(folder)
    return taken


def put_many(layout, stream, answers):
    """Takes a tar stream with one regular member for each artifact, named by its sha256."""
    count = size = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if not member.isreg():
                    raise Failed("bad-request", f"{member.name!r} is no regular file")
                size += put_one(layout, member.name, archive.extractfile(member), member.size)
                count += 1
                answers.line({"event": "progress", "step": "put", "done": count, "total": None, "bytes": size})
    except tarfile.TarError as error:
        raise Failed("bad-request", f"the upload is no whole tar stream: {error}", "try again") from error
    return count, size


def verified(layout, artifact):
    """The path of an artifact whose bytes are what its name says, now."""
    path = layout.object(checked(SHA256, artifact["sha256"], "sha256"))
    if not os.path.isfile(path):
        raise Failed("missing-artifact", f"{artifact['file']} was not sent", missing=[artifact["sha256"]])
    if sha256_of(path) != artifact["sha256"]:
        os.unlink(path)
        raise Failed("missing-artifact", f"{artifact['file']} was damaged in the store; removed",
                     "deploy again: it will be sent anew", missing=[artifact["sha256"]])
    return path


# tarball ---------------------------------------------------------------------------------------------------------


FETCHED = ("extends", "downloads")  # what the release fetched, below `.hostout`; the rest there is this program's


def unpack_tarball(path, top, release):
    """Unpacks the buildout files. Nothing leaves `release`, follows a link, or keeps an owner or a special bit."""
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
            if not os.listdir(common):
                shutil.copytree(place, common, symlinks=True, dirs_exist_ok=True)
                os.chmod(common, 0o2770)
            shutil.rmtree(place)
        link(common, place)
    for name in shared.get("files", []):
        common, place = os.path.join(layout.shared, *below(name)), os.path.join(release, *below(name))
        if not os.path.isfile(common):
            raise Failed("refused", f"the shared file {name} is not on the host", f"git hostout put STAGE {name}")
        link(common, place)


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


# wheels ----------------------------------------------------------------------------------------------------------

PEP440 = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<pre_n>\d*))?"
    r"(?P<post>-(?P<post_1>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_2>\d*))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_n>\d*))?(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\Z", re.IGNORECASE)


def normal_version(text):
    """`text` as PEP 440 normalises it, or None."""
    found = PEP440.match(text)
    if not found:
        return None
    out = f"{int(found['epoch'])}!" if int(found["epoch"] or 0) else ""
    out += ".".join(str(int(number)) for number in found["release"].split("."))
    if found["pre"]:
        letter = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
        pre = found["pre"].lower()
        out += letter.get(pre, pre) + str(int(found["pre_n"] or 0))
    if found["post"]:
        out += f".post{int(found['post_1'] or found['post_2'] or 0)}"
    if found["dev"]:
        out += f".dev{int(found['dev_n'] or 0)}"
    if found["local"]:
        parts = re.split(r"[-_.]", found["local"].lower())
        out += "+" + ".".join(str(int(part)) if part.isdigit() else part for part in parts)
    return out


def canonical(name):
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rank_of(file, ranks):
    """How well a wheel file (PEP 427) fits this interpreter: 0 is best, None not at all."""
    parts = file[:-4].split("-") if file.endswith(".whl") else []
    if len(parts) not in (5, 6):
        return None
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    found = [ranks[t] for t in (f"{p}-{a}-{o}" for p in pythons for a in abis for o in platforms) if t in ranks]
    return min(found, default=None)


def egg_base(name, version):
    """What buildout 5 and 6 call the egg of a wheel, without `.egg` (easy_install.make_egg_after_pip_install)."""
    name, version = name.replace("-", "_"), version.replace("-", "_")
    return f"{name}-{version}-py{python_series()}-{sysconfig.get_platform()}"


class Wheel:
    """A wheel in the store, opened to be unpacked as buildout 5 and 6 would: `pip install -t`, then an egg."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path)
        self.names = [info.filename for info in self.zip.infolist() if not info.is_dir()]
        infos = {name.split("/")[0] for name in self.names if name.split("/")[0].endswith(".dist-info")}
        if len(infos) != 1:
            raise ValueError("no single .dist-info folder")
        self.info = infos.pop()
        self.data = self.info[:-len(".dist-info")] + ".data"
        self.read = lambda name: self.zip.read(f"{self.info}/{name}").decode("utf-8", "replace")
        self.name = email.parser.HeaderParser().parsestr(self.read("METADATA"))["Name"]
        self.version = normal_version(self.info[:-len(".dist-info")].partition("-")[2])

    def base(self):
        return egg_base(self.name, self.version)

    def plain(self):
        """Whether unpacking is all that buildout would do; what is not plain is left to it."""
        if not self.name or not self.version:
            return False
        for name in self.names:
            top, _, rest = name.partition("/")
            unsafe = name.startswith("/") or ".." in name.split("/") or "\\" in name
            namespace = name == f"{self.info}/namespace_packages.txt" or name.endswith("-nspkg.pth")
            unknown = top.endswith(".data") and (top != self.data or rest.split("/")[0] not in
                                                 ("purelib", "platlib", "scripts", "data", "headers"))
            # pip installs scripts to bin/, and buildout removes that folder with whatever else is in it
            if unsafe or namespace or unknown or top == "bin" or name == f"{self.data}/purelib/bin":
                return False
        return not any(self.declares_namespace(name) for name in self.lonely_inits())

    def lonely_inits(self):
        """`__init__.py` files that are alone in their folder: buildout drops those that declare a namespace."""
        folders = {}
        for name in self.names:
            folder, _, file = name.rpartition("/")
            folders.setdefault(folder, []).append(file)
        return [f"{folder}/__init__.py" for folder, files in folders.items() if files == ["__init__.py"]]

    def declares_namespace(self, name):
        text = self.zip.read(name)
        return b"declare_namespace" in text or b"extend_path" in text

    def place(self, name):
        """Where a member goes below the egg; None = buildout's eggs don't have it."""
        top, _, rest = name.partition("/")
        if top == self.info:
            return f"{self.base()}.dist-info/{rest}"
        if top == self.data:
            kind, _, rest = rest.partition("/")
            return rest if kind in ("purelib", "platlib") else None
        return name

    def unpack(self, folder):
        """Unpacks into `folder`/NAME-VERSION-pyX.Y-PLATFORM.egg, and says what that is called."""
        egg = os.path.join(folder, self.base() + ".egg")
        os.makedirs(egg)
        for info in self.zip.infolist():
            place = None if info.is_dir() else self.place(info.filename)
            if not place:
                continue
            path = os.path.join(egg, *place.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with self.zip.open(info) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file)
            if (info.external_attr >> 16) & 0o111:
                os.chmod(path, 0o755)
        return os.path.basename(egg)


def make_eggs(layout, wheels, python, answers, output):
    """The egg of each (sha256, path): made once in `eggs/<sha256>`, compiled, read-only. {sha256: egg's name}"""
    eggs, fresh = {}, {}
    partial = os.path.join(layout.eggs, f".tmp-{secrets.token_hex(8)}")
    try:
        for sha256, path in wheels:
            there = glob.glob(os.path.join(glob.escape(layout.eggs), sha256, "*.egg"))
            if there and made_for_this_python(there[0]):
                eggs[sha256] = os.path.basename(there[0])
                continue
            with contextlib.suppress(ValueError, KeyError, zipfile.BadZipFile):  # pip's words on these are better
                wheel = Wheel(path)
                if not wheel.plain():
                    continue
                os.makedirs(os.path.join(partial, sha256))
                eggs[sha256] = fresh[sha256] = wheel.unpack(os.path.join(partial, sha256))
                answers.progress("eggs", len(eggs), len(wheels))
        if fresh:
            compile_eggs(partial, layout.eggs, python, output)
            for sha256 in fresh:
                read_only(os.path.join(partial, sha256, fresh[sha256]))
                remove_tree(layout, os.path.join(layout.eggs, sha256))
                os.rename(os.path.join(partial, sha256), os.path.join(layout.eggs, sha256))
    finally:
        remove_tree(layout, partial)
    return eggs


def made_for_this_python(egg):
    return egg.endswith(f"-py{python_series()}-{sysconfig.get_platform()}.egg")


def compile_eggs(folder, final, python, output):
    """Byte code that is never compared with its source: the eggs are read-only and named by their hash."""
    argv = [python, "-I", "-W", "ignore", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode",
            "unchecked-hash", "-s", folder, "-p", final, folder]
    # Status 1 = some file is no python of this version, such as a template; that is the egg's business.
    run(argv, folder, 1800, output)


def read_only(egg):
    for folder, _, files in os.walk(egg, topdown=False):
        for name in files:
            path = os.path.join(folder, name)
            os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & 0o555)
        os.chmod(folder, 0o555)


# venv ------------------------------------------------------------------------------------------------------------


def venv_of(layout, bootstrap):
    """What a venv is made of, and so its name: this interpreter and the bootstrap wheels. The interpreter counts by
    major and minor version, as in wheel tags and egg names: a venv outlives the distribution's security updates."""
    made_of = {"python": python_series(), "executable": base_python(),
               "wheels": sorted([wheel["file"], wheel["sha256"]] for wheel in bootstrap)}
    name = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]
    return {"path": os.path.join(layout.venvs, name), **made_of}


def venv_runs(venv):
    """Whether its interpreter runs and is the one it was made from."""
    python = os.path.join(venv["path"], "bin", "python")
    if not os.path.exists(os.path.join(venv["path"], ".complete")):
        return False
    code, output = run([python, "-I", "-c", "import sys, zc.buildout; print('%d.%d' % sys.version_info[:2])"], "/", 60)
    return code == 0 and output.decode("ascii", "replace").split()[-1:] == [venv["python"]]


def ensure_venv(layout, venv, output):
    """Makes the venv unless it is there and runs. Offline, from the wheels in the store, by the shipped pip itself."""
    if venv_runs(venv):
        return False
    remove_tree(layout, venv["path"])
    python = os.path.join(venv["path"], "bin", "python")
    check_interpreter_line(python)
    code, said = run([venv["executable"], "-I", "-m", "venv", "--without-pip", venv["path"]], "/", 300, output)
    if code != 0:
        raise Failed("venv", f"{venv['executable']} can't make a virtual environment",
                     "install python's venv module (Debian: python3-venv)", last_lines(said))
    with scratch(layout, "bootstrap") as folder:
        files = []
        for file, sha256 in venv["wheels"]:
            files.append(os.path.join(folder, checked_file(file)))
            os.symlink(verified(layout, {"file": file, "sha256": sha256}), files[-1])
        pip = next((f for f in files if os.path.basename(f).startswith("pip-")), None)
        if not pip:
            raise Failed("refused", "the manifest pins no pip", "release again")
        argv = [python, os.path.join(pip, "pip"), "install", "--no-index", "--no-deps", "--no-compile",
                "--no-cache-dir", "--disable-pip-version-check", "--no-warn-script-location", *files]
        code, said = run(argv, folder, 600, output, buildout_env(folder, folder))
    if code != 0:
        raise Failed("venv", "the bootstrap wheels can't be installed", None, last_lines(said))
    write_json(os.path.join(venv["path"], ".complete"), venv)
    return True


def check_interpreter_line(python):
    """Scripts start with `#!<interpreter>`, which the kernel cuts at blanks and at a length (execve(2))."""
    major, minor = (int(number) for number in re.findall(r"\d+", platform.release())[:2])
    limit = 255 if (major, minor) >= (5, 1) else 127
    if re.search(r"\s", python):
        raise Failed("refused", f"the path {python} has blanks, which #! lines can't hold", "choose another path")
    if len(os.fsencode(f"#!{python}\n")) > limit:
        raise Failed("refused", f"the path {python} is too long for #! lines ({limit} bytes)", "choose a shorter path")


def checked_file(name):
    if os.path.basename(name) != name or name.startswith(".") or not name:
        raise Failed("bad-request", f"{name!r} is no file name")
    return name


# prepare ---------------------------------------------------------------------------------------------------------


class Prepare:
    """Builds `releases/<version>` at its final place. It is good when `.hostout/complete` is there, written last."""

    def __init__(self, layout, request, answers):
        self.layout, self.request, self.answers = layout, request, answers
        self.lock = Lock(layout)
        self.version = checked(VERSION, request.get("version"), "version")
        self.id = checked(IDENTIFIER, request.get("id"), "deployment id")
        self.release = layout.release(self.version)
        self.log = os.path.join(layout.logs, f"{self.id}-buildout.log")

    def run(self):
        manifest = self.manifest()
        self.layout.make()
        token = self.lock.take(self.request.get("lock"), "prepare")
        keep = False
        try:
            with Heartbeat(self.lock, token, self.answers):
                reused = self.build(manifest, token)
            keep = bool(self.request.get("keep-lock"))
        finally:
            if not keep:
                self.lock.release(token)
        return {"end": "ok", "reused": reused, "release": self.version, "lock": token if keep else None}

    def manifest(self):
        text, wanted = self.request.get("manifest", ""), self.request.get("manifest-sha256")
        if hashlib.sha256(text.encode()).hexdigest() != wanted:
            raise Failed("wrong-hash", f"the manifest is not the one that is named ({wanted})", "try again")
        manifest = parse_toml(self.layout, text)
        if not isinstance(manifest.get("format"), int) or manifest["format"] > FORMAT:
            raise Failed("newer-format", f"the manifest is of format {manifest.get('format')}, this host's agent knows"
                         f" up to {FORMAT}", "use the git-hostout that made the release")
        if manifest.get("version") != self.version:
            raise Failed("bad-request", f"the manifest is that of {manifest.get('version')}, not {self.version}")
        return manifest

    def build(self, manifest, token):
        settings = self.settings(manifest)
        if self.reusable(settings):
            return True
        if self.layout.live()[0] == self.version:
            raise Failed("refused", f"{self.version} is live and can't be built anew under its own name",
                         "release the next version")
        self.lock.refresh(token, "prepare")
        remove_tree(self.layout, self.release)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)
        try:
            self.fill(manifest, settings, token)
        except BaseException:
            if (self.lock.owner() or {}).get("token") in (None, token):  # else another one builds there by now
                remove_tree(self.layout, self.release)
            raise
        return False

    def settings(self, manifest):
        """What is stored with the release: its own way to run, for as long as it is on the host."""
        named = {table["name"]: table for table in manifest.get("buildout", [])}
        name = self.request.get("buildout", "default")
        if name not in named:
            raise Failed("bad-request", f"the manifest has no buildout {name!r}")
        self.answers.step("verify", "artifacts")
        tarball = manifest["tarball"]
        verified(self.layout, {"file": tarball["name"], "sha256": tarball["sha256"]})
        ranks = {tag: n for n, tag in enumerate(wheel_tags())}
        pins = [pin for pin in manifest.get("pin", []) if name in pin["buildouts"]]
        wheels = [self.choose(dist, ranks) for dist in manifest.get("egg", []) + pins]
        for wheel in wheels:
            verified(self.layout, wheel)
        bootstrap = [wheel for wheel in wheels if wheel["bootstrap"]]
        return {"format": FORMAT, "version": self.version, "buildout": named[name], "wheels": wheels,
                "tarball": tarball["sha256"], "venv": venv_of(self.layout, bootstrap),
                "stage": self.request.get("stage")}

    def choose(self, dist, ranks):
        """The wheel of a distribution that fits this interpreter best."""
        fitting = [(rank_of(a["file"], ranks), a["file"], a["sha256"]) for a in dist.get("artifacts", [])]
        fitting = sorted(entry for entry in fitting if entry[0] is not None)
        if not fitting:
            raise Failed("refused", f"no wheel of {dist['name']} {dist['version']} is for this host ({target()})",
                         "add the host's target to [release] targets and release again")
        _, file, sha256 = fitting[0]
        return {"name": dist["name"], "version": dist["version"], "file": checked_file(file), "sha256": sha256,
                "bootstrap": canonical(dist["name"]) in map(canonical, BOOTSTRAP)}

    def reusable(self, settings):
        if not complete(self.layout, self.version, self.request["manifest-sha256"]):
            return False
        self.answers.step("reuse", self.version)
        stored = read_json(os.path.join(self.release, ".hostout", "settings.json")) or {}
        if stored.get("venv") != settings["venv"] or stored.get("buildout") != settings["buildout"]:
            return False
        ensure_venv(self.layout, settings["venv"], self.log)
        return True

    def fill(self, manifest, settings, token):
        private = os.path.join(self.release, ".hostout")
        os.makedirs(private)
        self.answers.step("unpack", manifest["tarball"]["name"])
        top = f"{manifest['project']['name']}-{self.version}"
        unpack_tarball(self.layout.object(settings["tarball"]), top, self.release)
        self.answers.step("shared")
        link_shared(self.layout, self.release, settings["buildout"].get("shared", {}))
        self.answers.step("venv")
        ensure_venv(self.layout, settings["venv"], self.log)
        self.answers.step("eggs")
        self.lock.refresh(token, "prepare")
        self.wire_eggs(settings)
        self.answers.step("buildout", settings["buildout"]["run"])
        try:
            self.run_buildout(settings)
            self.check_working_set(settings)
        finally:
            if os.path.exists(self.log):
                shutil.copyfile(self.log, os.path.join(private, "buildout.log"))
        self.lock.refresh(token, "prepare")
        write_whole(os.path.join(private, "manifest.toml"), self.request["manifest"].encode())
        write_whole(os.path.join(private, "manifest.sig"), (self.request.get("signature") or "").encode())
        write_json(os.path.join(private, "settings.json"), settings)
        os.sync()
        write_json(os.path.join(private, "complete"),
                   {"format": FORMAT, "manifest": self.request["manifest-sha256"], "time": now()})

    def egg_folder(self, settings):
        """Where buildout looks for eggs: 5 and 6 below `v5`, 4 beside it; and whether we unpack for it."""
        buildout = next((w for w in settings["wheels"] if canonical(w["name"]) == "zc-buildout"), None)
        if not buildout:
            raise Failed("refused", "the manifest pins no zc.buildout", "release again")
        ours = int(buildout["version"].split(".")[0]) >= 5
        return os.path.join(self.release, "eggs", "v5") if ours else os.path.join(self.release, "eggs"), ours

    def wire_eggs(self, settings):
        """Links eggs and wheels: exactly the manifest's, so that an old egg of the same version can't slip in."""
        folder, ours = self.egg_folder(settings)
        dist = os.path.join(self.release, ".hostout", "dist")
        for path in (folder, dist, os.path.join(self.release, ".hostout", "index")):
            os.makedirs(path)
        for wheel in settings["wheels"]:
            path, place = self.layout.object(wheel["sha256"]), os.path.join(dist, wheel["file"])
            try:
                os.link(path, place)
            except OSError:
                os.symlink(path, place)
        if not ours:
            return
        wanted = [(w["sha256"], self.layout.object(w["sha256"])) for w in settings["wheels"] if not w["bootstrap"]]
        python = os.path.join(settings["venv"]["path"], "bin", "python")
        eggs = make_eggs(self.layout, wanted, python, self.answers, self.log)
        for sha256, egg in eggs.items():
            os.symlink(os.path.join(self.layout.eggs, sha256, egg), os.path.join(folder, egg))

    def run_buildout(self, settings):
        table = settings["buildout"]
        parts = ["install", *table["parts"]] if table.get("host-parts") else []
        with scratch(self.layout, "home") as home:
            argv = buildout_argv(settings, self.release, self.release) + parts
            env = buildout_env(home, os.path.join(self.release, ".hostout", "dist"))
            code, said = run(argv, self.release, 3600, self.log, env)
        if code != 0:
            raise Failed("buildout", f"buildout of {self.version} failed with status {code}",
                         f"the whole output is in {self.log}", last_lines(said))

    def check_working_set(self, settings):
        """No egg but the manifest's may be there, and each link must lead somewhere."""
        folder, _ = self.egg_folder(settings)
        wanted = {(canonical(wheel["name"]), normal_version(wheel["version"])) for wheel in settings["wheels"]}
        for egg in sorted(os.listdir(folder)):
            if not egg.endswith(".egg"):
                continue
            name, _, rest = egg.partition("-")
            if (canonical(name), normal_version(rest.split("-")[0].replace("_", "-"))) not in wanted:
                raise Failed("buildout", f"buildout used {egg}, which the manifest doesn't name", "release again")
            if not os.path.exists(os.path.join(folder, egg)):
                raise Failed("buildout", f"{egg} is missing in {self.layout.eggs}")


def buildout_argv(settings, release, directory, *more):
    """buildout as it runs on a host: wheels from a folder, never an index, never the user's defaults (-U)."""
    private = os.path.join(release, ".hostout")
    options = {"directory": directory, "eggs-directory": os.path.join(directory, "eggs"),
               "find-links": os.path.join(private, "dist"),
               "index": pathlib.Path(private, "index").as_uri(), "newest": "false",
               "allow-picked-versions": "false", "offline": "false", "use-dependency-links": "false"}
    return [os.path.join(settings["venv"]["path"], "bin", "buildout"), "-U",
            "-c", os.path.join(directory, *below(settings["buildout"]["run"])),
            *(f"buildout:{key}={value}" for key, value in options.items()), *more]


def buildout_env(home, dist):
    return {"HOME": home, "TMPDIR": home, "PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": pathlib.Path(dist).as_uri(), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1"}


def complete(layout, version, manifest=None):
    """The complete marker of a release, or None; with `manifest`, only when it names that one."""
    marker = read_json(os.path.join(layout.release(version), ".hostout", "complete"))
    if not marker or (manifest and marker.get("manifest") != manifest):
        return None
    return marker


def stored_settings(layout, version):
    """How a release on the host is run, as it was meant when it was built."""
    return read_json(os.path.join(layout.release(version), ".hostout", "settings.json"))


# processes -------------------------------------------------------------------------------------------------------

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def service_env(more=None):
    """What services and hooks see: the login user's, and nothing of the connection that started the job."""
    kept = {key: os.environ[key] for key in ("HOME", "USER", "LOGNAME", "TZ") if key in os.environ}
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", **kept, **(more or {})}


def run(argv, cwd, timeout, log=None, env=None):
    """Runs a command to its end: (exit status, its output). Output goes to a file, so that a daemon that keeps it
    open can't hang us; stdin is closed; after `timeout` seconds its whole process group is killed (status -9)."""
    with open(log, "ab+") if log else tempfile.TemporaryFile() as file:
        file.seek(0, io.SEEK_END)
        start = file.tell()
        try:
            child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                     env=service_env() if env is None else env, start_new_session=True)
        except OSError as error:
            return 127, f"{argv[0]}: {error.strerror}".encode()
        try:
            code = child.wait(timeout)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            file.write(b"\nkilled after %g s\n" % timeout)
        file.seek(start)
        return code, file.read()


def alive(pid, name):
    """Whether process `pid` runs and is still a `name`: numbers are used again."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return name.encode() in file.read()
    except OSError:
        return False


def wait_until(condition, seconds, pause=0.1):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True


def end_process(pid, name, patience=30):
    """Waits for a process to go, then asks it, then kills it. True when it has gone."""
    gone = lambda: not alive(pid, name)  # noqa: E731
    if wait_until(gone, patience):
        return True
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.kill(pid, sign)
        if wait_until(gone, patience if sign == signal.SIGTERM else 5):
            return True
    return False


# services --------------------------------------------------------------------------------------------------------
# One class a kind. `look` tells [{"name", "state", "detail"}] with state running, starting, stopped, failed or unknown;
# it judges by what is said and what runs, never by an exit status alone.


class NoServices:
    """kind = none."""

    def __init__(self, release, table, log=None):
        self.release, self.table, self.log = release, table, log

    def start(self):
        """Nothing to start."""

    def stop(self):
        """Nothing to stop."""

    def look(self):
        return []

    def log_tail(self):
        return []

    def script(self, name, *arguments, timeout=60, log=None):
        return run([os.path.join(self.release, "bin", name), *arguments], self.release, timeout, log)


class Supervisor(NoServices):
    """kind = supervisor: collective.recipe.supervisor. Started anew each time, or it would run the old release."""

    STATES = {"RUNNING": "running", "STARTING": "starting", "BACKOFF": "starting", "STOPPING": "starting",
              "STOPPED": "stopped", "EXITED": "failed", "FATAL": "failed", "UNKNOWN": "unknown"}

    def start(self):
        code, said = self.script("supervisord", timeout=120, log=self.log)
        if code != 0:
            raise Failed("start", f"bin/supervisord ended with status {code}", None, last_lines(said))
        if not wait_until(lambda: self.pid() and alive(self.pid(), "supervisord"), 10):
            raise Failed("start", "bin/supervisord left no running process", None, last_lines(said))
        # Two buildouts on one host easily share supervisor's default port: ask who answers there.
        _, said = self.script("supervisorctl", "pid")
        if said.split()[-1:] != [str(self.pid()).encode()]:
            raise Failed("start", "another supervisor answers bin/supervisorctl", "give each its own port or socket",
                         last_lines(said))

    def stop(self):
        pid = self.pid()
        if not pid or not alive(pid, "supervisord"):
            return
        self.script("supervisorctl", "shutdown", log=self.log)
        if not end_process(pid, "supervisord"):
            raise Failed("stop", f"supervisord (process {pid}) does not stop")

    def look(self):
        pid = self.pid()
        if not pid or not alive(pid, "supervisord"):
            return [{"name": "supervisord", "state": "stopped", "detail": "not running"}]
        code, said = self.script("supervisorctl", "status")
        programs = []
        for line in said.decode("utf-8", "replace").splitlines():
            words = line.split(None, 2)
            if len(words) >= 2 and words[1] in self.STATES:
                programs.append({"name": words[0], "state": self.STATES[words[1]],
                                 "detail": words[2] if len(words) > 2 else ""})
        # A program with autostart=false is meant to be stopped, as long as others run.
        running = any(program["state"] == "running" for program in programs)
        programs = [p for p in programs if not (running and p["detail"] == "Not started")]
        if not programs and code != 0:
            return [{"name": "supervisord", "state": "unknown", "detail": " ".join(last_lines(said, 1))}]
        return programs

    def log_tail(self):
        lines = []
        for program in self.look():
            if program["state"] != "running" and program["name"] != "supervisord":
                for channel in ("stdout", "stderr"):
                    _, said = self.script("supervisorctl", "tail", "-4000", program["name"], channel)
                    lines += [f"{program['name']}: {line}" for line in last_lines(said, 20)]
        return lines or tail_of(self.conf("logfile", "var/log/supervisord.log"), 20)

    def pid(self):
        try:
            with open(self.conf("pidfile", "var/supervisord.pid"), encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def conf(self, key, default):
        """A file that supervisord.conf names, from whichever part made it."""
        for path in sorted(glob.glob(os.path.join(glob.escape(self.release), "parts", "*", "supervisord.conf"))):
            parser = configparser.RawConfigParser(inline_comment_prefixes=(";", " #"), strict=False)
            with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
                parser.read(path, encoding="utf-8")
                if parser.has_option("supervisord", key):
                    return os.path.join(self.release, parser.get("supervisord", key))
        return os.path.join(self.release, default)


class Zope(NoServices):
    """kind = zope: control scripts of zope2instance and zeoserver. Their exit status means nothing."""

    def start(self):
        for name in self.table["scripts"]:
            _, said = self.script(name, "start", timeout=120, log=self.log)
            if not wait_until(lambda name=name: self.state(name)["state"] == "running", START_SECONDS, 0.5):
                raise Failed("start", f"bin/{name} does not run after start", None, last_lines(said))

    def stop(self):
        for name in reversed(self.table["scripts"]):
            self.script(name, "stop", timeout=120, log=self.log)
            if wait_until(lambda name=name: self.state(name)["state"] == "stopped", 30, 0.5):
                continue
            pid = self.pid(self.state(name))
            if not pid or not end_process(pid, "", patience=0):
                raise Failed("stop", f"bin/{name} does not stop")

    def look(self):
        return [self.state(name) for name in self.table["scripts"]]

    def state(self, name):
        code, said = self.script(name, "status")
        detail = " ".join(last_lines(said, 1))
        if "program running; pid=" in detail:
            state = "running"
        elif "daemon process not running" in detail:  # its manager is about to start it again
            state = "starting"
        else:
            state = "stopped" if "not running" in detail else "unknown" if code == 0 else "failed"
        return {"name": name, "state": state, "detail": detail}

    @staticmethod
    def pid(look):
        found = re.search(r"pid=(\d+)", look["detail"])
        return int(found[1]) if found else None

    def log_tail(self):
        return [f"{name}: {line}" for name in self.table["scripts"]
                for line in tail_of(os.path.join(self.release, "var", "log", f"{name}.log"), 20)]


class Commands(NoServices):
    """kind = command: the user's own, each given to `sh -c` in the release directory."""

    def shell(self, key, timeout=120):
        return run(["sh", "-c", self.table[key]], self.release, timeout, self.log if key != "status" else None)

    def start(self):
        code, said = self.shell("start")
        if code != 0:
            raise Failed("start", f"the start command ended with status {code}", None, last_lines(said))

    def stop(self):
        code, said = self.shell("stop")
        stopped = lambda: self.look()[0]["state"] == "stopped"  # noqa: E731
        if not self.table.get("status"):
            if code != 0:
                raise Failed("stop", f"the stop command ended with status {code}", None, last_lines(said))
        elif not wait_until(stopped, 30, 0.5):
            raise Failed("stop", "the status command says that it runs on after stop", None, last_lines(said))

    def look(self):
        if not self.table.get("status"):
            return [{"name": "command", "state": "unknown", "detail": "there is no status command"}]
        code, said = self.shell("status", 30)
        return [{"name": "command", "state": "stopped" if code else "running",
                 "detail": " ".join(last_lines(said, 1))}]

    def log_tail(self):
        return tail_of(os.path.join(self.release, self.table["log"]), 20) if self.table.get("log") else []


KINDS = {"none": NoServices, "supervisor": Supervisor, "zope": Zope, "command": Commands}


def services_of(release, settings, log=None):
    table = (settings or {}).get("buildout", {}).get("services", {"kind": "none"})
    if table["kind"] not in KINDS:
        raise Failed("newer-format", f"services of kind {table['kind']} are not known to this agent")
    return KINDS[table["kind"]](release, table, log)


# health ----------------------------------------------------------------------------------------------------------


def ask(address, timeout=5):
    """One GET without following redirects or proxies: (status or None, X-Hostout-Release, what went wrong)."""
    parts = urllib.parse.urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    more = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
    connection = kind(parts.hostname, parts.port, timeout=timeout, **more)
    try:
        target_path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target_path, headers={"User-Agent": f"git-hostout/{AGENT_VERSION}"})
        response = connection.getresponse()
        response.read(65536)
        return response.status, response.getheader("X-Hostout-Release"), None
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, None, str(error) or type(error).__name__
    finally:
        connection.close()


def http_complaint(address, version):
    """Why `address` isn't a healthy `version`, or None."""
    status, served, error = ask(address)
    if status is None:
        return f"{redact(address)}: {error}"
    if not 200 <= status <= 399:
        return f"{redact(address)} answers {status}"
    if served is not None and served != version:
        return f"{redact(address)} is served by release {served}"
    return None


def silent(address):
    """Whether nobody serves `address`: it refuses, or only a proxy in front is left that says so."""
    status, _, _ = ask(address, 2)
    return status is None or status in (502, 503, 504)


def processes_complaint(looks):
    bad = [look for look in looks if look["state"] not in ("running", "unknown")]
    return "; ".join(f"{look['name']} {look['state']} {look['detail']}".strip() for look in bad) or None


def probe(services, address, version, seconds):
    """Waits until a started release is healthy; Failed with the reason and the log when it isn't in time.

    Processes count when two consecutive looks find the same ones running, so that a crash loop is not taken for life.
    """
    end, before, complaint = time.monotonic() + seconds, None, "it was not looked at"
    while True:
        looks = services.look()
        names = [(look["name"], re.findall(r"pid[ =](\d+)", look["detail"])) for look in looks]
        complaint = processes_complaint(looks)
        if complaint is None and looks and before != names:
            complaint = "its processes were seen once only"
        before = names
        if complaint is None and address:
            complaint = http_complaint(address, version)
        if complaint is None:
            return
        hopeless = any(look["state"] == "failed" for look in looks)
        if hopeless or time.monotonic() >= end:
            raise Failed("unhealthy", f"{version} is not healthy: {complaint}", None, services.log_tail()[-20:])
        time.sleep(0.5)


# journal ---------------------------------------------------------------------------------------------------------


class Journal:
    """`.hostout/jobs/<id>/journal`: JSON lines, appended and synced; a torn last line is no line."""

    def __init__(self, layout, name):
        self.folder = layout.job(checked(IDENTIFIER, name, "deployment id"))
        self.file, self.alive_file = os.path.join(self.folder, "journal"), os.path.join(self.folder, "alive")
        self.output = os.path.join(self.folder, "output")

    def append(self, value):
        line = json.dumps({**value, "time": now()}, ensure_ascii=False).encode("utf-8", "backslashreplace")
        with open(self.file, "ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def note(self, value):
        """Appends where that is possible: a full disk must not decide what a job does."""
        with contextlib.suppress(OSError):
            self.append(value)

    def keep_reserve(self):
        """Sets room aside, so that the end and the record can be written on a disk that has become full."""
        write_whole(os.path.join(self.folder, "reserve"), bytes(1 << 18), 0o600)

    def free_reserve(self):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, "reserve"))

    def events(self, offset=0):
        """Whole events from `offset`, and the offset after them."""
        try:
            with open(self.file, "rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], offset
        whole = data[:data.rfind(b"\n") + 1]
        events = []
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):
                events.append(json.loads(line))
        return events, offset + len(whole)

    def hold(self):
        """Marks the job as running for as long as the returned handle is open, also in children of a fork."""
        handle = os.open(self.alive_file, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle

    def running(self):
        try:
            handle = os.open(self.alive_file, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except OSError:
            return True
        finally:
            os.close(handle)

    def ended(self):
        return next((event for event in reversed(self.events()[0]) if event.get("event") == "end"), None)

    def state(self):
        end = self.ended()
        if end:
            return {"state": "ended", "result": end.get("result")}
        return {"state": "running" if self.running() else "died", "result": None}


def follow(layout, journal, answers, wait=True):
    """Copies a job's events to stdout until its end, and gives the end: the job itself doesn't care."""
    offset = 0
    while True:
        running = journal.running()  # looked at first: what the job wrote before it ended is read below
        events, offset = journal.events(offset)
        for event in events:
            if event.get("event") == "end":
                return event
            answers.line(event)
        if not running or not wait or answers.gone:
            current = layout.live()[0]
            kind = "running" if running else "died"
            raise Failed(kind, "the job is still running" if running else "the job died without an end",
                         None if running else "look at the host's status", tail_of(journal.output),
                         result="unknown", current=current)
        answers.alive()
        time.sleep(0.1)


def last_job(layout):
    name = (read_json(os.path.join(layout.jobs, "last")) or {}).get("id")
    return name if name and os.path.isdir(layout.job(name)) else None


# activation ------------------------------------------------------------------------------------------------------


class Activation:
    """The job that makes a prepared release live, or puts everything back. It runs without its client."""

    def __init__(self, layout, request):
        self.layout, self.request, self.lock = layout, request, Lock(layout)
        self.id = checked(IDENTIFIER, request.get("id"), "deployment id")
        self.new = checked(VERSION, request.get("version"), "version")
        self.old, self.token = request.get("expected"), request.get("token")
        self.journal = Journal(layout, self.id)
        self.reached = "nothing"  # then "stopping", "switched"
        self.allowed = False  # whether `check` had no objection
        self.undoing = False
        self.started = time.monotonic()
        self.backup = None

    def check(self):
        """What must hold before anything is done; also asked by the client's side, so that it hears a plain no."""
        self.lock.refresh(self.token, "activate")
        version, state, target_of = self.layout.live()
        if state == "foreign":
            raise Failed("refused", f"{self.layout.current} is not this program's ({target_of or 'not a link'})",
                         "move it out of the way")
        if version != self.old:
            raise Failed("stale", f"{version or 'nothing'} is live, not {self.old or 'nothing'} as planned",
                         "plan again", current=version)
        if not complete(self.layout, self.new, self.request.get("manifest-sha256")):
            raise Failed("not-prepared", f"{self.new} of this manifest is not prepared here", "prepare again")

    # The way forward

    def run(self):
        try:
            self.settings = {version: stored_settings(self.layout, version) for version in {self.old, self.new} if
                             version}
            with Heartbeat(self.lock, self.token):
                failure = self.attempt()
                # From here on nothing may stop half-way, whatever signals come.
                signal.signal(signal.SIGTERM, pass_over)
                self.journal.free_reserve()
                end = self.undo(failure) if failure else self.healthy()
        except BaseException as error:
            traceback.print_exc()
            end = self.end("failed", f"a bug in the agent: {error!r}", kind="bug", output=tail_of(self.journal.output))
        with contextlib.suppress(Failed, OSError):
            self.lock.release(self.token)
        self.journal.append(end)

    def attempt(self):
        try:
            self.forward()
        except Failed as failure:
            return failure
        except OSError as error:
            return failed_by_system(error)
        except Exception as error:  # a bug must not leave the site down either
            traceback.print_exc()
            return Failed("bug", f"a bug in the agent: {error!r}")
        return None

    def forward(self):
        self.check()
        self.allowed = True
        self.check_venvs()
        self.make_backup()
        self.hook("before-stop")
        self.reached = "stopping"
        self.stop(self.old)
        self.confirm_silence()
        self.step("switch", f"{self.old or 'nothing'} -> {self.new}")
        self.reached = "switched"
        self.switch(self.new)
        self.hook("migrate")
        self.install_host_parts(self.new)
        self.start(self.new)
        self.hook("after-start")
        self.step("probe", self.address(self.new) or "processes")
        self.probe(self.new, self.override())

    def healthy(self):
        self.hook("after-healthy", needed=False)
        end = self.end("healthy", f"{self.new} is live and healthy")
        self.remember("healthy", live=self.new)
        self.tidy()
        return end

    def check_venvs(self):
        settings = self.settings[self.new]
        if settings is None:
            raise Failed("not-prepared", f"{self.new} has no settings", "prepare again")
        if ensure_venv(self.layout, settings["venv"], self.journal.output):
            self.step("venv", "made anew: the interpreter had changed")

    def make_backup(self):
        """Before anything is touched. The new release's command counts, so that a broken one can be mended by a
        release; where it has none, the running release's."""
        if not self.old:
            return
        owner = next((v for v in (self.new, self.old) if self.table(v).get("data", {}).get("kind", "none") != "none"),
                     None)
        if not owner:
            return
        data = self.table(owner)["data"]
        ways = {"command": self.backup_by_command, "zodb": self.backup_zodb}
        if data["kind"] not in ways:
            raise Failed("newer-format", f"data of kind {data['kind']} is not known to this agent")
        name = f"{self.id}-{self.new}"
        folder = os.path.join(self.layout.backups, name)
        self.step("backup", name)
        os.makedirs(folder, 0o700)
        try:
            made = ways[data["kind"]](self.layout.release(owner), data, folder)
        except BaseException:
            shutil.rmtree(folder)
            raise
        if made:
            self.backup = name
        else:
            shutil.rmtree(folder)

    def backup_by_command(self, release, data, folder):
        env = service_env({**self.hook_env(), "HOSTOUT_BACKUP": folder})
        code, said = run(["sh", "-c", data["backup"]], release, 24 * 3600, self.journal.output, env)
        if code != 0 or not tree_size(folder):
            what = f"ended with status {code}" if code else "wrote nothing"
            raise Failed("backup", f"the backup command {what}", None, last_lines(said))
        return True

    def backup_zodb(self, release, data, folder):
        """A file storage grows at its end only, so that what is there now is whole but for a last transaction that is
        being written, which ZODB cuts off when it opens the copy. Its blobs are written before it and never change:
        they come after it, as hard links. A site that has no data yet has no backup."""
        made = False
        for path in data.get("storages", []):
            if os.path.isfile(os.path.join(release, path)):
                copy_beginning(os.path.join(release, path), os.path.join(folder, *below(path.lstrip("/"))))
                made = True
        for path in data.get("blobs", []):
            if made and os.path.isdir(os.path.join(release, path)):
                link_tree(os.path.join(release, path), os.path.join(folder, *below(path.lstrip("/"))))
        sync_folder(folder)
        return made

    def stop(self, version):
        if version:
            self.step("stop", version)
            self.services(version).stop()

    def start(self, version):
        self.step("start", version)
        self.services(version).start()

    def confirm_silence(self):
        """Whoever still answers would be taken for the new release."""
        for version in (self.old, self.new):
            kind = self.table(version).get("services", {}).get("kind", "none") if version else "none"
            address = self.address(version)
            if kind != "none" and address and not wait_until(lambda a=address: silent(a), 10, 0.25):
                raise Failed("stop", f"{redact(address)} still answers after the services were stopped",
                             "find out who else serves it")

    def switch(self, version):
        """`mv -T`: one rename, read back."""
        self.lock.refresh(self.token)
        link_now(self.layout, version)

    def install_host_parts(self, version):
        """Parts that act outside the release, installed through `current`; what they did is remembered for all
        releases together, so that the next one can take it back."""
        settings = self.settings[version]
        parts = settings["buildout"].get("host-parts") or []
        if not parts:
            return
        self.step("host-parts", " ".join(parts))
        with scratch(self.layout, "home") as home:
            release = self.layout.release(version)
            argv = buildout_argv(settings, release, self.layout.current,
                                 f"buildout:installed={self.layout.own('host-parts.cfg')}", "install", *parts)
            env = {**buildout_env(home, os.path.join(release, ".hostout", "dist")),
                   "HOME": os.environ.get("HOME", home)}
            code, said = run(argv, self.layout.current, 1800, self.journal.output, env)
        if code != 0:
            raise Failed("host-parts", f"buildout of {' '.join(parts)} failed with status {code}", None,
                         last_lines(said))

    def probe(self, version, address):
        allowed = self.table(version).get("health", {}).get("timeout", 60)
        if self.request.get("deadline") and self.old != version:
            allowed = min(allowed, self.request["deadline"] - (time.monotonic() - self.started))
        probe(self.services(version), address, version, max(1, allowed))

    # The way back

    def undo(self, failure):
        """Puts the old release back as far as this got, and says what is live."""
        self.undoing = True
        message, output = failure.message, failure.output
        more = {"kind": failure.kind, "output": output, "hint": failure.hint}
        if self.allowed:
            self.hook("on-failure", needed=False)
        if self.reached == "nothing" or (self.reached == "stopping" and not self.old):
            return self.end("failed-before-switch", f"{message}; nothing was changed", **more)
        if self.reached == "switched" and self.request.get("keep-unhealthy") and failure.kind == "unhealthy":
            end = self.end("unhealthy", f"{message}; kept by choice", **more)
            self.remember("unhealthy", live=self.new)
            return end
        try:
            if self.reached == "switched":
                if self.old == self.new:
                    self.remember("failed")
                    return self.end("failed", f"{message}; it is the release that was live before", **more)
                self.stop(self.new)
                self.switch_back()
            if not self.old:
                self.remember("failed", live=None)
                return self.end("failed", f"{message}; there is no earlier release, nothing is live", **more)
            if self.reached == "switched":
                self.install_host_parts(self.old)
            if self.reached == "switched" or processes_complaint(self.services(self.old).look()):
                self.start(self.old)  # else it is what wouldn't stop
            self.step("probe", self.old)
            self.probe(self.old, self.address(self.old))
        except (Failed, OSError) as second:
            second = second if isinstance(second, Failed) else failed_by_system(second)
            self.remember("failed", live=self.layout.live()[0])
            return self.end("failed", f"{message}; putting back {self.old or 'nothing'} failed too: {second.message}",
                            **{**more, "output": (output + second.output)[-OUTPUT_LINES:]})
        if self.reached == "stopping":
            return self.end("failed-before-switch", f"{message}; {self.old} was started again", **more)
        self.remember("reverted")
        return self.end("reverted", f"{message}; {self.old} was put back and is healthy", **more)

    def switch_back(self):
        self.step("switch", f"{self.new} -> {self.old or 'nothing'}")
        if self.old:
            link_now(self.layout, self.old)
        elif self.layout.live()[0] == self.new:
            os.unlink(self.layout.current)

    # What both need

    def table(self, version):
        return (self.settings.get(version) or {}).get("buildout", {})

    def services(self, version):
        return services_of(self.layout.release(version), self.settings.get(version), self.journal.output)

    def address(self, version):
        return self.table(version).get("health", {}).get("http") if version else None

    def override(self):
        """The address to ask for the new release; the request may name another, or none."""
        asked = self.request.get("health")
        return self.address(self.new) if asked is None else None if asked == "none" else asked

    def step(self, step, detail=""):
        self.journal.note({"event": "step", "step": step, "detail": redact(detail)})
        if not self.undoing:  # on the way back a lost lock must not leave the site down
            self.lock.refresh(self.token, step)

    def hook_env(self):
        return {"HOSTOUT_RELEASE": self.new, "HOSTOUT_STAGE": str(self.request.get("stage") or ""),
                "HOSTOUT_ID": self.id, "HOSTOUT_PATH": self.layout.path}

    def hook(self, name, needed=True):
        hook = self.table(self.new).get("hooks", {}).get(name)
        if not hook:
            return
        self.journal.note({"event": "step", "step": name, "detail": hook["argv"][0]})
        code, said = run(hook["argv"], self.layout.release(self.new), hook["timeout"], self.journal.output,
                         service_env(self.hook_env()))
        if code != 0 and needed:
            raise Failed("hook", f"the hook {name} ended with status {code}", None, last_lines(said))
        if code != 0:
            self.warn(f"the hook {name} ended with status {code}")

    def warn(self, message):
        self.journal.note({"event": "warning", "message": redact(message)})

    def remember(self, result, live=...):
        """The host's record: what is live here and how it came about. Failing to write it undoes nothing."""
        record = read_json(self.layout.record) or {"format": FORMAT, "release": None, "history": []}
        history = [*record.get("history", []), {"release": self.new, "id": self.id, "time": now(), "result": result}]
        if live is not ...:
            settled = result in ("healthy", "unhealthy")
            record.update({
                "release": live, "manifest": (complete(self.layout, live) or {}).get("manifest") if live else None,
                "id": self.id if settled else record.get("id"),
                "serial": self.request.get("serial") if settled else record.get("serial"),
                "time": now(), "stage": self.request.get("stage"), "from": self.old, "healthy": result == "healthy"})
        record.update({"format": FORMAT, "history": history[-50:]})
        try:
            write_json(self.layout.record, record)
        except OSError as error:
            self.warn(f"the record could not be written: {error.strerror}")

    def tidy(self):
        try:
            self.journal.note({"event": "step", "step": "prune", "detail": ""})
            Prune(self.layout, self.request.get("keep") or 5).run()
            self.prune_backups(self.table(self.new).get("data", {}).get("keep", 3))
        except (Failed, OSError) as error:
            self.warn(f"old releases could not be removed: {error}")

    def prune_backups(self, keep):
        """Backups of deployments that the record knows, the newest `keep` of them stay. Others are not ours to remove."""
        order = [entry["id"] for entry in (read_json(self.layout.record) or {}).get("history", [])]
        known = [name for name in os.listdir(self.layout.backups) if name.partition("-")[0] in order]
        for name in sorted(known, key=lambda name: order.index(name.partition("-")[0]))[:-max(keep, 1)]:
            remove_tree(self.layout, os.path.join(self.layout.backups, name))

    def end(self, result, message, **more):
        current = self.layout.live()[0]
        ok = result in ("healthy", "unhealthy")
        return {"event": "end", "end": "ok" if ok else "failed", "result": result, "id": self.id, "from": self.old,
                "to": self.new, "current": current, "backup": self.backup, "output": [], **more,
                "message": redact(message)}


def link_now(layout, version):
    """Points `current` at a release by one rename, and reads it back."""
    following = layout.at(f"current.next.{secrets.token_hex(4)}")
    os.symlink(os.path.join("releases", version), following)
    try:
        os.replace(following, layout.current)
    except OSError:
        os.unlink(following)
        raise
    sync_folder(layout.path)
    if layout.live()[0] != version:
        raise Failed("switch", f"current names {layout.live()[2]} after it was switched to {version}")


def failed_by_system(error):
    """An operating system's no as an answer; a full disk is told apart."""
    place = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Failed("disk-full" if full else "io", f"{place}{error.strerror or error}",
                  "make room, or remove old releases (git hostout prune)" if full else None)


def detach(activation):
    """Starts the job in a session of its own (double fork) and returns at once."""
    journal, layout = activation.journal, activation.layout
    os.makedirs(journal.folder, 0o700)
    write_json(os.path.join(journal.folder, "request.json"),
               {key: value for key, value in activation.request.items() if key != "token"}, 0o600)
    write_whole(os.path.join(journal.folder, "entry.toml"), (activation.request.get("entry") or "").encode(), 0o600)
    write_whole(os.path.join(journal.folder, "entry.toml.sig"), (activation.request.get("signature") or "").encode(),
                0o600)
    write_json(os.path.join(layout.jobs, "last"), {"id": activation.id})
    journal.keep_reserve()
    held = journal.hold()  # taken before the fork, so that a follower never finds the job dead before it lives
    child = os.fork()
    if child:
        os.close(held)
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGHUP, pass_over)
        signal.signal(signal.SIGINT, pass_over)
        signal.signal(signal.SIGTERM, asked_to_end)
        nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(journal.output, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.lseek(output, 0, os.SEEK_END)
        os.chdir("/")
        activation.run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def pass_over(*_):
    """Instead of SIG_IGN, which services would inherit over exec: they'd never stop on SIGTERM."""


def asked_to_end(*_):
    """The machine goes down: put the old release back while there is time, once."""
    signal.signal(signal.SIGTERM, pass_over)
    raise Failed("stopped", "the job was asked to end")


# prune -----------------------------------------------------------------------------------------------------------


class Prune:
    """Removes releases beyond `keep`, then what no remaining release names. Order comes from the record, never from
    a listing or a time stamp; what is live and what was healthy before it always stays."""

    def __init__(self, layout, keep, dry_run=False, grace=86400):
        self.layout, self.keep, self.dry_run, self.grace = layout, max(1, int(keep)), dry_run, grace
        self.removed, self.bytes = [], 0

    def run(self):
        kept = self.releases()
        settings = [stored_settings(self.layout, version) or {} for version in kept]
        if any("wheels" not in each for each in settings):
            return self.answer(kept)  # what one can't read may need anything
        objects = {wheel["sha256"] for each in settings for wheel in each["wheels"]}
        for name in self.listed(self.layout.eggs):
            if name not in objects:
                self.remove("egg", name, os.path.join(self.layout.eggs, name))
        venvs = {each["venv"]["path"] for each in settings}
        for name in self.listed(self.layout.venvs):
            if os.path.join(self.layout.venvs, name) not in venvs:
                self.remove("venv", name, os.path.join(self.layout.venvs, name))
        self.objects(objects | {each["tarball"] for each in settings})
        self.traces()
        return self.answer(kept)

    def answer(self, kept):
        return {"end": "ok", "removed": self.removed, "kept": kept, "bytes": self.bytes}

    @staticmethod
    def listed(folder):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def releases(self):
        there, record = self.listed(self.layout.releases), read_json(self.layout.record)
        if not record:
            return there  # without a record there is no order to go by
        history = record.get("history", [])
        current = self.layout.live()[0]
        healthy = [entry["release"] for entry in reversed(history) if entry["result"] == "healthy"]
        previous = next((version for version in healthy if version != current), None)
        order = [current, previous, *(entry["release"] for entry in reversed(history))]
        ranked = [version for version in dict.fromkeys(order) if version in there]
        fixed = [version for version in (current, previous) if version in there]
        kept = ranked[:max(self.keep, len(fixed))]
        for version in there:
            if version not in kept:
                self.remove("release", version, self.layout.release(version))
        return kept

    def objects(self, wanted):
        """What was sent but not prepared yet stays for a while: another client may be about to use it."""
        for folder in self.listed(self.layout.store):
            for name in self.listed(os.path.join(self.layout.store, folder)):
                path = os.path.join(self.layout.store, folder, name)
                age = time.time() - os.lstat(path).st_mtime
                if folder + name not in wanted and age >= self.grace:
                    self.remove("artifact", folder + name, path)

    def traces(self):
        """Jobs and logs that the record has forgotten, and what a crash left in the scratch folder."""
        history = (read_json(self.layout.record) or {}).get("history", [])
        known = {entry["id"] for entry in history} | {last_job(self.layout)}
        for name in self.listed(self.layout.jobs):
            if name != "last" and name not in known and not Journal(self.layout, name).running():
                self.remove("job", name, self.layout.job(name))
        for name in self.listed(self.layout.logs):
            if name.rpartition("-")[0] not in known:
                self.remove("log", name, os.path.join(self.layout.logs, name))
        for name in self.listed(self.layout.tmp):
            self.remove("scratch", name, os.path.join(self.layout.tmp, name))

    def remove(self, kind, name, path):
        self.removed.append({"kind": kind, "name": name})
        self.bytes += tree_size(path) if os.path.isdir(path) else os.lstat(path).st_size
        if not self.dry_run:
            remove_tree(self.layout, path)


# status ----------------------------------------------------------------------------------------------------------


def status(layout, request):
    """What is here. Reads only; must work where nothing exists."""
    state, reason = layout.state()
    version, link_state, link_target = layout.live()
    looks, healthy = running_now(layout, version)
    job = last_job(layout) if state == "ours" else None
    return {
        "end": "ok", "format": FORMAT, "agent": AGENT_VERSION, "installed": installed(layout), "path": layout.path,
        "path-state": state, "reason": reason, "python": python_facts(), "target": target(), "user": user(),
        "hostname": socket.gethostname(), "disk": disk(layout.path),
        "current": {"release": version, "state": link_state, "target": link_target},
        "record": read_json(layout.record), "releases": releases(layout), "lock": Lock(layout).shown(),
        "services": looks, "healthy": healthy,
        "shared": {"files": {name: os.path.isfile(os.path.join(layout.shared, *below(name)))
                             for name in request.get("shared-files", [])}},
        "missing": missing(layout, request.get("sha256", [])),
        "job": {"id": job, **Journal(layout, job).state()} if job else None,
    }


def installed(layout):
    try:
        return sha256_of(layout.own("agent"))
    except OSError:
        return None


def running_now(layout, version):
    """The live release's processes and whether it is healthy, by its own settings; (…, None) when nothing is live."""
    settings = stored_settings(layout, version) if version else None
    if not settings:
        return [], None
    looks = services_of(layout.release(version), settings).look()
    address = settings["buildout"].get("health", {}).get("http")
    healthy = processes_complaint(looks) is None and (not address or http_complaint(address, version) is None)
    return looks, healthy


def releases(layout):
    found = []
    for version in Prune.listed(layout.releases):
        marker = complete(layout, version)
        found.append({"version": version, "complete": marker is not None, "manifest": (marker or {}).get("manifest")})
    return found


def disk(path):
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    facts = os.statvfs(path)
    return {"free": facts.f_bavail * facts.f_frsize, "inodes": facts.f_favail}


# verbs -----------------------------------------------------------------------------------------------------------


def read_request(stream):
    data = stream.read(MAX_REQUEST + 1)
    if len(data) > MAX_REQUEST:
        raise Failed("bad-request", "the request is too long")
    try:
        request = json.loads(data) if data.strip() else {"format": FORMAT}
    except ValueError as error:
        raise Failed("bad-request", f"the request is not JSON: {error}") from error
    if not isinstance(request, dict) or not isinstance(request.get("format"), int):
        raise Failed("bad-request", "the request has no format")
    if request["format"] > FORMAT:
        raise Failed("newer-format", f"the request is of format {request['format']}; this agent ({AGENT_VERSION}) knows"
                     f" up to {FORMAT}", "install the newer agent first")
    return request


def verb_status(layout, _arg, stream, _answers):
    return status(layout, read_request(stream))


def verb_install(layout, _arg, stream, _answers):
    """Puts this very program at `.hostout/agent`; only when it came by stdin."""
    read_request(stream)
    source = globals().get("SOURCE")
    if not source:
        raise Failed("bad-request", "install works only when the agent is fed on stdin")
    layout.make()
    write_whole(layout.own("agent"), source, 0o755)
    return {"end": "ok", "agent": AGENT_VERSION, "installed": installed(layout)}


def verb_have(layout, _arg, stream, _answers):
    return {"end": "ok", "missing": missing(layout, read_request(stream).get("sha256", []))}


def verb_put(layout, arg, stream, answers):
    layout.make()
    if arg:
        return {"end": "ok", "stored": 1, "bytes": put_one(layout, arg, stream)}
    count, size = put_many(layout, stream, answers)
    return {"end": "ok", "stored": count, "bytes": size}


def verb_prepare(layout, _arg, stream, answers):
    return Prepare(layout, read_request(stream), answers).run()


def verb_activate(layout, _arg, stream, answers):
    activation = Activation(layout, read_request(stream))
    if not os.path.exists(activation.journal.folder):  # else a client that comes again just follows
        activation.check()
        detach(activation)
    return follow(layout, activation.journal, answers)


def verb_journal(layout, arg, stream, answers):
    request = read_request(stream)
    name = arg or last_job(layout)
    if not name or not os.path.isdir(layout.job(checked(IDENTIFIER, name, "deployment id"))):
        raise Failed("unknown-job", f"there is no job {name}" if name else "no job has run here")
    return follow(layout, Journal(layout, name), answers, request.get("wait", True))


def verb_prune(layout, _arg, stream, answers):
    request = read_request(stream)
    dry_run = bool(request.get("dry-run"))
    work = Prune(layout, request.get("keep", 5), dry_run, request.get("grace", 86400))
    if dry_run:
        return work.run()
    lock = Lock(layout)
    token = lock.take(request.get("lock"), "prune")
    try:
        with Heartbeat(lock, token, answers):
            return work.run()
    finally:
        lock.release(token)


def verb_unlock(layout, _arg, stream, _answers):
    request, lock = read_request(stream), Lock(layout)
    if layout.state()[0] != "ours":
        return {"end": "ok", "unlocked": False}
    if "dead" in request:
        released = lock.end_dead(request["dead"])
    else:
        released = lock.break_expired() if request.get("force") else lock.release(request.get("token"))
    return {"end": "ok", "unlocked": released}


VERBS = {"status": verb_status, "install": verb_install, "have": verb_have, "put": verb_put, "prepare": verb_prepare,
         "activate": verb_activate, "journal": verb_journal, "prune": verb_prune, "unlock": verb_unlock}


# main ------------------------------------------------------------------------------------------------------------


def answer(arguments, stream, answers):
    """Runs one verb; whatever happens becomes the last line."""
    try:
        layout = Layout(arguments.path)
        return VERBS[arguments.verb](layout, arguments.arg, stream, answers)
    except Failed as failure:
        return failure.answer()
    except OSError as error:
        return failed_by_system(error).answer()
    except Exception as error:  # the end marker must come: without it the client can't tell a bug from a lost line
        traceback.print_exc()
        return Failed("bug", f"a bug in the agent: {error!r}").answer()


def main():
    os.umask(0o022)
    parser = argparse.ArgumentParser(prog="agent", description="git-hostout's agent on a host")
    parser.add_argument("--path", required=True)
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("arg", nargs="?")
    arguments = parser.parse_args()
    answers = Answers(sys.stdout.buffer)
    last = answer(arguments, sys.stdin.buffer, answers)
    answers.line(last)
    return 0 if last["end"] == "ok" else 3


if __name__ == "__main__":
    sys.exit(main())
