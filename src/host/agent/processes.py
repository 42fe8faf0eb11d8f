"""Children with a decided environment, and nothing that they can hang."""

import contextlib
import io
import os
import signal
import subprocess
import tempfile
import time

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
