"""What a job did, for those who were not connected."""

import contextlib
import json
import os
import time

# What room is set aside for, in bytes. Hooks, services and a restore take all that they get, so that each is kept until
# that which it is for: what the way back starts may write a little, then the record, then the journal's last line.
RESERVES = {"back": 1 << 18, "record": 1 << 16, "end": 1 << 16}
FOLLOW_SECONDS = 0.01, 0.1  # between two looks at a journal: where something happened just now, and where nothing does


def line_of(value):
    return json.dumps({**value, "time": now()}, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


class Journal:
    """`.hostout/jobs/<id>/journal`: JSON lines, appended and synced; a torn last line is no line."""

    def __init__(self, layout, name):
        self.folder = layout.job(checked(IDENTIFIER, name, "deployment id"))
        self.file, self.alive_file = os.path.join(self.folder, "journal"), os.path.join(self.folder, "alive")
        self.output = os.path.join(self.folder, "output")

    def append(self, value):
        """On a line of its own: a full disk, or a crash, may have torn the one before it."""
        with open(self.file, "ab+") as file:
            size = file.seek(0, os.SEEK_END)
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
            file.write(b"\n" * bool(torn) + line_of(value))
            file.flush()
            os.fsync(file.fileno())

    def end(self, value):
        """Appends the last line. On a full disk the journal takes the place of the room that was set aside for it: what
        is freed first, others may take."""
        try:
            self.append(value)
        except OSError:
            if not os.path.exists(self.reserve("end")):
                raise
            whole, mode = b"", 0o644
            with contextlib.suppress(FileNotFoundError), open(self.file, "rb") as file:
                whole, mode = file.read(), os.fstat(file.fileno()).st_mode & 0o777
            whole = whole[:whole.rfind(b"\n") + 1]
            write_whole(self.file, whole + line_of(value), mode, self.reserve("end"))
        self.free_reserves(*RESERVES)

    def note(self, value):
        """Appends where that is possible: a full disk must not decide what a job does."""
        with contextlib.suppress(OSError):
            self.append(value)

    def keep_reserves(self, *names):
        """Sets room aside, so that a job comes to its end on a disk that has become full."""
        for name in names:
            write_whole(self.reserve(name), bytes(RESERVES[name]), 0o600)

    def reserve(self, name):
        return os.path.join(self.folder, f"reserve.{name}")

    def free_reserves(self, *names):
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(self.reserve(name))

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
        return flock_of(self.alive_file)

    def running(self):
        return flock_is_held(self.alive_file)

    def ended(self):
        return next((event for event in reversed(self.events()[0]) if event.get("event") == "end"), None)

    def state(self):
        """`current` is what it left live, where that was its own doing."""
        end = self.ended()
        if end:
            ours = end.get("current") in (end.get("from"), end.get("to"))
            return {"state": "ended", "result": end.get("result"), "current": end.get("current") if ours else None}
        return {"state": "running" if self.running() else "died", "result": None}


def follow(layout, journal, answers, wait=True):
    """Copies a job's events to stdout until its end, and gives the end: the job itself doesn't care."""
    offset, pause = 0, FOLLOW_SECONDS[0]
    while True:
        running = journal.running()  # looked at first: what the job wrote before it ended is read below
        events, offset = journal.events(offset)
        pause = FOLLOW_SECONDS[0] if events else min(2 * pause, FOLLOW_SECONDS[1])
        for event in events:
            if event.get("event") == "end":
                return event
            answers.line(event)
        if not running or not wait or answers.gone:
            current = layout.live()[0]
            kind = "running" if running else "died"
            raise Failed(kind, "the job is still running" if running else "the job died without an end",
                         None if running else "git hostout resume puts it right", tail_of(journal.output),
                         result="unknown", current=current)
        answers.alive()
        time.sleep(pause)


def last_job(layout):
    name = (read_json(os.path.join(layout.jobs, "last")) or {}).get("id")
    return name if isinstance(name, str) and IDENTIFIER.match(name) and os.path.isdir(layout.job(name)) else None
