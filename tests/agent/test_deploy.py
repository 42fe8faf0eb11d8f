"""The agent with real parts: buildout, supervisor, a WSGI server. Needs the package registry once, for the wheels."""

import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
import support


def get(port):
    """What the site answers, or None."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


class NetworkCase(unittest.TestCase):
    """One host a class: venvs and eggs are dear, and shared between releases as on a real one."""

    @classmethod
    def setUpClass(cls):
        cls.host, cls.port = support.Host(), support.free_port()
        cls.addClassCleanup(cls.host.remove)
        cls.addClassCleanup(cls.stop)
        cls.host.ask("install")

    @classmethod
    def stop(cls):
        for pidfile in cls.host.at("shared", "var").glob("*pid"):
            subprocess.run(["kill", "-TERM", pidfile.read_text().strip()], check=False, stderr=subprocess.DEVNULL)

    def ok(self, end):
        self.assertEqual(end["end"], "ok", end)
        return end

    def release(self, version, **more):
        return support.project(version, self.port, **more)


class NetworkDeploy(NetworkCase):
    def test_from_nothing_to_two_releases_and_back(self):
        one, two = self.release("1.0.0"), self.release("1.1.0")
        bad = self.release("1.2.0", egg=support.hello("1.2.0", "500 No"))
        bad.manifest = bad.manifest.replace("timeout = 20", "timeout = 3")
        bad.digest = support.sha256(bad.manifest.encode())

        with self.subTest("the first release goes live"):
            end = self.ok(self.host.deploy(one, None, "a1"))
            self.assertEqual((end["result"], end["from"], end["current"]), ("healthy", None, "1.0.0"))
            self.assertEqual(get(self.port), "hello 1.0.0")
            status = self.host.ask("status")
            self.assertTrue(status["healthy"])
            self.assertEqual([service["state"] for service in status["services"]], ["running"])
            self.assertEqual(status["record"]["manifest"], one.digest)
            self.assertEqual(status["job"], {"id": "a1", "state": "ended", "result": "healthy", "current": "1.0.0"})
            self.assertIsNone(status["lock"])

        with self.subTest("the next one replaces it"):
            end = self.ok(self.host.deploy(two, "1.0.0", "a2"))
            self.assertEqual((end["from"], end["current"]), ("1.0.0", "1.1.0"))
            self.assertEqual(get(self.port), "hello 1.1.0")
            self.assertEqual(os.readlink(self.host.at("current")), "releases/1.1.0")
            self.assertEqual(self.host.at("current", "var", "README").read_text(), "seeded\n")

        with self.subTest("an unhealthy one is put back"):
            end = self.host.deploy(bad, "1.1.0", "a3")
            self.assertEqual((end["end"], end["result"], end["current"]), ("failed", "reverted", "1.1.0"))
            self.assertIn("500", end["message"])
            self.assertEqual(get(self.port), "hello 1.1.0")
            record = self.host.ask("status")["record"]
            self.assertEqual(record["release"], "1.1.0")
            self.assertEqual([entry["result"] for entry in record["history"]], ["healthy", "healthy", "reverted"])

        with self.subTest("the journal tells it again"):
            again = self.host.ask("journal", {"wait": False}, "a3")
            self.assertEqual((again["result"], again["message"]), (end["result"], end["message"]))
            steps = ["at-boot", *["stop", "switch", "start", "probe"] * 2]
            self.assertEqual(self.host.steps(), steps)

        with self.subTest("asking for the same job again only follows it"):
            self.assertEqual(self.host.activate(bad, "1.1.0", "a3", "token-a3")["result"], "reverted")

        with self.subTest("what is live is compared before it is swapped"):
            self.ok(self.host.prepare(one, "a4", "token-a4"))
            end = self.host.activate(one, "1.0.0", "a4", "token-a4")
            self.assertEqual((end["kind"], end["current"]), ("stale", "1.1.0"))
            self.assertEqual(get(self.port), "hello 1.1.0")

        with self.subTest("a rollback is an activation of what is there"):
            end = self.ok(self.host.prepare(one, "a4", "token-a4"))
            self.assertTrue(end["reused"])
            self.ok(self.host.activate(one, "1.1.0", "a4", "token-a4", intent="rollback"))
            self.assertEqual(get(self.port), "hello 1.0.0")

        with self.subTest("what is named goes, and what is live stays"):
            named = {"releases": ["1.0.0", "1.1.0", "../1.2.0"]}
            end = self.ok(self.host.ask("prune", {**named, "dry-run": True}))
            self.assertEqual([r["name"] for r in end["removed"] if r["kind"] == "release"], ["1.1.0"])
            self.assertEqual(end["kept"], ["1.0.0", "1.2.0"])
            end = self.host.ask("prune", {**named, "lock": {"token": "p"}})
            self.assertEqual((end["kind"], end["message"]),
                             ("stale", "1.0.0 was to be removed, and is live now, or its programs run"))
            self.assertEqual(sorted(os.listdir(self.host.at("releases"))), ["1.0.0", "1.1.0", "1.2.0"])

        with self.subTest("prune keeps the live one and the healthy one before it"):
            self.assertEqual(self.host.ask("prune", {"keep": 1, "dry-run": True})["kept"], ["1.0.0", "1.1.0"])
            self.assertTrue(self.host.at("releases", "1.2.0").exists())
            end = self.ok(self.host.ask("prune", {"keep": 1, "grace": 0, "lock": {"token": "p"}}))
            self.assertEqual([r["name"] for r in end["removed"] if r["kind"] == "release"], ["1.2.0"])
            self.assertIn("egg", {r["kind"] for r in end["removed"]})
            self.assertEqual(sorted(os.listdir(self.host.at("releases"))), ["1.0.0", "1.1.0"])
            missing = self.host.ask("have", {"sha256": list(bad.artifacts)})["missing"]
            self.assertEqual(len(missing), 2, "the tarball and the egg of the removed release")
            self.assertTrue(self.host.ask("status")["healthy"])

        with self.subTest("a live release that lost its folder is built anew"):
            self.assertEqual(self.host.ask("status")["current"]["release"], "1.0.0")
            shutil.rmtree(self.host.at("releases", "1.0.0"))
            self.ok(self.host.deploy(one, "1.0.0", "a5"))
            self.assertEqual(get(self.port), "hello 1.0.0")
            self.assertTrue(self.host.ask("status")["healthy"])


class NetworkFirst(NetworkCase):
    def test_a_first_release_that_is_unhealthy_leaves_nothing_live(self):
        broken = self.release("0.9.0", egg=("hello-0.9.0-py3-none-any.whl", support.make_wheel(
            "hello", "0.9.0", {"hello.py": "import nowhere\n"})))
        broken.manifest = broken.manifest.replace("timeout = 20", "timeout = 3")
        broken.digest = support.sha256(broken.manifest.encode())
        end = self.host.deploy(broken, None, "a1")
        self.assertEqual((end["result"], end["current"]), ("failed", None))
        self.assertTrue(any("No module named 'nowhere'" in line for line in end["output"]), end["output"])
        self.assertFalse(os.path.lexists(self.host.at("current")))
        self.assertIsNone(get(self.port))

        with self.subTest("unless it is kept by choice"):
            bad = self.release("1.0.0", egg=support.hello("1.0.0", "500 No"))
            bad.manifest = bad.manifest.replace("timeout = 20", "timeout = 2")
            bad.digest = support.sha256(bad.manifest.encode())
            self.host.send(bad)
            self.ok(self.host.prepare(bad, "a2", "t2"))
            end = self.ok(self.host.activate(bad, None, "a2", "t2", **{"keep-unhealthy": True}))
            self.assertEqual((end["result"], end["current"]), ("unhealthy", "1.0.0"))
            self.assertEqual(get(self.port), 500)
            self.assertIs(self.host.ask("status")["healthy"], False)


TABLES = """parts = ["app"]
host-parts = ["late"]
[buildout.services]
kind = "command"
start = "bin/waitress-serve --listen=127.0.0.1:{port} hello:app & echo $! > var/pid"
stop = "kill $(cat var/pid) && rm var/pid"
status = "kill -0 $(cat var/pid)"
[buildout.health]
http = "http://127.0.0.1:{port}/"
timeout = 20
[buildout.data]
kind = "command"
backup = {backup}
{restore}
[buildout.shared]
paths = ["var"]
files = {files}
{hooks}
"""


class NetworkCommands(NetworkCase):
    def tables(self, backup="cp var/README $HOSTOUT_BACKUP/", restore="cp $HOSTOUT_BACKUP/README var/", files=(), hooks=""):
        restore = f"restore = {support.toml(restore)}" if restore else ""
        return TABLES.format(port=self.port, backup=support.toml(backup), restore=restore,
                             files=support.toml(list(files)), hooks=hooks)

    def make(self, version, **more):
        return self.release(version, parts="app late", tables=self.tables(**more))

    def test_backup_hooks_and_the_users_own_commands(self):
        one = self.make("1.0.0")
        with self.subTest("the job outlives its client"):
            self.host.send(one)
            self.ok(self.host.prepare(one, "b1", "t1"))
            self.assertFalse(self.host.at("releases", "1.0.0", "bin", "late-serve").exists())
            self.start_and_die(one)
            end = self.ok(self.host.ask("journal"))
            self.assertEqual((end["result"], end["current"]), ("healthy", "1.0.0"))
            self.assertEqual(get(self.port), "hello 1.0.0")
            pid = self.host.at("shared", "var", "pid").read_text().strip()
            status = pathlib.Path("/proc", pid, "status").read_text()
            ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
            self.assertFalse(ignored & (1 << 0 | 1 << 14), "services ignore HUP or TERM")

        with self.subTest("parts that act outside the release are installed through current"):
            script = self.host.at("current", "bin", "late-serve")
            self.assertTrue(script.exists())
            self.assertIn(str(script), self.host.at(".hostout", "host-parts.cfg").read_text())

        with self.subTest("a failing backup stops it before anything is touched"):
            end = self.host.deploy(self.make("1.1.0", backup="true"), "1.0.0", "b2")
            self.assertEqual((end["result"], end["kind"], end["current"]), ("failed-before-switch", "backup", "1.0.0"))
            self.assertEqual(get(self.port), "hello 1.0.0")

        readme = self.host.at("shared", "var", "README")
        with self.subTest("a failing migration puts the old one back, with its data"):
            end = self.host.deploy(self.make("1.2.0", hooks=self.migrate("exit 3")), "1.0.0", "b3")
            self.assertEqual((end["result"], end["kind"], end["output"]), ("reverted", "hook", ["broken 1.2.0"]))
            self.assertEqual(self.host.at("backups", end["backup"], "README").read_text(), "seeded\n")
            self.assertEqual(readme.read_text(), "seeded\n")
            self.assertEqual(get(self.port), "hello 1.0.0")
            self.assertIn("restore", self.host.steps())
            seals = self.host.ask("status")["record"]["backups"]
            self.assertEqual(seals[-1]["sha256"], end["backup-sha256"])

        with self.subTest("data that no migration has touched is left alone"):
            hooks = '[buildout.hooks.after-start]\nargv = ["sh", "-c", "echo visited > var/README; exit 3"]\ntimeout = 9'
            end = self.host.deploy(self.make("1.2.4", hooks=hooks), "1.0.0", "b9")
            self.assertEqual((end["result"], readme.read_text()), ("reverted", "visited\n"))
            self.assertNotIn("restore", self.host.steps())

        for restore, why in ((None, "nothing says how"), ("false", "ended with status 1")):
            with self.subTest(f"services stay down when {why}"):
                number = "b7" if restore else "b8"
                bad = self.make(f"1.2.{number[1]}", hooks=self.migrate("exit 3"), restore=restore)
                end = self.host.deploy(bad, "1.0.0", number)
                self.assertEqual((end["result"], end["current"]), ("failed", bad.version))
                self.assertIn(why, end["message"])
                self.assertIn(f"git hostout deploy demo {bad.version}\n", end["hint"])
                self.assertIn("git hostout rollback demo --to 1.0.0", end["hint"])
                self.assertIsNone(get(self.port))
                self.assertEqual(readme.read_text(), "migrated\n")
                readme.write_text("seeded\n")
                self.ok(self.host.deploy(one, bad.version, f"{number}-back"))
                self.assertEqual(get(self.port), "hello 1.0.0")

        with self.subTest("a job that is asked to end puts the old one back first"):
            end = self.host.deploy(self.make("1.2.1", hooks=self.kill("after-start", "TERM")), "1.0.0", "b5")
            self.assertEqual((end["result"], end["kind"], end["current"]), ("reverted", "stopped", "1.0.0"), end)
            self.assertEqual(get(self.port), "hello 1.0.0")

        with self.subTest("a job that was killed is found dead, and its lock is given back by its token"):
            end = self.host.deploy(self.make("1.2.2", hooks=self.kill("before-stop", "KILL")), "1.0.0", "b6")
            self.assertEqual((end["kind"], end["result"], end["current"]), ("died", "unknown", "1.0.0"))
            self.assertEqual(self.host.ask("status")["job"], {"id": "b6", "state": "died", "result": None})
            self.assertTrue(self.host.ask("unlock", {"token": "token-b6"})["unlocked"])

        with self.subTest("another server at the address is noticed before the switch"):
            hooks = """[buildout.hooks.before-stop]
