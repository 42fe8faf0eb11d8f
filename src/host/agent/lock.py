"""Who may change the host, by token and lease."""

import contextlib
import fcntl
import os
import shutil
import signal
import threading
import time


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
