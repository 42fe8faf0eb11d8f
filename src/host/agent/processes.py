"""Children with a decided environment, and nothing that they can hang."""

import codecs
import contextlib
import io
import os
import pwd
import select
import shlex
import signal
import stat
import subprocess
import tempfile
import threading
import time

LONGEST = 7 * 24 * 3600  # seconds that anything is waited for: a kernel counts milliseconds in 31 bits
TIMED_OUT = -1000  # instead of an exit status, which is a negated signal's number at the lowest
KEPT = 1 << 20  # of what a command says, in bytes: the end of it, however much that is
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def service_env(more=None):
    """What services and hooks see: the login user's, and nothing of the connection that started the job."""
    kept = {key: os.environ[key] for key in ("HOME", "USER", "LOGNAME", "TZ") if key in os.environ}
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", **kept, **(more or {})}


def as_user(name, argv, env):
    """The same command as another user, by the line of sudoers that bootstrap wrote; None = as we are."""
    if name in (None, user()):
        return argv, env
    entry = pwd.getpwnam(name)
    env = {**env, "HOME": entry.pw_dir, "USER": name, "LOGNAME": name}
    given = [f"{key}={value}" for key, value in env.items()]  # sudo hands nothing on by itself
    return ["sudo", "-n", "-u", name, "--", "/usr/bin/env", "-i", *given, *argv], env


def run(argv, cwd, timeout, log=None, env=None, user=None, keep=KEPT):
    """Runs a command to its end: (exit status, the last `keep` bytes of its output; all of it for None). Output goes to
    a file, so that a daemon that keeps it open can't hang us. What stays in a log is clean text."""
    argv, env = as_user(user, argv, service_env() if env is None else env)
    with open(log, "ab+") if log else nameless() as file:
        start = file.seek(0, io.SEEK_END)
        try:
            code, note = ended(argv, cwd, timeout, file, env, user)
            file.seek(start if keep is None else max(start, file.seek(0, io.SEEK_END) - keep))
            said = note or file.read()
            if log and code == TIMED_OUT:
                with contextlib.suppress(OSError):  # a full disk
                    file.write(b"\nkilled after %g s\n" % timeout)
                    file.flush()
        finally:
            if log:
                clean_from(log, start)
        return code, said


def run_aside(argv, cwd, timeout, env):
    """The same without any file, for what may fill the disk and tell of that, or say very much: what is kept of it is
    read while it runs."""
    kept, (ours, its) = bytearray(), os.pipe()

    def listen():
        with open(ours, "rb", buffering=0) as stream:
            for block in iter(lambda: stream.read(1 << 16), b""):
                kept.extend(block)
                del kept[:-KEPT]

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        code, note = ended(argv, cwd, timeout, its, env, None)
    finally:
        os.close(its)
    listener.join(1)  # longer takes only a daemon that keeps it open, which is read on
    return code, note or bytes(kept)


def ended(argv, cwd, timeout, output, env, user):
    """Runs a command to its end: its exit status, and why it didn't begin. stdin is closed; after `timeout` seconds its
    whole process group is killed (TIMED_OUT)."""
    try:
        child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                 env=env, start_new_session=True)
    except (OSError, ValueError) as error:  # a word that no kernel takes
        return 127, f"{argv[0]}: {getattr(error, 'strerror', error)}".encode()
    try:
        return wait(child, timeout), None
    except BaseException as error:
        below = descendants(child.pid) if user else {}
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        for pid in below:  # sudo's, who can't be killed by us, ends with what it started
            send(pid, signal.SIGKILL)
        child.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return TIMED_OUT, None


def nameless():
    """A file that is gone when it is closed, in memory where that can be: a disk may be full."""
    try:
        return os.fdopen(os.memfd_create("output"), "wb+")
    except (AttributeError, OSError):  # no Linux of 2014
        return tempfile.TemporaryFile()


def named(argv):
    """A command as one would type it, in one line."""
    words = " ".join(map(shlex.quote, argv))
    return brief("".join(c if c.isprintable() else repr(c)[1:-1] for c in words))


def add_to_log(log, said):
    """What was said elsewhere, as clean text; a full disk goes without."""
    with contextlib.suppress(OSError), open(log, "ab") as file:
        file.write("".join(f"{line}\n" for line in clean_lines(said)).encode())