argv = ["sh", "-c", "mkdir -p d; rm -f var/pid.bak; cp var/pid var/pid.bak; echo 999999 > var/pid"]
timeout = 9
"""
            end = self.host.deploy(self.make("1.3.0", hooks=hooks), "1.0.0", "b4")
            self.assertEqual(end["current"], "1.0.0")
            self.assertNotEqual(end["result"], "healthy")
            self.host.at("shared", "var", "pid").write_text(self.host.at("shared", "var", "pid.bak").read_text())

    @staticmethod
    def migrate(then):
        line = f"echo migrated > var/README; echo broken $HOSTOUT_RELEASE; {then}"
        return f'[buildout.hooks.migrate]\nargv = ["sh", "-c", "{line}"]\ntimeout = 9'

    @staticmethod
    def kill(hook, sign):
        return f'[buildout.hooks.{hook}]\nargv = ["sh", "-c", "kill -{sign} $PPID; sleep 5"]\ntimeout = 9'

    def start_and_die(self, release):
        """A client that is killed as soon as its job has begun."""
        request = json.dumps({"format": 1, "version": release.version, "manifest-sha256": release.digest, "id": "b1",
                              "expected": None, "token": "t1", "stage": "demo"}).encode()
        argv = [sys.executable, "-I", str(self.host.at(".hostout", "agent")), "--path", self.host.path, "activate"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            client.stdin.write(request)
            client.stdin.close()
            client.stdout.readline()
            client.kill()

    def test_a_missing_shared_file_is_named_and_nothing_is_left(self):
        release = self.make("0.1.0", files=["secret.cfg"])
        self.host.send(release)
        end = self.host.prepare(release)
        self.assertEqual(end["kind"], "refused")
        self.assertIn("secret.cfg", end["message"])
        self.assertFalse(self.host.at("releases", "0.1.0").exists())
        self.assertIsNone(self.host.ask("status")["lock"])


class NetworkPrepare(NetworkCase):
    def prepared(self, buildout):
        version = f"1.0.{buildout}"
        release = self.release(version, buildout=buildout, parts="app")
        self.host.send(release)
        self.ok(self.host.prepare(release))
        said = subprocess.run([self.host.at("releases", version, "bin", "waitress-serve"), "--help"],
                              capture_output=True, check=True)
        self.assertIn(b"waitress-serve", said.stdout)
        return self.host.at("releases", version, "eggs")

    def test_buildout_4(self):
        self.assertTrue(list(self.prepared("4").glob("hello-1.0.4-py*.egg")))

    def test_buildout_5(self):
        self.assertTrue(all(egg.is_symlink() for egg in (self.prepared("5") / "v5").glob("*.egg")))

    def test_buildout_6_trees_are_those_that_buildout_makes(self):
        ours = self.prepared("6") / "v5"
        release, venv = ours.parent.parent, (ours.parent.parent / "bin" / "waitress-serve").read_text()
        venv = pathlib.Path(venv.splitlines()[0][2:]).parent.parent
        theirs = pathlib.Path(self.host.root, "theirs")
        private = release / ".hostout"
        subprocess.run([venv / "bin" / "buildout", "-U", "-c", release / "hostout.cfg", f"buildout:directory={release}",
                        f"buildout:eggs-directory={theirs}", f"buildout:find-links={private / 'dist'}",
                        f"buildout:index=file://{private / 'index'}", "buildout:newest=false",
                        f"buildout:bin-directory={theirs / 'bin'}", f"buildout:installed={theirs / 'installed'}"],
                       env={"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "LC_ALL": "C.UTF-8",
                            "HOME": self.host.root}, check=True, capture_output=True)
        eggs = sorted(egg.name for egg in (theirs / "v5").iterdir())
        self.assertTrue(eggs)
        self.assertLessEqual(set(eggs), {egg.name for egg in ours.iterdir()})
        own = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
        for egg in eggs:
            roots = (ours / egg, theirs / "v5" / egg)
            files = [{str(path.relative_to(root)) for path in root.rglob("*")
                      if path.is_file() and path.suffix != ".pyc" and path.name not in own} for root in roots]
            self.assertEqual(*files)
            self.assertEqual(filecmp.cmpfiles(*roots, files[0], shallow=False)[1:], ([], []))

    def test_prepare_is_reused_rebuilt_or_refused(self):
        release = self.release("1.0.0", parts="app")
        end = self.host.prepare(release)
        self.assertEqual(end["kind"], "missing-artifact")
        self.host.send(release)
        self.assertFalse(self.ok(self.host.prepare(release))["reused"])
        egg = self.host.at("releases", "1.0.0", "eggs", "v5").glob("hello*.egg").__next__()
        self.assertFalse(os.access(egg / "hello.py", os.W_OK) and os.getuid())
        self.assertTrue(list(egg.glob("__pycache__/hello.*.pyc")))

        with self.subTest("complete and the same: reused"):
            self.assertTrue(self.ok(self.host.prepare(release))["reused"])
        with self.subTest("its interpreter is gone: the venv is made again"):
            for venv in self.host.at("venvs").iterdir():
                os.unlink(venv / "bin" / "python")
            self.assertTrue(self.ok(self.host.prepare(release))["reused"])
            subprocess.run([self.host.at("releases", "1.0.0", "bin", "waitress-serve"), "--help"],
                           capture_output=True, check=True)
        with self.subTest("incomplete: built anew"):
            os.unlink(self.host.at("releases", "1.0.0", ".hostout", "complete"))
            self.host.at("releases", "1.0.0", "left-over").write_text("x")
            self.assertFalse(self.ok(self.host.prepare(release))["reused"])
            self.assertFalse(self.host.at("releases", "1.0.0", "left-over").exists())
        with self.subTest("someone else's lock"):
            self.assertEqual(self.host.prepare(release, token="other")["kind"], "locked")
        with self.subTest("live under another manifest: refused"):
            os.symlink("releases/1.0.0", self.host.at("current"))
            other = self.release("1.0.0", parts="app", egg=support.hello("1.0.0", served="x"))
            self.host.send(other)
            self.assertEqual(self.host.prepare(other)["kind"], "refused")
            os.unlink(self.host.at("current"))
        with self.subTest("damaged in the store"):
            name = next(iter(release.artifacts))
            path = self.host.at("store", name[:2], name[2:])
            path.chmod(0o644)
            path.write_bytes(b"rotten")
            self.assertEqual(self.host.prepare(release)["missing"], [name])
            self.assertFalse(path.exists())

    def test_a_failing_buildout_leaves_nothing_but_its_log(self):
        release = self.release("0.0.1", parts="app nowhere")
        self.host.send(release)
        end = self.host.prepare(release)
        self.assertEqual(end["kind"], "buildout")
        self.assertTrue(any("nowhere" in line for line in end["output"]), end)
        self.assertFalse(self.host.at("releases", "0.0.1").exists())
        self.assertIn("nowhere", self.host.at(".hostout", "logs", "a1-buildout.log").read_text())


if __name__ == "__main__":
    unittest.main()
