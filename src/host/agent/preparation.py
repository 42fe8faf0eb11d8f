"""Preparing as a job: whoever asked for it may go away, and whoever comes next waits for it instead of doing it twice."""

import contextlib
import fcntl
import os
import shutil
import signal


class Preparation(Events):
    """The job `<id>-prepare`. Its journal tells what `Prepare` says, and ends with its answer. Whoever follows it holds a
    lock on a file beside it; where nobody does at its end the host's lock is given back."""

    def __init__(self, layout, request):
        self.layout, self.request = layout, request
        name = checked(IDENTIFIER, request.get("id"), "deployment id")
        self.journal = Journal(layout, preparation_of(name))
        self.followed_file = os.path.join(self.journal.folder, "followed")

    def follow(self, answers):
        """Starts it, unless it runs, and copies what it says to its end."""
        self.layout.make()
        if not self.journal.running():
            if os.path.isdir(self.journal.folder):
                shutil.rmtree(self.journal.folder)
            os.makedirs(self.journal.folder, 0o700)
            self.journal.keep_reserves("end")
            held = self.journal.hold()
            follows = flock_of(self.followed_file)
            try:
                leave_alone(self, follows)
            finally:
                os.close(held)
        else:
            follows = os.open(self.followed_file, os.O_RDWR | os.O_CREAT, 0o600)
            with contextlib.suppress(BlockingIOError):  # another one follows already
                fcntl.flock(follows, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            return follow(self.layout, self.journal, answers)
        finally:
            os.close(follows)

    def run(self):
        try:
            token = (self.request.get("lock") or {}).get("token")
            write_json(os.path.join(self.journal.folder, "process"),
                       {"pid": os.getpid(), "token-sha256": hash_of(token), "id": self.request["id"],
                        "release": self.request.get("version"), "since": now()}, 0o600)
            end = Prepare(self.layout, self.request, self).run()
        except BaseException as error:
            end = failure_of(error, tail_of(self.journal.output)).answer()
        signal.signal(signal.SIGTERM, pass_over)
        self.journal.end({**end, "event": "end"})

    def followed(self):
        return flock_is_held(self.followed_file)

    def line(self, value):
        self.journal.note(value)


def preparation_of(name):
    """The job that prepares deployment `name`."""
    return f"{name}-prepare"


def preparations(layout):
    """Those that run: the journal of each and the process that works, where that is written already."""
    names = os.listdir(layout.jobs) if os.path.isdir(layout.jobs) else []
    for name in names:
        journal = Journal(layout, name) if name.endswith("-prepare") else None
        process = read_json(os.path.join(layout.job(name), "process")) if journal and journal.running() else None
        if process:
            yield journal, process


def preparation_shown(layout):
    """What is prepared now, for status: the deployment, its release, since when, and whether somebody waits for it."""
    for journal, process in preparations(layout):
        followed = flock_is_held(os.path.join(journal.folder, "followed"))
        return {**{key: process.get(key) for key in ("id", "release", "since")}, "followed": followed}
    return None


def end_preparation(layout, token):
    """Ends what the holder of `token` has begun and nobody wants any more; it cleans up and gives the lock back."""
    for journal, process in preparations(layout):
        if process.get("token-sha256") == hash_of(token):
            with contextlib.suppress(OSError):
                os.kill(process["pid"], signal.SIGTERM)
            wait_until(lambda: not journal.running(), WORK_SECONDS)  # noqa: B023
