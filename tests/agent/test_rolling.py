"""Programs from one release to another, one by one, under a real supervisor. Needs the package registry once."""

import json
import os
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
import support

PROGRAMS = """programs =
    10 zeo (startsecs=1) /bin/sleep [600]
    20 web1 (startsecs=1) ${{buildout:directory}}/bin/waitress-serve [--listen=127.0.0.1:{0} hello:app]
    30 web2 (startsecs=1) ${{buildout:directory}}/bin/waitress-serve [--listen=127.0.0.1:{1} hello:app]
"""


def program(name, client, restart, was=True, present=True):
    return {"name": name, "client": client, "was": was, "is": present, "restart": restart}


ROLL = [program("supervisord", False, False), program("zeo", False, False), program("web1", True, True),
        program("web2", True, True)]


class NetworkRolling(unittest.TestCase):
    def setUp(self):
        self.host = support.Host("roll")
        self.addCleanup(self.host.remove)
        self.ports = [support.free_port(), support.free_port()]
        self.addCleanup(self.stop)

    def stop(self):
        subprocess.run([self.host.at("current", "bin", "supervisorctl"), "shutdown"], capture_output=True, check=False)

    def release(self, version, programs=PROGRAMS, egg=None, hooks=""):
        config = support.CONFIG
        head, _, tail = config.partition("programs = ")
        config = head + programs.format(*self.ports) + "[versions]" + tail.partition("[versions]")[2]
        pins = support.wheelhouse("6")
        egg = egg or support.hello(version)
        versions = [f"hello = {egg[0].split('-')[1]}", *(" = ".join(pin.split("==")) for pin in support.PINS["6"])]
        config = config.replace("{parts}", "app supervisor").replace("{versions}", "\n".join(versions))
        config = config.replace("{{", "{").replace("}}", "}")
        tables = f"""parts = ["app", "supervisor"]
[buildout.services]
kind = "supervisor"
[buildout.health]
http = "http://127.0.0.1:{self.ports[0]}/"
timeout = 15
[buildout.data]
kind = "none"
[buildout.hooks]
{hooks}
[buildout.shared]
paths = ["var"]
files = []
"""
        return support.Release(version, egg, pins, {"hostout.cfg": config, "var/README": "seeded\n"}, tables)

    def pages(self):
        pages = []
        for port in self.ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                pages.append(answer.read().decode())
        return pages

    def pids(self):
        ask = lambda word: subprocess.run([self.host.at("current", "bin", "supervisorctl"), word],  # noqa: E731
                                          capture_output=True, check=False).stdout.decode()
        rows = [line.split() for line in ask("status").splitlines()]
        return {"supervisord": ask("pid").strip(), **{row[0]: row[3].rstrip(",") for row in rows}}

    def homes(self):
        path = self.host.at(".hostout", "homes")
        return json.loads(path.read_text())["programs"] if path.exists() else {}

    def test_clients_go_one_by_one_and_the_rest_stays(self):
        first, second = self.release("0.1.0"), self.release("0.1.1")
        end = self.host.deploy(first, None, "a1")
        self.assertEqual(end["result"], "healthy", end)
        self.assertEqual(self.pages(), ["hello 0.1.0"] * 2)
        self.assertTrue(self.host.ask("status")["rolls"])
        before = self.pids()
        end = self.host.deploy(second, "0.1.0", "a2", roll=ROLL)
        self.assertEqual(end["result"], "healthy", (end, self.host.events))
        self.assertEqual(self.pages(), ["hello 0.1.1"] * 2)
        after = self.pids()
        self.assertEqual({name for name in after if before[name] != after[name]}, {"web1", "web2"})
        self.assertEqual(self.homes(), {"supervisord": "0.1.0", "zeo": "0.1.0"})
        details = [f"{event['step']} {event['detail']}" for event in self.host.events if event.get("event") == "step"]
        order = ["stop web1", "start web1 of 0.1.1", f"probe web1 127.0.0.1:{self.ports[0]}", "stop web2"]
        self.assertEqual([line for line in details if line in order], order)

        # What is no longer there, what is new, and a server that changed; supervisor follows `current`.
        third = self.release("0.1.2", PROGRAMS.replace("[600]", "[601]").replace("web2", "web3"))
        roll = [ROLL[0], program("zeo", False, True), ROLL[2], program("web3", True, True, was=False),
                program("web2", True, True, present=False)]
        roll.sort(key=lambda each: each["is"])  # its port is free first
        end = self.host.deploy(third, "0.1.1", "a3", roll=roll)
        self.assertEqual(end["result"], "healthy", (end, self.host.events))
        self.assertEqual(sorted(self.pids()), ["supervisord", "web1", "web3", "zeo"])
        self.assertEqual(self.homes(), {"supervisord": "0.1.0"})

        # Whatever runs from an old release keeps it.
        self.host.ask("prune", {"keep": 1, "grace": 0, "lock": {"token": "p", "by": "Ann", "from": "x", "pid": 1,
                                                                "lease": 60}})
        self.assertTrue(self.host.at("releases", "0.1.0", ".hostout", "complete").exists())

        # Nobody rolls: all stop and start, also those that ran from elsewhere.
        end = self.host.deploy(second, "0.1.2", "a4")
        self.assertEqual(end["result"], "healthy", (end, self.host.events))
        self.assertEqual(self.homes(), {})

    def test_one_that_fails_takes_all_back_one_by_one(self):
        self.host.deploy(self.release("0.1.0"), None, "a1")
        before = self.pids()
        broken = self.release("0.1.1", PROGRAMS.replace("{1} hello", "{1} --threads=none hello"))
        end = self.host.deploy(broken, "0.1.0", "a2", roll=ROLL)
        self.assertEqual((end["result"], end["current"]), ("reverted", "0.1.0"), (end, self.host.events))
        self.assertIn("web2 does not run after start", end["message"])
        self.assertEqual(self.pages(), ["hello 0.1.0"] * 2)
        after = self.pids()
        self.assertEqual([before["zeo"], before["supervisord"]], [after["zeo"], after["supervisord"]])

        # One that was well is taken back because another host could not follow; and goes forward again.
        good = self.release("0.1.2")
        self.assertEqual(self.host.deploy(good, "0.1.0", "a3", roll=ROLL, **{"keep-lock": True})["result"], "healthy")
        end = self.host.ask("revert", {"token": "token-a3"}, "a3")
        self.assertEqual((end["result"], self.pages()), ("reverted", ["hello 0.1.0"] * 2), end)
        self.assertEqual(self.pids()["supervisord"], before["supervisord"])

    def test_a_host_that_died_in_between_is_whole_again(self):
        self.host.ask("install")
        self.host.deploy(self.release("0.1.0"), None, "a1")
        waits = self.host.at("waits")
        hook = f'after-start = {{ argv = ["sh", "-c", "echo $HOSTOUT_PROGRAM > {waits}; sleep 60"], timeout = 90 }}'
        self.host.send(second := self.release("0.1.1", hooks=hook))
        self.host.prepare(second, "a2", "t2")
        request = {"version": "0.1.1", "manifest-sha256": second.digest, "id": "a2", "stage": "demo", "expected": "0.1.0",
                   "token": "t2", "roll": ROLL, "format": 1}
        agent = [sys.executable, "-I", self.host.at(".hostout", "agent"), "--path", self.host.path, "activate"]
        client = subprocess.Popen(agent, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        client.stdin.write(json.dumps(request).encode())
        client.stdin.close()
        end = time.monotonic() + 60
        while not waits.exists() and time.monotonic() < end:
            time.sleep(0.1)
        subprocess.run(["pkill", "-KILL", "-f", str(self.host.at(".hostout", "agent"))], check=False)
        client.wait()
        self.assertEqual(self.pages(), ["hello 0.1.1", "hello 0.1.0"])
        end = self.host.ask("recover")
        self.assertEqual(end["result"], "reverted", end)
        self.assertEqual(self.pages(), ["hello 0.1.0"] * 2)


if __name__ == "__main__":
    unittest.main()
