"""Services that misbehave, under the zdaemon that runs every Zope. Needs the package registry once, for its wheels."""

import os
import subprocess
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(__file__))
import support

agent = support.load()

ZDAEMON = ["zdaemon==5.2.1", "ZConfig==4.3"]
CONTROL = """#!/bin/sh
PYTHONPATH={packages} exec {python} -m zdaemon.zdctl -C {folder}/zdaemon.conf "$@"
"""
CONFIG = """<runner>
  program {folder}/program
  socket-name {folder}/socket
  directory {folder}
  transcript {folder}/log
  backoff-limit 1
  forever true
  default-to-interactive false
</runner>
"""


class NetworkZdaemon(unittest.TestCase):
    """What `bin/instance` of zope2instance does is zdaemon's doing: start, stop, status, and starting anew."""

    @classmethod
    def setUpClass(cls):
        packages = tempfile.TemporaryDirectory()
        cls.addClassCleanup(packages.cleanup)
        for wheel in support.wheelhouse("", ZDAEMON):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(packages.name)
        cls.packages = packages.name

    def setUp(self):
        host = support.Host("zope")
        self.addCleanup(host.remove)
        self.folder = host.at()
        self.folder.joinpath("bin").mkdir(parents=True)
        self.write("bin/instance", CONTROL.format(packages=self.packages, python=sys.executable, folder=self.folder))
        self.write("zdaemon.conf", CONFIG.format(folder=self.folder))
        settings = {"buildout": {"services": {"kind": "zope", "scripts": ["instance"]}}}
        self.services = agent.services_of(str(self.folder), settings)
        self.addCleanup(subprocess.run, ["pkill", "-KILL", "-f", str(self.folder)], check=False)

    def write(self, name, text):
        self.folder.joinpath(name).write_text(text)
        self.folder.joinpath(name).chmod(0o755)

    def program(self, script):
        self.write("program", f"#!/bin/sh\necho $$ > {self.folder}/pid\n{script}\n")

    def pid(self):
        return int(self.folder.joinpath("pid").read_text())

    def states(self):
        return [look["state"] for look in self.services.look()]

    def probe(self, stable):
        agent.probe(self.services, agent.Checks({}, "1", str(self.folder), {}), 60, stable)

    def test_one_that_runs_is_seen_and_stopped(self):
        self.program("exec sleep 600")
        self.assertEqual(self.states(), ["stopped"])
        self.services.start()
        self.probe(stable=1)
        self.assertEqual(self.states(), ["running"])
        self.services.stop()
        self.assertEqual(self.states(), ["stopped"])
        self.assertFalse(agent.alive(self.pid(), ""))

    def test_one_that_dies_again_and_again_is_a_crash_loop_although_start_returns_0(self):
        self.program("sleep 2; exit 1")
        self.services.start()
        with self.assertRaises(agent.Failed) as caught:
            self.probe(stable=120)
        self.assertIn("instance crashes in a loop", caught.exception.message)
        self.services.stop()
        self.assertEqual(self.states(), ["stopped"])

    def test_the_last_words_of_one_that_died_are_told_although_a_daemon_says_them_to_nobody(self):
        self.write("zdaemon.conf", CONFIG.replace("  transcript {folder}/log\n", "").format(folder=self.folder))
        self.program("sleep 2; echo 'no such directive: greet' >&2; exit 1")
        self.services.start()
        with self.assertRaises(agent.Failed) as caught:
            self.probe(stable=120)
        self.assertIn("instance: no such directive: greet", caught.exception.output)

    def test_one_that_is_dead_at_once_is_a_failed_start(self):
        self.program("exit 1")
        agent.START_SECONDS, before = 2, agent.START_SECONDS
        self.addCleanup(setattr, agent, "START_SECONDS", before)
        with self.assertRaises(agent.Failed) as caught:
            self.services.start()
            self.probe(stable=120)
        self.assertIn(caught.exception.kind, ("start", "unhealthy"))

    def test_one_that_is_dead_does_not_run_whatever_its_manager_says(self):
        child = subprocess.Popen(["true"])
        child.wait()
        self.write("bin/instance", f"#!/bin/sh\necho 'program running; pid={child.pid}'\n")
        self.assertEqual(self.states(), ["starting"])

    def test_one_that_ignores_its_end_is_killed(self):
        self.program("trap '' TERM; while :; do sleep 1; done")
        self.services.start()
        deaf = self.pid()
        self.services.stop()
        self.assertEqual(self.states(), ["stopped"])
        self.assertFalse(agent.alive(deaf, ""))


class Commands(unittest.TestCase):
    def test_a_stop_command_that_stops_nothing_is_a_refusal(self):
        host = support.Host("site")
        self.addCleanup(host.remove)
        os.makedirs(host.path)
        table = {"kind": "command", "start": ":", "stop": "true", "status": "echo it runs"}
        services = agent.services_of(host.path, {"buildout": {"services": table}})
        agent.STOP_SECONDS, before = 1, agent.STOP_SECONDS
        self.addCleanup(setattr, agent, "STOP_SECONDS", before)
        with self.assertRaises(agent.Failed) as caught:
            services.stop()
        self.assertIn("runs on after stop", caught.exception.message)
        self.assertIn("kill what doesn't end", caught.exception.hint)


if __name__ == "__main__":
    unittest.main()
