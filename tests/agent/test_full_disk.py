"""A disk that is full, and that others keep full: a small file system of its own, which takes root or a user namespace."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

# What each test is begun with: a job of a host whose disk is `place`.
BEGIN = """
import contextlib, json, os, sys, threading
sys.path.insert(0, {folder!r})
import support

agent, place = support.load(), {place!r}
layout = agent.Layout(os.path.join(place, "site"))
layout.make()
journal = agent.Journal(layout, "a1")
os.mkdir(journal.folder)
journal.keep_reserves(*agent.RESERVES)

def fill():
    with open(os.path.join(place, "filling"), "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)

@contextlib.contextmanager
def kept_full():
    over = threading.Event()
    def go_on():
        while not over.wait(0.001):
            fill()
    filler = threading.Thread(target=go_on)
    fill()
    filler.start()
    try:
        yield
    finally:
        over.set()
        filler.join()
        os.unlink(os.path.join(place, "filling"))
"""

TORN = """
journal.note({"event": "step", "step": "one"})
fill()
for _ in range(60):
    journal.note({"event": "step", "step": "noise", "detail": "y" * 200})
torn = not open(journal.file, "rb").read().endswith(b"\\n")
journal.free_reserves("back")
journal.note({"event": "step", "step": "switch"})
journal.end({"event": "end", "end": "ok", "result": "healthy"})
steps = [event.get("step") for event in journal.events()[0]]
print(json.dumps({"torn": torn, "switch": steps.count("switch"), "state": journal.state()["state"]}))
"""

CUT_OFF = """
for version in ("1.0", "1.1"):
    os.makedirs(os.path.join(layout.release(version), ".hostout"))
    agent.write_json(layout.settings(version), {"format": 1, "buildout": {}})
os.symlink("releases/1.1", layout.current)
agent.write_json(os.path.join(layout.jobs, "last"), {"id": "a1"})
lock = agent.Lock(layout)
token = lock.take({"token": "t1", "by": "Ann", "from": "laptop"}, "migrate")
request = {"id": "a1", "version": "1.1", "expected": "1.0", "stage": "s", "token-sha256": agent.hash_of(token)}
agent.write_json(os.path.join(journal.folder, "request.json"), request)
journal.note({"event": "step", "step": "switch", "detail": "1.0 -> 1.1"})
open(journal.output, "w").close()
open(journal.alive_file, "w").close()
open(layout.work, "w").close()
with kept_full():
    agent.recover(layout, "a1")
    ended = agent.wait_until(journal.ended, 60)
end = journal.ended() or {}
history = (agent.read_json(layout.record) or {}).get("history", [{}])
print(json.dumps({"result": end.get("result"), "current": layout.live()[0], "record": history[-1].get("result"),
                  "owner": lock.owner()}))
"""


class FullDisk(unittest.TestCase):
    def said(self, script):
        """What a script says that has a full disk, seen by itself only."""
        host = support.Host("disk")
        self.addCleanup(host.remove)
        os.mkdir(host.path)
        text = BEGIN.format(folder=os.path.dirname(os.path.abspath(__file__)), place=host.path) + script
        mounted = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3"'
        done = subprocess.run(["unshare", "-rm" if os.getuid() else "-m", "sh", "-c", mounted, "sh", host.path,
                               sys.executable, text], capture_output=True, check=False, timeout=120)
        self.assertTrue(done.stdout, done.stderr.decode())
        return json.loads(done.stdout.splitlines()[-1])

    def test_a_line_that_it_tore_takes_no_other_with_it(self):
        self.assertEqual(self.said(TORN), {"torn": True, "switch": 1, "state": "ended"})

    def test_what_was_cut_off_is_put_right_there(self):
        self.assertEqual(self.said(CUT_OFF), {"result": "reverted", "current": "1.0", "record": "reverted", "owner": None})


if __name__ == "__main__":
    unittest.main()