def clean_from(log, start):
    """Replaces what a log holds from `start` on by clean text: people read it on their terminal. A block at a time and in
    its own place: it may be long, and the disk full."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with contextlib.suppress(OSError), open(log, "rb+", buffering=0) as file:
        handle, taken, place, rest, ahead, same = file.fileno(), start, start, "", b"", True
        while True:
            block = os.pread(handle, KEPT, taken)
            taken += len(block)
            whole, rest = parted(rest + decoder.decode(block, not block), not block)
            if len(ahead) > KEPT:
                whole = whole.replace("\ufffd", "?")  # of each byte that is no text it makes three, and place is for one
            ahead += clean_text(whole).encode()
            now, ahead = ahead[:taken - place], ahead[taken - place:]
            if os.pread(handle, len(now), place) != now:
                same = False
                os.pwrite(handle, now, place)
            place += len(now)
            if not block:
                break
        if ahead or not same:  # else that the last line has no end is no fault
            os.ftruncate(handle, place)
            end = place + os.pwrite(handle, ahead, place)
            if end > start and os.pread(handle, 1, end - 1) != b"\n":
                os.pwrite(handle, b"\n", end)


def parted(text, last):
    """The lines of some text that are whole, and the rest, unless nothing follows. A long line is parted at a blank, and
    a long word in front of an address: there is no password that goes on behind it."""
    at = len(text) if last else text.rfind("\n") + 1
    if not at and len(text) > KEPT:
        at = max(text.rfind(" "), text.rfind("\t")) + 1 or max(0, text.rfind("://") - 40) or len(text)
    return text[:at], text[at:]


def clean_text(text):
    """The same lines, clean, each ended by a line break but for one that is only begun."""
    if not text.replace("\n", "").isprintable():
        lines = text.splitlines()
        begun = text.endswith(lines[-1]) and lines[-1]
        text = "\n".join(map(printable, lines)) + "\n" * (not begun)
    return redact(text)  # which looks no further than a line either


def wait(child, timeout):
    """As `child.wait`, which looks again and again where it has a timeout: the kernel tells at once."""
    timeout = min(timeout, LONGEST)
    try:
        handle = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # no Linux of 2019
        return child.wait(timeout)
    try:
        end = select.poll()
        end.register(handle, select.POLLIN)
        if not end.poll(timeout * 1000):
            raise subprocess.TimeoutExpired(child.args, timeout)
    finally:
        os.close(handle)
    return child.wait()


def sync_tree(folder):
    """Everything that was written to the file system of `folder`. Others may have written much to other ones."""
    code, _ = run(["sync", "--file-system", folder], "/", 3600)
    if code != 0:  # it is no sync of coreutils
        os.sync()


def ending(code, timeout):
    """How a command ended that didn't end well, as the end of a sentence."""
    if code == TIMED_OUT:
        return f"did not end within {timeout:g} s and was killed"
    return f"ended with status {code}" if code >= 0 else f"was ended by signal {-code}"


def alive(pid, name):
    """Whether process `pid` runs and is still a `name`: numbers are used again. The dead have no command line."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read()
    except OSError:
        return False
    return bool(words) and name.encode() in words


def exists(pid):
    """Whether there is a process with this number, whoever's it is; kill(2)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def born(pid):
    """The parent of a process and when it was started, by which it is told from another with its number; proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None, None
    return (int(fields[1]), int(fields[19])) if fields and fields[0] not in (b"Z", b"X") else (None, None)


def descendants(pid):
    """The processes below `pid`: {number: when it was started}."""
    everyone = {int(name): born(name) for name in os.listdir("/proc") if name.isdigit()}
    found, parents = {}, {pid}
    while parents:
        parents = {child for child, (parent, _) in everyone.items() if parent in parents}
        found.update({child: everyone[child][1] for child in parents})
    return found


def writers_of(device, inode):
    """The processes that have a file open to write to it: a shell keeps its standard output elsewhere while a command's
    goes to another file. Other users' can't be asked."""
    def writes(handle):
        with contextlib.suppress(OSError):
            facts = os.stat(handle)
            return (facts.st_dev, facts.st_ino) == (device, inode) and bool(os.lstat(handle).st_mode & stat.S_IWUSR)
        return False

    def handles(pid):
        with contextlib.suppress(OSError):
            return [f"/proc/{pid}/fd/{number}" for number in os.listdir(f"/proc/{pid}/fd")]
        return []

    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and any(map(writes, handles(pid)))]


def send(pid, sign):
    """Signals a process, by sudo where it is the runtime user's. One that has gone is as good."""
    try:
        os.kill(pid, sign)
    except PermissionError:
        with contextlib.suppress(OSError, KeyError, subprocess.SubprocessError):
            owner = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
            argv, env = as_user(owner, ["kill", f"-{int(sign)}", str(pid)], service_env())
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=10, check=False)
    except OSError:
        pass


def wait_until(condition, seconds, pause=0.1):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True


def end_process(pid, name, patience):
    """Waits for a process to go, then asks it, then kills it. True when it has gone."""
    gone = lambda: not alive(pid, name)  # noqa: E731
    if wait_until(gone, patience):
        return True
    for sign in (signal.SIGTERM, signal.SIGKILL):
        send(pid, sign)
        if wait_until(gone, patience if sign == signal.SIGTERM else 5):
            return True
    return False


def end_orphans(processes, patience=5):
    """Waits for what is left of `descendants` to go, then kills it. True when it has gone."""
    left = lambda: [pid for pid, start in processes.items() if born(pid)[1] == start]  # noqa: E731
    if wait_until(lambda: not left(), patience):
        return True
    for pid in left():
        send(pid, signal.SIGKILL)
    return wait_until(lambda: not left(), 5)
