"""A preparation is a job: it outlives its client, is waited for, and ends when it is not wanted any more. Needs the
package registry once."""

import json
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

RECIPE = """import os, time
class Recipe:
    def __init__(self, *arguments):
        pass
    def install(self):
        with open("{count}", "a") as file:
            file.write("x")
        while not os.path.exists("{go}"):
            time.sleep(0.05)
        return []
"""
TABLES = """parts = ["app"]
[buildout.services]
kind = "none"
[buildout.health]
[buildout.data]
kind = "none"
[buildout.shared]
paths = []
files = []
"""
WHO = {"from": "laptop", "machine": "m", "pid": 7}


class NetworkPreparation(unittest.TestCase):
    def setUp(self):
        self.host = support.Host("job")
        self.addCleanup(self.host.remove)
        self.host.ask("install")
        self.count, self.go = (os.path.join(self.host.root, name) for name in ("count", "go"))
        code = RECIPE.format(count=self.count, go=self.go)
        entry = {"slow-1.0.dist-info/entry_points.txt": "[zc.buildout]\ndefault = slow:Recipe\n", "slow.py": code}
        egg = "slow-1.0-py3-none-any.whl", support.make_wheel("slow", "1.0", entry)
        versions = "".join(" = ".join(pin.split("==")) + "\n" for pin in support.PINS["6"])
        config = f"[buildout]\nparts = app\n[app]\nrecipe = slow\n[versions]\nslow = 1.0\n{versions}"
        self.release = support.Release("1.0.0", egg, support.wheelhouse("6"), {"hostout.cfg": config}, TABLES)
        self.release.manifest = self.release.manifest.replace('name = "hello"', 'name = "slow"')
        self.release.digest = support.sha256(self.release.manifest.encode())
        self.host.send(self.release)

    def started(self, name):
        """Killed in the middle."""
        lock = {"token": "t1", "by": "Ann", "lease": 60, **WHO}
        request = {"format": 1, "manifest": self.release.manifest, "manifest-sha256": self.release.digest,
                   "signature": "", "buildout": "default", "stage": "demo", "id": name, "version": "1.0.0",
                   "keep-lock": True, "lock": lock}
        argv = [sys.executable, "-I", self.host.at(".hostout", "agent"), "--path", self.host.path, "prepare"]
        client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        client.stdin.write(json.dumps(request).encode())
        client.stdin.close()
        end = time.monotonic() + 120
        while not os.path.exists(self.count) and time.monotonic() < end:
            time.sleep(0.05)
        client.kill()
        client.wait()

    def times(self):
        with open(self.count, encoding="ascii") as file:
            return len(file.read())

    def test_it_outlives_its_client_and_is_not_done_twice(self):
        self.started("a1")
        seen = self.host.ask("status")
        self.assertEqual(seen["lock"]["step"], "prepare")
        told = seen["preparation"]
        self.assertRegex(told.pop("since"), "^20")
        self.assertEqual(told, {"id": "a1", "release": "1.0.0", "followed": False})
        argv = [sys.executable, "-I", self.host.at(".hostout", "agent"), "--path", self.host.path, "unlock"]
        waiting = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        waiting.stdin.write(json.dumps({"format": 1, "dead": WHO}).encode())
        waiting.stdin.close()
        time.sleep(1)
        self.assertIsNone(waiting.poll(), "it waits")
        open(self.go, "w", encoding="ascii").close()
        end = json.loads(waiting.stdout.read().splitlines()[-1])
        waiting.wait()
        waiting.stdout.close()
        self.assertEqual(end["end"], "ok", end)
        seen = self.host.ask("status")
        self.assertIsNone(seen["lock"], "nobody followed it: the lock is given back")
        self.assertIsNone(seen["preparation"])
        end = self.host.prepare(self.release, "a2", "t2")
        self.assertTrue(end["reused"], end)
        self.assertEqual(self.times(), 1)
        self.assertEqual(self.host.ask("status")["lock"]["step"], "prepare", "this one is followed: the lock stays")

    def test_it_ends_when_its_owner_gives_the_lock_back(self):
        self.started("a1")
        begin = time.monotonic()
        self.assertEqual(self.host.ask("unlock", {"token": "t1"})["end"], "ok")
        self.assertLess(time.monotonic() - begin, 15)
        self.assertFalse(self.host.at("releases", "1.0.0").exists())
        self.assertIsNone(self.host.ask("status")["lock"])

    def test_it_ends_when_nobody_wants_it_any_more(self):
        self.started("a1")
        end = self.host.ask("unlock", {"dead-unwanted": {**WHO, "pid": 8}})
        self.assertEqual(end.get("kind"), "locked", "that is another one's")
        self.assertEqual(self.host.ask("status")["preparation"]["id"], "a1")
        begin = time.monotonic()
        self.assertEqual(self.host.ask("unlock", {"dead-unwanted": WHO})["end"], "ok")
        self.assertLess(time.monotonic() - begin, 15)
        self.assertFalse(self.host.at("releases", "1.0.0").exists())
        seen = self.host.ask("status")
        self.assertIsNone(seen["lock"])
        self.assertIsNone(seen["preparation"])


if __name__ == "__main__":
    unittest.main()
