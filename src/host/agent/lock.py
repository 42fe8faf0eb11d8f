"""Who may change the host, by token and lease."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import threading
import time

PREPARE_SECONDS = 2 * 3600  # that a preparation may take
WORK_SECONDS = 20  # that work of a client who is gone may take to notice it and to clean up


class Lock:
    """The folder `.hostout/lock`: its owner's while the lease runs, or while a process of theirs works here.

    Every look and change happens under a flock on a file beside it, so that two who find an expired lock can't both
    take it. Time is counted from the host's start, and kept beside the name of that start: a clock that is wrong or
    steps neither ends a lease nor makes it last, and no lease outlives a restart. The token fences: whoever lost the
    lock notices before the next step that changes something. Work holds a second flock (`Heartbeat`), so that nobody
    joins a worker who was frozen for longer than the lease, between the look at its token and the change.

    Uploads take no lock: what they write is named by its hash, and is there or not.
    """

    def __init__(self, layout):
        self.layout = layout

    @contextlib.contextmanager
    def guarded(self):
        handle = os.open(self.layout.guard, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.layout.refuse_newer()
            yield
        finally:
            os.close(handle)

    def owner(self):
        if not os.path.isdir(self.layout.lock):
            return None
        return {"token": None, "by": "someone whose name was not written", **(read_json(self.layout.lock_owner) or {})}

    def free(self, owner):
        """Whether another than `owner` may take it."""
        return owner is None or (seconds_left(owner) <= 0 and not flock_is_held(self.layout.work))

    def shown(self, owner=None):
        """The owner without the token, for status and for those who are refused."""
        owner = owner or self.owner()
        if owner is None:
            return None
        facts = {key: value for key, value in owner.items() if key not in ("format", "token", "boot", "until")}
        return {**facts, "expired": self.free(owner), "left": round(seconds_left(owner))}

    def take(self, wanted, step, answers=None, over=None, room=None):
        """Takes the lock for `wanted`; whom it was taken over from is said as a warning. One whose token has the sha256
        `over` is known to be left by the dead. `room` is a file whose place it may take on a full disk."""
        if not isinstance(wanted, dict) or not wanted.get("token"):
            raise Failed("bad-request", "the request names no lock token")
        with self.guarded():
            if self.given_back() == hash_of(wanted["token"]):
                raise Failed("lock-lost", "the lock was given back before the work began", "start again")
            owner = self.owner()
            ours = owner is not None and owner["token"] == wanted["token"]
            left = owner is not None and hash_of(owner["token"]) == over
            if not ours and not left and not self.free(owner):
                raise self.held()
            os.makedirs(self.layout.lock, 0o755, exist_ok=True)
            told = {key: str(wanted.get(key) or "") for key in ("by", "from", "machine", "plan")}
            self.write({**told, "token": wanted["token"], "pid": wanted.get("pid"), "own": bool(wanted.get("own")),
                        "since": owner.get("since") if ours else now(), "lease": float(wanted.get("lease", 120))}, step, room)
        if owner and not ours and answers:
            answers.warning(f"took over the lock of {words_of(owner)}, whose lease was over")
        return wanted["token"]

    def write(self, owner, step=None, room=None):
        until = time.monotonic() + owner.get("lease", 120)
        write_json(self.layout.lock_owner, {**owner, "format": FORMAT, "step": step or owner.get("step"), "boot": boot(),
                                            "until": until}, 0o600, room)

    def held(self):
        owner = self.shown() or {}
        return Failed("locked", f"locked by {words_of(owner)}", "wait for them", lock=owner)

    def refresh(self, token, step=None):
        """Extends the lease of `token`'s lock; Failed when it is no longer theirs."""
        with self.guarded():
            owner = self.owner()
            if owner is None:
                raise Failed("lock-lost", "the lock is no longer held", "start again")
            if owner["token"] != token:
                raise self.held()
            self.write(owner, step)

    def end(self, may):
        """Ends the lock if `may` says so of its owner, whom it gives; None where nobody holds it."""
        with self.guarded():
            owner = self.owner()
            if owner is not None:
                if not may(owner):
                    raise self.held()
                shutil.rmtree(self.layout.lock)
        return owner

    def release(self, token):
        return self.end(lambda owner: owner["token"] == token)

    def give_back(self, token):
        """`release` by the client itself, which wants nothing more here: also of what it has begun and what is slower
        than this to come."""
        with self.guarded(), contextlib.suppress(OSError):  # on a full disk it goes without
            write_whole(self.layout.own("lock.given-back"), hash_of(token).encode(), 0o600)
        return self.release(token)

    def given_back(self):
        with contextlib.suppress(OSError), open(self.layout.own("lock.given-back"), encoding="ascii") as file:
            return file.read()
        return None

    def end_dead(self, dead, answers, wanted=True):
        """Ends the lock of a client that is gone, as another one on its own machine has seen. Its work here goes on to
        its end, and is waited for: what it prepares is then there, and is ended instead where it is not `wanted`."""
        def same(owner):
            return all(owner.get(key) == dead.get(key) for key in ("from", "machine", "pid"))

        def is_dead(owner):
            return same(owner) and not flock_is_held(self.layout.work)

        if not isinstance(dead, dict):
            raise Failed("bad-request", "the request names no process")
        owner = self.owner()
        if owner and same(owner):
            if not wanted:
                end_preparation(self.layout, owner["token"])
            wait_until(lambda: answers.alive() or answers.gone or not flock_is_held(self.layout.work),
                       PREPARE_SECONDS if owner.get("step") == "prepare" else WORK_SECONDS)
        return self.end(is_dead)

    def end_expired(self, why):
        """Ends a lock whose lease is over, and keeps on the host who ended it and why."""
        def note(owner):
            if not self.free(owner):
                return False
            line = {"time": now(), "by": str(why.get("by") or ""), "reason": str(why.get("reason") or ""),
                    "lock": self.shown(owner)}
            with open(self.layout.unlocked, "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            return True

        if not isinstance(why, dict):
            raise Failed("bad-request", "the request doesn't say who ends the lock, and why")
        return self.end(note)


def of_the_host(plan):
    """A lock that no client asks for."""
    return {"token": secrets.token_hex(16), "by": "the host itself", "from": socket.gethostname(), "pid": os.getpid(),
            "plan": plan, "own": True}


def boot():
    """The name of the host's start."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def seconds_left(owner):
    """Of the lease; an owner from before the host's start has none."""
    return owner.get("until", 0) - time.monotonic() if owner.get("boot") == boot() else 0


def hash_of(token):
    return hashlib.sha256(str(token).encode()).hexdigest()


def words_of(owner):
    return f"{owner.get('by')} from {owner.get('from')} since {owner.get('since')} ({owner.get('step')})"


class Heartbeat:
    """Work under the lock: it refreshes the lease, and says on stdout that the work goes on."""

    def __init__(self, lock, token, answers=None):
        self.lock, self.token, self.answers, self.work = lock, token, answers, None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def __enter__(self):
        # Of a predecessor, who lost the lock: it ends at its next look at the token.
        if not wait_until(lambda: not flock_is_held(self.lock.layout.work), WORK_SECONDS):
            raise self.lock.held()
        self.work = flock_of(self.lock.layout.work)
        try:
            with contextlib.suppress(OSError):  # a full disk, which is for the work itself to meet
                self.lock.refresh(self.token)
            self.thread.start()
        except BaseException:
            os.close(self.work)
            raise
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        os.close(self.work)

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
