"""A job that is cut off at each of its steps, and what puts it right. Needs the package registry once."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support
import test_deploy as deploys

KILL = 'kill -KILL $PPID; sleep 1'


class AtBoot(unittest.TestCase):
    agent = support.load()
    WORDS = ["/usr/bin/python3", "two words", "it's", '"x"', "50%", "$HOME", "back\\slash", "naïve*"]

    def test_a_line_of_a_crontab_is_read_back_by_a_shell(self):
        line = self.agent.crontab_command(["printf", "%s\\0", *self.WORDS])
        self.assertNotRegex(line, r"(?<!\\)%")
        said = subprocess.run(["sh", "-c", line.replace("\\%", "%")], capture_output=True, check=True).stdout.decode()
        self.assertEqual(said.split("\0")[:-1], self.WORDS)

    def test_a_command_of_a_unit_is_quoted(self):
        line = self.agent.unit_command(["/bin/x", 'a "b" c', "50%", "$HOME", "back\\slash", "new\nline"])
        self.assertEqual(line, '"/bin/x" "a \\"b\\" c" "50%%" "$$HOME" "back\\\\slash" "new\\nline"')

    def test_what_does_not_outlive_a_start_is_not_put_right_there(self):
        self.assertIsNone(self.agent.AtBoot(self.agent.Layout("/tmp/site")).write())


class NetworkRecovery(deploys.NetworkCase):
    """`b`'s job is killed; what ran before it is release 1.0.0."""

    agent = support.load()

    def setUp(self):
        self.host.ask("unlock", {"token": "anyone's"})
        if not self.host.at("current").exists():
            type(self).one = self.make("1.0.0")
            self.ok(self.host.deploy(self.one, None, "a0"))

    def make(self, version, start="", **hooks):
        tables = deploys.TABLES.format(
            port=self.port, backup=support.toml("cp var/README $HOSTOUT_BACKUP/"), files="[]",
            restore=f'restore = {support.toml("cp $HOSTOUT_BACKUP/README var/")}',
            hooks="".join(f'[buildout.hooks.{name}]\nargv = ["sh", "-c", {support.toml(line)}]\ntimeout = 60\n'
                          for name, line in {key.replace("_", "-"): line for key, line in hooks.items()}.items()))
        return self.release(version, parts="app late", tables=tables.replace('start = "', f'start = "{start}'))

    def die(self, release, name, old="1.0.0"):
        """Its job, until it is dead."""
        end = self.host.deploy(release, old, name)
        self.assertEqual((end["kind"], end["result"]), ("died", "unknown"), end)
        self.assertEqual(self.host.ask("status")["job"]["state"], "died")

    def power_off(self, *pidfiles):
        """What a host's end does to those that run there."""
        for pidfile in pidfiles or ("pid",):
            pid = self.host.at("shared", "var", pidfile).read_text().strip()
            subprocess.run(["kill", "-KILL", pid], check=False, stderr=subprocess.DEVNULL)
        self.assertTrue(self.agent.wait_until(lambda: deploys.get(self.port) is None, 30))

    def recover(self):
        end = self.host.ask("recover")
        self.assertIsNone(self.host.ask("status")["lock"])
        self.assertEqual(self.host.ask("recover"), {"end": "ok", "recovered": False})
        return end

    def is_whole(self, version="1.0.0"):
        self.assertEqual(deploys.get(self.port), f"hello {version}")
        self.assertEqual(self.host.ask("status")["current"]["release"], version)
        self.assertIs(self.host.ask("status")["healthy"], True)
        self.assertEqual(self.host.at("shared", "var", "README").read_text(), "seeded\n")

    def test_nothing_is_recovered_where_nothing_was_cut_off(self):
        self.assertEqual(self.host.ask("recover"), {"end": "ok", "recovered": False})

    def test_before_the_switch_the_old_release_runs_on_or_is_started(self):
        self.die(self.make("1.1.0", before_stop=KILL), "b1")
        end = self.recover()
        self.assertEqual((end["result"], end["id"]), ("failed-before-switch", "b1"))
        self.assertIn("cut off at before-stop; 1.0.0 runs on", end["message"])
        self.is_whole()
        self.die(self.make("1.1.1", before_stop=KILL), "b2")
        self.power_off()
        end = self.recover()
        said = self.host.at(".hostout", "jobs", "b2", "output").read_text()
        self.assertIn("1.0.0 was started again", end["message"], said)
        self.is_whole()
        self.assertEqual(self.host.ask("journal", None, "b2")["result"], "failed-before-switch")

    def test_after_the_switch_the_old_release_comes_back_with_its_data(self):
        migrate = f"echo migrated > var/README; {KILL}"
        self.die(self.make("1.2.0", migrate=migrate), "c1")
        end = self.recover()
        self.assertEqual((end["result"], end["backup"]), ("reverted", "c1-1.2.0"))
        self.assertIn("cut off at migrate; 1.0.0 was put back with its data and is healthy", end["message"])
        self.is_whole()
        self.assertEqual(self.host.ask("status")["record"]["history"][-1]["result"], "reverted")

    def test_services_that_it_had_started_are_ended(self):
        self.die(self.make("1.3.0", after_start=KILL), "d1")
        self.assertEqual(self.recover()["result"], "reverted")
        self.is_whole()
        self.die(self.make("1.3.1", after_start=KILL), "d2")
        self.power_off()
        self.assertEqual(self.recover()["result"], "reverted")
        self.is_whole()

    def test_a_hook_that_outlives_its_job_is_ended_first(self):
        late = "sh -c 'sleep 3; echo late > var/README' & kill -KILL $PPID; wait"
        self.die(self.make("1.4.0", migrate=late), "e1")
        self.assertEqual(self.recover()["result"], "reverted")
        self.is_whole()

    def test_its_own_way_back_may_be_cut_off_too(self):
        bad = self.make("1.5.0", migrate="echo migrated > var/README; exit 3",
                        on_failure=f"test -e var/once || {{ touch var/once; {KILL}; }}")
        self.die(bad, "f1")
        readme = self.host.at("shared", "var", "README")
        self.assertEqual(readme.read_text(), "seeded\n")
        readme.write_text("written by 1.0.0 since\n")
        end = self.recover()
        self.assertEqual((end["result"], readme.read_text()), ("reverted", "written by 1.0.0 since\n"))
        readme.write_text("seeded\n")
        self.is_whole()

    def test_a_release_that_was_found_healthy_stays(self):
        two = self.make("1.6.0")
        self.host.send(two)
        self.ok(self.host.prepare(two, "g1", "token-g1"))
        self.ok(self.host.activate(two, "1.0.0", "g1", "token-g1"))
        self.cut("g1", "prune")
        self.power_off()
        self.assertEqual(self.recover()["result"], "healthy")
        self.is_whole("1.6.0")
        history = self.host.ask("status")["record"]["history"]
        self.assertEqual([entry["id"] for entry in history].count("g1"), 1)

        with self.subTest("a way back that was a job of its own"):
            self.ok(self.host.ask("journal", None, "g1"))
            token = {"token": "back", "by": "Ann", "from": "laptop", "pid": 1, "lease": 60}
            self.ok(self.host.prepare(two, "g1", "back", lock=token))
            self.assertEqual(self.host.ask("revert", {"token": "back"}, "g1")["result"], "reverted")
            self.cut("g1-back", "switch")
            self.power_off()
            self.assertEqual(self.recover()["result"], "reverted")
            self.is_whole()
            self.assertEqual(self.host.ask("journal", None, "g1")["result"], "reverted")

    def test_a_release_that_was_found_healthy_stays_although_its_last_hook_was_cut_off(self):
        hooks = {"migrate": "echo migrated > var/README", "after_healthy": f"echo written since > var/README; {KILL}"}
        self.die(self.make("1.10.0", **hooks), "k1")
        self.assertEqual(self.recover()["result"], "healthy")
        self.assertEqual(self.host.ask("status")["current"]["release"], "1.10.0")
        readme = self.host.at("shared", "var", "README")
        self.assertEqual((deploys.get(self.port), readme.read_text()), ("hello 1.10.0", "written since\n"))
        readme.write_text("seeded\n")
        self.ok(self.host.deploy(self.one, "1.10.0", "k2"))

    def test_a_start_starts_all_from_the_live_release_while_no_deployment_does(self):
        layout, homes = self.agent.Layout(self.host.path), self.host.at(".hostout", "homes")
        lock = self.agent.Lock(layout)
        self.assertIsNone(self.ok(self.host.ask("boot"))["started"])

        def off():
            self.power_off()  # the dead are seen for a moment still
            self.assertTrue(self.agent.wait_until(lambda: self.host.ask("status")["services"][0]["state"] == "stopped", 30))

        for token in (None, "t"):
            off()
            if token:
                lock.take({"token": token, "by": "Ann", "from": "laptop"}, "prepare")
            homes.write_text('{"format": 1, "programs": {"zeo": "0.9.0"}}')
            self.assertEqual(self.ok(self.host.ask("boot"))["started"], "1.0.0")
            self.assertFalse(homes.exists())
            self.assertEqual((lock.owner() or {}).get("token"), token)
            self.assertTrue(self.agent.wait_until(lambda: deploys.get(self.port) == "hello 1.0.0", 30))
        argv = [sys.executable, "-I", str(self.host.at(".hostout", "agent")), "--path", self.host.path, "boot"]
        lock.refresh("t", "stop")  # its job is about to start other ones
        off()
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as boot:
            with self.assertRaises(subprocess.TimeoutExpired):
                boot.wait(3)
            self.assertIsNone(deploys.get(self.port))
            lock.release("t")
            self.assertIn(b'"started": "1.0.0"', boot.communicate(timeout=60)[0])
        self.assertTrue(self.agent.wait_until(lambda: deploys.get(self.port) == "hello 1.0.0", 30))

    def cut(self, name, step):
        """As if the job had died at a step: what its journal tells after that is lost, and half a line stays."""
        journal = self.host.at(".hostout", "jobs", name, "journal")
        lines = journal.read_bytes().splitlines(keepends=True)
        at = next(index for index, line in enumerate(lines) if b'"step": "%s"' % step.encode() in line)
        journal.write_bytes(b"".join(lines[:at + 1]) + b'{"event": "en')

    def test_what_somebody_else_made_live_stays(self):
        self.die(self.make("1.7.0", migrate=KILL), "h1")
        other = self.host.at("releases", "elsewhere")
        other.mkdir()
        current = self.host.at("current")
        current.unlink()
        current.symlink_to("releases/elsewhere")
        end = self.recover()
        self.assertEqual((end["result"], end["kind"], end["current"]), ("failed", "stale", "elsewhere"))
        current.unlink()
        current.symlink_to("releases/1.0.0")
        self.host.ask("unlock", {"token": "token-h1"})
        self.ok(self.host.deploy(self.one, "1.0.0", "h2"))

    def test_a_first_release_that_was_cut_off_leaves_nothing_live(self):
        self.host, self.port = support.Host(), support.free_port()  # this test's own
        self.addCleanup(self.host.remove)
        self.host.ask("install")
        self.die(self.make("1.8.0", migrate=KILL), "i1", None)
        end = self.recover()
        self.assertEqual((end["result"], end["current"]), ("failed", None))

    def test_two_who_come_at_once(self):
        self.die(self.make("1.9.0", migrate=KILL), "j1")
        argv = [sys.executable, "-I", str(self.host.at(".hostout", "agent")), "--path", self.host.path, "recover"]
        both = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(2)]
        for each in both:
            self.assertIn(b'"reverted"', each.communicate()[0])
        told = self.host.at(".hostout", "jobs", "j1", "journal").read_text()
        self.assertEqual(told.count('"event": "end"'), 1)
        self.is_whole()


if __name__ == "__main__":
    unittest.main()
