"""The agent's own tests that need neither network nor processes: formats, refusals, the lock, the journal."""

import contextlib
import errno
import io
import json
import os
import pathlib
import resource
import shlex
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(__file__))
import support

agent = support.load()


class OnHost(unittest.TestCase):
    def setUp(self):
        self.host = support.Host()
        self.addCleanup(self.host.remove)
        self.layout = agent.Layout(self.host.path)

    def refused(self, kind, call, *arguments):
        with self.assertRaises(agent.Failed) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.kind, kind, caught.exception.message)
        return caught.exception


class Answers(OnHost):
    def test_user_info_is_redacted(self):
        for text, clean in (
            ("see https://ann:s3cret@example.org/x and ann@example.org", "see https://***@example.org/x and ann@example.org"),
            ("https://me:p/w@h", "https://***@h"), ("https://me:p@ss@h:1/x", "https://***@h:1/x"),
            ("https://me:p?w#x@h", "https://***@h"), ("https://me:p@x/w@h", "https://***@h"),
            ("https://me:80/w@h", "https://***@h"), ("https://to/ken@h", "https://***@h"), ("https://token@h", "https://***@h"),
            ("https://me:p'w\"x@h", "https://***@h"), ("'https://me:p\"w@h' or 'a@b'", "'https://***@h' or 'a@b'"),
            ('["https://h/","a@b"]', '["https://h/","a@b"]'), ("_https://me:pw@h", "_https://***@h"),
            ("https://me:p://w@h", "https://***@h"), ("https://a:b@h https://c:d@i", "https://***@h https://***@i"),
            ("https://me:pw@h/@scope/x", "https://***@scope/x"), ("git+ssh://git@h/x", "git+ssh://***@h/x"),
            ("//me:pw@h", "//me:pw@h"), ("://me:pw@h", "://***@h"), ("https://me:pw@", "https://***@"),
            ("https://[::1]:80/x?a@b", "https://***@b"),
        ):
            self.assertEqual(agent.redact(text), clean)
        for plain in ("", "a@b", "https://h", "http://127.0.0.1:8080/Plone/@@ok", "http://[::1]:8080/@@ok",
                      "https://h/@scope/x", "https://h/@@ok/@@x", "x://", "https://h a@b"):
            self.assertEqual(agent.redact(plain), plain)
        began = time.monotonic()
        agent.redact("://".join(["a" * 20] * 20_000) + "a" * 500_000)
        self.assertLess(time.monotonic() - began, 5)

    def test_output_is_clean_text(self):
        self.assertEqual(agent.last_lines(b"a\xff\x1b[1mb\nc\td\n"), ["a\ufffd?[1mb", "c\td"])

    def test_a_gone_reader_stops_nothing(self):
        class Gone(io.BytesIO):
            def flush(self):
                raise BrokenPipeError

        answers = agent.Answers(Gone())
        answers.step("x")
        answers.step("y")
        self.assertTrue(answers.gone)

    def test_a_newer_request_is_refused_by_name(self):
        end = self.host.ask("have", {"format": 2})
        self.assertEqual((end["end"], end["kind"]), ("failed", "newer-format"))

    def test_what_a_newer_agent_wrote_is_shown_and_never_written_over(self):
        layout, lock = agent.Layout(self.host.path), {"token": "a", "by": "Ada"}
        layout.make()
        agent.Lock(layout).take(lock, "x")
        files = [pathlib.Path(layout.record), pathlib.Path(layout.lock_owner), pathlib.Path(layout.settings("1.0.0"))]
        files[-1].parent.mkdir(parents=True)
        os.symlink("releases/1.0.0", layout.current)
        for file in files:
            before = file.read_bytes() if file.exists() else None
            file.write_text(json.dumps({"format": 2, "release": "1.0.0", **lock}))
            written = file.read_bytes()
            for verb, request in (("install", {}), ("put", {}), ("hold", {"token": "a"}),
                                  ("prune", {"lock": lock, "keep": 1}), ("unlock", {"expired": {"by": "Ben"}})):
                end = self.host.ask(verb, {"format": 1, **request})
                self.assertEqual((end["end"], end["kind"]), ("failed", "newer-format"), (verb, file, end))
                self.assertIn(f"{file} is of format 2", end["message"])
            self.assertEqual(self.host.ask("status", {"format": 1})["end"], "ok")
            self.assertEqual(file.read_bytes(), written)
            file.unlink()
            if before:
                file.write_bytes(before)

    def test_what_is_no_request_is_refused(self):
        for data in (b"{", b"[]", b"{}", b'{"format": "1"}'):
            self.assertEqual(self.host.ask("have", data=data)["kind"], "bad-request", data)

    def test_a_bug_ends_the_verb_too(self):
        end = self.host.ask("have", {"sha256": 3})
        self.assertEqual(end["kind"], "bug")


class Status(OnHost):
    def test_on_nothing(self):
        end = self.host.ask("status", {"shared-files": ["secret.cfg"]})
        self.assertEqual(end["path-state"], "absent")
        self.assertEqual(end["current"], {"release": None, "state": "absent", "target": None})
        self.assertEqual((end["record"], end["lock"], end["job"], end["healthy"]), (None,) * 4)
        self.assertEqual(end["shared"]["files"], {"secret.cfg": False})
        self.assertGreater(end["disk"]["free"], 0)
        self.assertFalse(os.path.exists(self.host.path), "status wrote something")

    def test_whose_path_it_is(self):
        os.mkdir(self.host.path)
        self.assertEqual(self.host.ask("status")["path-state"], "empty")
        os.mkdir(self.host.at("shared"))
        self.assertEqual(self.host.ask("status")["path-state"], "empty", "shared files come first")
        self.host.at("file").write_text("mine")
        self.assertEqual(self.host.ask("status")["path-state"], "foreign")
        self.assertEqual(self.host.ask("install")["kind"], "refused")
        self.host.at("file").unlink()
        self.assertEqual(self.host.ask("install")["end"], "ok")
        end = self.host.ask("status")
        self.assertEqual(end["path-state"], "ours")
        self.assertEqual(end["installed"], support.sha256(support.SOURCE))

    def test_a_foreign_current_is_seen(self):
        self.layout.make()
        os.symlink("/srv/elsewhere", self.layout.current)
        self.assertEqual(self.layout.live(), (None, "foreign", "/srv/elsewhere"))
        os.unlink(self.layout.current)
        os.mkdir(self.layout.current)
        self.assertEqual(self.layout.live(), (None, "foreign", None))

    def test_an_unwritable_parent_is_named(self):
        os.chmod(self.host.root, 0o500)
        end = self.host.ask("status", user=None if os.getuid() else "nobody")  # root may write everywhere
        self.assertEqual(end["path-state"], "unwritable")
        self.assertIn(self.host.root, end["reason"])


class Python(unittest.TestCase):
    def test_tags_are_those_of_the_packaging_library(self):
        from pip._vendor.packaging import tags
        newer = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"  # the library has it since 22
        mine, theirs = agent.wheel_tags(), [str(tag) for tag in tags.sys_tags()]
        self.assertIn(newer, mine)
        self.assertEqual([tag for tag in mine if tag != newer], [tag for tag in theirs if tag != newer])

    def test_versions_are_normalised_as_packaging_does(self):
        from pip._vendor.packaging.version import Version
        for text in ("1.0", "1.0.0", "2020.06.20", "1!2.0", "1.0-1", "1.0.post3", "1.0alpha2", "1.0rc", "1.0.DEV4",
                     "1.0+Ab.01-x", "v1.2b3.post4.dev5"):
            self.assertEqual(agent.normal_version(text), str(Version(text)))
        self.assertIsNone(agent.normal_version("1.0-custom"))

    def test_the_best_wheel_is_chosen(self):
        ranks = {tag: n for n, tag in enumerate(agent.wheel_tags())}
        me = f"cp{sys.version_info[0]}{sys.version_info[1]}"
        arch = agent.machine()
        best = agent.rank_of(f"x-1-{me}-{me}-manylinux_2_17_{arch}.manylinux2014_{arch}.whl", ranks)
        self.assertLess(best, agent.rank_of("x-1-py2.py3-none-any.whl", ranks))
        self.assertIsNone(agent.rank_of("x-1-cp27-none-any.whl", ranks))
        self.assertIsNone(agent.rank_of("x-1.tar.gz", ranks))


class Store(OnHost):
    def put(self, members):
        return self.host.ask("put", data=support.make_tar(members, "w"))

    def test_artifacts_are_put_and_then_there(self):
        name = support.sha256(b"one")
        self.assertEqual(self.host.ask("have", {"sha256": [name]})["missing"], [name])
        self.assertEqual(self.put([(name, b"one")])["stored"], 1)
        other = support.sha256(b"two")
        self.assertEqual(self.host.ask("put", None, other, data=b"two")["bytes"], 3)
        self.assertEqual(self.host.ask("have", {"sha256": [name, other]})["missing"], [])
        self.assertEqual(os.stat(self.layout.object(name)).st_mode & 0o777, 0o444)

    def test_what_does_not_hash_to_its_name_is_not_kept(self):
        name = support.sha256(b"one")
        self.assertEqual(self.put([(name, b"two")])["kind"], "wrong-hash")
        self.assertEqual(os.listdir(os.path.dirname(self.layout.object(name))), [])

    def test_names_and_members_that_are_no_artifacts_are_refused(self):
        for member in (("../../x", b"x"), ("a" * 63, b"x"), ("A" * 64, b"x")):
            self.assertEqual(self.put([member])["kind"], "bad-request")
        link = tarfile.TarInfo("a" * 64)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        self.assertEqual(self.put([link])["kind"], "bad-request")

    def test_a_torn_upload_is_no_success(self):
        data = support.make_tar([(support.sha256(b"x" * 5000), b"x" * 5000)], "w")
        self.assertEqual(self.host.ask("put", data=data[:3000])["end"], "failed")
        self.assertFalse(list(self.host.at("store").glob("*/*")))


    def test_a_full_disk_is_told_apart_and_leaves_no_partial(self):
        self.layout.make()
        name = support.sha256(b"one")

        class Full(io.BytesIO):
            def read(self, size=-1):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with self.assertRaises(OSError) as caught:
            agent.put_one(self.layout, name, Full())
        self.assertEqual(agent.failed_by_system(caught.exception).kind, "disk-full")
        self.assertEqual(os.listdir(os.path.dirname(self.layout.object(name))), [])


class Tarball(OnHost):
    def unpack(self, members):
        path = os.path.join(self.host.root, "x.tar.gz")
        pathlib.Path(path).write_bytes(support.make_tar(members))
        release = tempfile.mkdtemp(dir=self.host.root)
        agent.unpack_tarball(path, "demo-1", release)
        return pathlib.Path(release)

    def special(self, name, kind, to="", mode=0o644):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = kind, to, mode
        return info

    def test_the_top_folder_is_stripped_and_special_bits_are_dropped(self):
        release = self.unpack([self.special("demo-1", tarfile.DIRTYPE), ("demo-1/a/b.cfg", b"x"),
                               self.special("demo-1/run", tarfile.REGTYPE, mode=0o6777),
                               self.special("demo-1/a/link", tarfile.SYMTYPE, "../run")])
        self.assertEqual((release / "a" / "b.cfg").read_bytes(), b"x")
        self.assertEqual((release / "run").stat().st_mode & 0o7777, 0o755)
        self.assertEqual(os.readlink(release / "a" / "link"), "../run")

    def test_what_leaves_the_tree_is_refused(self):
        for members in (
            [("/etc/x", b"")], [("demo-1/../x", b"")], [("other/x", b"")], [("demo-1/a/../../x", b"")],
            [self.special("demo-1/x", tarfile.SYMTYPE, "/etc")], [self.special("demo-1/x", tarfile.SYMTYPE, "../y")],
            [self.special("demo-1/d", tarfile.SYMTYPE, "e"), ("demo-1/d/x", b"")],
            [self.special("demo-1/x", tarfile.LNKTYPE, "demo-1/y")], [self.special("demo-1/x", tarfile.CHRTYPE)],
            [self.special("demo-1/x", tarfile.FIFOTYPE)], [("demo-1/x", b"1"), ("demo-1/x", b"2")],
            [("demo-1/.hostout/complete", b"{}")],
        ):
            self.refused("refused", self.unpack, members)

    def test_shared_folders_are_seeded_once_and_linked(self):
        self.layout.make()
        for text in ("first", "second"):
            release = self.unpack([("demo-1/var/seed", text.encode())])
            agent.link_shared(self.layout, str(release), {"paths": ["var", "media/files"]})
            self.assertEqual((release / "var" / "seed").read_text(), "first")
            self.assertTrue((release / "media" / "files").is_symlink())
        self.assertEqual(self.host.at("shared", "var").stat().st_mode & 0o7777, 0o2770)
        failure = self.refused("refused", agent.link_shared, self.layout, str(release), {"files": ["secret.cfg"]})
        self.assertIn("secret.cfg", failure.message)
        self.refused("bad-request", agent.link_shared, self.layout, str(release), {"paths": ["../x"]})

    def test_a_shared_folder_that_was_seeded_by_half_is_seeded_to_the_end(self):
        self.layout.make()
        shared = self.host.at("shared", "var")

        def cut_off(*_, **__):
            raise KeyboardInterrupt

        for name in ("sync_tree", "link"):  # when all is copied, and when all is moved
            release = self.unpack([("demo-1/var/a/one", b"1"), ("demo-1/var/two", b"2")])
            before = getattr(agent, name)
            self.addCleanup(setattr, agent, name, before)
            setattr(agent, name, cut_off)
            with self.assertRaises(KeyboardInterrupt):
                agent.link_shared(self.layout, str(release), {"paths": ["var"]})
            setattr(agent, name, before)
        self.assertEqual(sorted(os.listdir(shared)), ["a", "two"])
        # The same, cut off in the middle of that.
        shared.joinpath(".seeding").mkdir()
        os.rename(shared / "a", shared / ".seeding" / "a")
        agent.link_shared(self.layout, str(self.unpack([("demo-1/var/other", b"")])), {"paths": ["var"]})
        self.assertEqual(sorted(os.listdir(shared)), ["a", "two"])
        self.assertEqual(shared.joinpath("a", "one").read_text(), "1")


class Wheels(OnHost):
    def wheel(self, files, name="my-pkg", version="2020.06.20"):
        path = os.path.join(self.host.root, "w.whl")
        pathlib.Path(path).write_bytes(support.make_wheel(name, version, files))
        return agent.Wheel(path)

    def test_an_egg_is_named_and_laid_out_as_buildout_would(self):
        wheel = self.wheel({"my/pkg.py": "", "my_pkg-2020.06.20.data/purelib/more.py": "",
                            "my_pkg-2020.06.20.data/scripts/run": "", "my_pkg-2020.06.20.data/data/share/x": ""})
        self.assertTrue(wheel.plain())
        name = wheel.unpack(self.host.root)
        py = f"py{sys.version_info[0]}.{sys.version_info[1]}"
        self.assertRegex(name, rf"\Amy_pkg-2020\.6\.20-{py}-linux-\w+\.egg\Z")
        egg = pathlib.Path(self.host.root, name)
        self.assertEqual(sorted(str(p.relative_to(egg)) for p in egg.rglob("*") if p.is_file()), sorted(
            ["more.py", "my/pkg.py", *(f"{name[:-4]}.dist-info/{n}" for n in ("METADATA", "RECORD", "WHEEL"))]))

    def test_what_is_not_plain_is_left_to_buildout(self):
        declares = "__import__('pkg_resources').declare_namespace(__name__)\n"
        for files in ({"ns/__init__.py": declares, "ns/a/b.py": ""}, {"x-nspkg.pth": ""}, {"bin/x.py": ""},
                      {"my_pkg-2020.06.20.dist-info/namespace_packages.txt": "ns"},
                      {"my_pkg-2020.06.20.data/strange/x": ""}, {"../x.py": ""}):
            self.assertFalse(self.wheel(files).plain(), files)
        self.assertFalse(self.wheel({}, version="1.0_custom").plain())


class Venvs(OnHost):
    def install(self, files):
        wheel = support.make_wheel("my-pkg", "1.0", files)
        self.layout.make()
        path = pathlib.Path(self.layout.object(support.sha256(wheel)))
        path.parent.mkdir(parents=True)
        path.write_bytes(wheel)
        venv = agent.venv_of(self.layout, [{"file": "my_pkg-1.0-py3-none-any.whl", "sha256": support.sha256(wheel)}])
        agent.ensure_venv(self.layout, venv, None)
        return pathlib.Path(venv["path"])

    def test_a_wheel_is_installed_as_pip_would(self):
        venv = self.install({
            "my/pkg.py": "class Tool:\n    @staticmethod\n    def main():\n        print('pkg')\n        return 3\n",
            "my_pkg-1.0.data/purelib/more.py": "", "my_pkg-1.0.data/data/share/x": "",
            "my_pkg-1.0.data/scripts/old": "#!python\nimport more\nprint('old')\n",
            "my_pkg-1.0.dist-info/entry_points.txt": "[console_scripts]\nMy-Tool = my.pkg:Tool.main [extra]\n"})
        for name, said, status in (("My-Tool", "pkg\n", 3), ("old", "old\n", 0)):
            done = subprocess.run([venv / "bin" / name], capture_output=True, text=True, check=False)
            self.assertEqual((done.stdout, done.returncode), (said, status), done.stderr)
        self.assertTrue((venv / "share" / "x").is_file())

    def test_a_wheel_cannot_write_elsewhere(self):
        for name in ("../../../../x.py", "my_pkg-1.0.data/scripts/../../../x"):
            self.assertIn("is not a path inside", self.refused("bad-request", self.install, {name: ""}).message)
        message = self.refused("venv", self.install, {"other-1.0.dist-info/METADATA": ""}).message
        self.assertIn("the bootstrap wheels can't be installed: my_pkg-1.0-py3-none-any.whl: no single", message)


class TheLock(OnHost):
    def setUp(self):
        super().setUp()
        self.layout.make()
        self.lock = agent.Lock(self.layout)

    def take(self, token, lease=60):
        return self.lock.take({"token": token, "by": "Ann", "from": "laptop", "lease": lease}, "prepare")

    def test_one_holds_it_and_the_other_hears_who(self):
        self.take("a")
        self.take("a")
        failure = self.refused("locked", self.take, "b")
        self.assertIn("Ann from laptop", failure.message)
        self.assertNotIn("token", failure.more["lock"])
        self.refused("locked", self.lock.release, "b")
        self.assertTrue(self.lock.release("a"))
        self.take("b")

    def test_an_expired_one_is_taken_over_and_its_owner_is_fenced(self):
        self.take("a", lease=-1)
        self.take("b")
        self.refused("locked", self.lock.refresh, "a")
        self.refused("locked", self.lock.end_expired, {})
        self.lock.refresh("b")

    def test_whom_it_was_taken_over_from_is_said(self):
        self.take("a", lease=-1)
        said = io.BytesIO()
        self.lock.take({"token": "b"}, "prepare", agent.Answers(said))
        event = json.loads(said.getvalue())
        self.assertEqual(event["event"], "warning")
        self.assertIn("Ann from laptop", event["message"])

    def test_that_of_a_dead_client_ends_by_its_process(self):
        who = {"from": "laptop", "machine": "m", "pid": 7}
        self.lock.take({"token": "a", "by": "Ann", "lease": 60, **who}, "prepare")
        told = agent.Answers(io.BytesIO())
        for dead in ({**who, "pid": 8}, {**who, "from": "other"}, {**who, "machine": "n"}):
            self.refused("locked", self.lock.end_dead, dead, told)
        self.refused("bad-request", self.lock.end_dead, None, told)
        self.assertTrue(self.lock.end_dead(who, told))
        self.take("b")

    def test_a_wrong_or_stepping_clock_neither_ends_a_lease_nor_makes_it_last(self):
        self.take("a")
        year = 365 * 86400
        for clock in (lambda: 0, lambda: 2 * year, lambda: 60 * year):
            with unittest.mock.patch.object(agent.time, "time", clock):
                self.refused("locked", self.take, "b")
                self.assertFalse(self.lock.shown()["expired"])
        self.take("a", lease=-1)
        with unittest.mock.patch.object(agent.time, "time", lambda: 0):
            self.assertTrue(self.lock.shown()["expired"])
            self.take("b")

    def test_no_lease_outlives_a_restart_of_the_host(self):
        self.take("a", lease=10 ** 9)
        with unittest.mock.patch.dict(agent.__dict__, boot=lambda: "another start"):
            self.assertTrue(self.lock.shown()["expired"])
            self.take("b")
            self.refused("locked", self.lock.refresh, "a")

    def test_work_holds_it_when_its_lease_is_over(self):
        """A worker that was frozen goes on where it was, and nobody has joined it."""
        self.take("a", lease=60)
        with agent.Heartbeat(self.lock, "a"):
            self.lock.write({**self.lock.owner(), "lease": -1})
            self.refused("locked", self.take, "b")
            self.refused("locked", self.lock.end_expired, {})
            self.assertFalse(self.lock.shown()["expired"])
        self.take("b")

    def test_who_lost_it_does_not_begin(self):
        self.take("a", lease=-1)
        self.take("b")
        with self.assertRaises(agent.Failed) as caught, agent.Heartbeat(self.lock, "a"):
            self.fail("it worked")
        self.assertEqual(caught.exception.kind, "locked")
        with agent.Heartbeat(self.lock, "b"):
            pass

    def test_nobody_replaces_the_agent_under_a_lock(self):
        self.assertEqual(self.host.ask("install")["end"], "ok")
        os.unlink(self.host.at(".hostout", "agent"))
        self.take("a")
        self.assertEqual(self.host.ask("install")["kind"], "locked")

    def test_work_that_nobody_waits_for_stops(self):
        class Gone(io.BytesIO):
            def flush(self):
                raise BrokenPipeError

        answers = agent.Answers(Gone())
        answers.step("x")
        self.take("a")
        with self.assertRaises(KeyboardInterrupt), agent.Heartbeat(self.lock, "a", answers):
            time.sleep(10)

    def test_a_heartbeat_keeps_it(self):
        self.take("a", lease=2)
        with agent.Heartbeat(self.lock, "a"):
            time.sleep(3)
            self.refused("locked", self.take, "b")

    def test_of_many_who_find_an_expired_one_one_wins(self):
        self.take("old", lease=-1)
        won = []

        def race(token):
            with contextlib.suppress(agent.Failed):
                won.append(agent.Lock(self.layout).take({"token": token}, "x"))

        threads = [threading.Thread(target=race, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(won), 1)

    def test_unlock(self):
        self.take("a")
        self.assertEqual(self.host.ask("unlock", {"token": "b"})["kind"], "locked")
        why = {"expired": {"by": "Bob", "reason": "she went home"}}
        self.assertEqual(self.host.ask("unlock", why)["kind"], "locked")
        self.assertTrue(self.host.ask("unlock", {"token": "a"})["unlocked"])
        self.take("c", lease=-1)
        ended = self.host.ask("unlock", why)
        self.assertEqual((ended["unlocked"], ended["lock"]["by"]), (True, "Ann"), ended)
        self.assertNotIn("token", ended["lock"])
        self.assertFalse(self.host.ask("unlock", why)["unlocked"])
        told = json.loads(self.host.at(".hostout", "unlocked").read_text())
        self.assertEqual((told["by"], told["reason"], told["lock"]["by"]), ("Bob", "she went home", "Ann"))


class TheJournal(OnHost):
    def setUp(self):
        super().setUp()
        self.layout.make()
        self.journal = agent.Journal(self.layout, "j1")
        os.mkdir(self.journal.folder)

    def test_a_torn_last_line_is_no_line(self):
        self.journal.append({"event": "step", "step": "a"})
        with open(self.journal.file, "ab") as file:
            file.write(b'{"event": "en')
        events, offset = self.journal.events()
        self.assertEqual([event["step"] for event in events], ["a"])
        self.assertEqual(self.journal.state(), {"state": "died", "result": None})
        with open(self.journal.file, "ab") as file:
            file.write(b'd", "result": "healthy"}\n')
        self.assertEqual(self.journal.events(offset)[0][0]["event"], "end")

    def test_a_job_that_died_is_told_from_one_that_runs(self):
        self.journal.append({"event": "step", "step": "start"})
        held = self.journal.hold()
        end = self.host.ask("journal", {"wait": False}, "j1")
        self.assertEqual((end["kind"], end["result"]), ("running", "unknown"))
        os.close(held)
        end = self.host.ask("journal", None, "j1")
        self.assertEqual((end["kind"], end["result"]), ("died", "unknown"))
        self.assertEqual(self.host.steps(), ["start"])

    def test_what_a_job_writes_is_appended_by_all(self):
        class Work:
            journal = self.journal

            def run(self):
                with open(self.journal.output, "ab") as file:
                    file.write(b"a hook's\n")
                os.write(2, b"the agent's own\n")
                with open(self.journal.output, "ab") as file:
                    file.write(b"another\n")

        agent.leave_alone(Work())
        wanted = ["a hook's", "the agent's own", "another"]
        self.assertTrue(agent.wait_until(lambda: agent.tail_of(self.journal.output) == wanted, 20),
                        agent.tail_of(self.journal.output))

    def test_an_unknown_job_is_named(self):
        self.assertEqual(self.host.ask("journal", None, "nix")["kind"], "unknown-job")
        self.assertEqual(self.host.ask("journal", None, "../j1")["kind"], "bad-request")


ZOPE = """#!/bin/sh
# What a control script of zope2instance says and returns: status 0 whatever happens.
cd "$(dirname "$0")"
echo "$(basename "$0") $1" >> calls
case "$1" in
    start) test -e dead || { sleep 60 > /dev/null 2>&1 & echo $! > running-$(basename "$0"); } ;;
    stop) kill $(cat running-$(basename "$0")); rm -f running-$(basename "$0");;
    status) if test -e running-$(basename "$0"); then echo "program running; pid=$(cat running-$(basename "$0"))"
        else echo "daemon manager not running"; fi;;
esac
"""


class ZopeScripts(OnHost):
    def setUp(self):
        super().setUp()
        os.makedirs(self.host.at("bin"))
        for name in ("zeo", "client"):
            self.host.at("bin", name).write_text(ZOPE)
            self.host.at("bin", name).chmod(0o755)
        settings = {"buildout": {"services": {"kind": "zope", "scripts": ["zeo", "client"]}}}
        self.services = agent.services_of(self.host.path, settings)

    def test_they_start_in_order_and_stop_in_reverse(self):
        self.services.start()
        self.assertEqual([look["state"] for look in self.services.look()], ["running", "running"])
        self.services.stop()
        self.assertEqual([look["state"] for look in self.services.look()], ["stopped", "stopped"])
        calls = self.host.at("bin", "calls").read_text().splitlines()
        self.assertEqual([call for call in calls if "status" not in call],
                         ["zeo start", "client start", "client stop", "zeo stop"])

    def test_a_start_that_returns_0_and_left_nothing_is_a_failure(self):
        self.host.at("bin", "dead").touch()
        agent.START_SECONDS, before = 1, agent.START_SECONDS
        self.addCleanup(setattr, agent, "START_SECONDS", before)
        self.assertIn("bin/zeo", self.refused("start", self.services.start).message)


class Releases(OnHost):
    def test_what_a_rollback_would_go_back_to_stays(self):
        for live, deployed, kept in (("1.2.0", "1.0.0 1.1.0 1.2.0 1.3.0 1.2.0", ["1.2.0", "1.1.0"]),
                                     ("1.1.0", "1.0.0 1.1.0 1.2.0 1.1.0", ["1.1.0", "1.0.0"]),
                                     ("1.0.0", "1.0.0 1.1.0 1.0.0", ["1.0.0", "1.1.0"])):
            history = [{"id": f"a{at}", "release": version, "result": "healthy"}
                       for at, version in enumerate(deployed.split())]
            for version in deployed.split():
                os.makedirs(self.layout.release(version), exist_ok=True)
            os.makedirs(os.path.dirname(self.layout.record), exist_ok=True)
            agent.write_json(self.layout.record, {"format": 1, "release": live, "history": history})
            agent.link_now(self.layout, live)
            self.assertEqual(agent.Prune(self.layout, 1, True).releases(), kept, deployed)


class Children(OnHost):
    def test_a_daemon_that_keeps_the_output_open_does_not_hang_us(self):
        began = time.monotonic()
        code, said = agent.run(["sh", "-c", "echo a; sleep 30 & echo $! >&2"], "/", 20)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual((code, said.split()[0]), (0, b"a"))
        os.kill(int(said.split()[1]), 9)

    def test_what_takes_too_long_is_killed_with_its_children(self):
        code, said = agent.run(["sh", "-c", "sleep 30"], "/", 0.5)
        self.assertEqual(agent.ending(code, 0.5), "did not end within 0.5 s and was killed")
        self.assertEqual(said, b"")

    def test_what_no_kernel_takes_is_run_or_refused(self):
        self.assertEqual(agent.run(["echo", "a"], "/", 700 * 3600)[:2], (0, b"a\n"))
        self.assertEqual(agent.run(["echo", "a\0b"], "/", 20), (127, b"echo: embedded null byte"))

    def test_a_log_keeps_clean_text_and_no_password(self):
        log = os.path.join(self.host.root, "log")
        pathlib.Path(log).write_bytes(b"before\n")
        said = r"printf 'a\033[1mb\rc\nhttps://me:pw@h/\n'"
        self.assertEqual(agent.run(["sh", "-c", said], "/", 20, log)[1], b"a\x1b[1mb\rc\nhttps://me:pw@h/\n")
        agent.run(["sh", "-c", f"{said}; sleep 30"], "/", 0.5, log)
        kept = "a?[1mb\nc\nhttps://***@h/\n"
        self.assertEqual(pathlib.Path(log).read_text(), f"before\n{kept}{kept}\nkilled after 0.5 s\n")

    def test_a_log_is_cleaned_as_a_whole_would_be(self):
        log, before = os.path.join(self.host.root, "log"), agent.KEPT
        self.addCleanup(setattr, agent, "KEPT", before)
        for text in (b"a\nb", b"a\x1bb", b"a\rb\r\nc\xe2\x80\xa8d\n", "n\u00e4\u00efve\n".encode() * 9, b"\xff" * 90,
                     b"x\xff\n" * 30, b"a https://me:pw@h b\x00c" * 9, b"one word " * 20, b"y" * 99 + b"https://me:pw@h/",
                     b"\r\n" * 20 + b"\x07", b"\tt\n\n", b"\x85"):
            whole = "".join(f"{line}\n" for line in agent.clean_lines(text)).encode()
            wanted = text if whole in (text, text + b"\n") else whole
            for size in (1 << 20, 64):  # bytes that are looked at together
                agent.KEPT = size
                pathlib.Path(log).write_bytes(b"before\n" + text)
                agent.clean_from(log, 7)
                kept, pair = pathlib.Path(log).read_bytes(), [wanted.decode(), ""]
                pair[1] = kept[7:].decode()
                if size == 64:  # bytes that are no text are not told by a longer sign there
                    pair = [each.replace("\ufffd", "?") for each in pair]
                self.assertEqual(*pair, (text, size))
                self.assertEqual(kept[:7], b"before\n")

    def test_what_says_very_much_is_kept_by_its_end(self):
        log = os.path.join(self.host.root, "log")
        argv = ["sh", "-c", "yes 'a line that is said again and again' | head -n 2000000; echo the end"]
        code, said = agent.run(argv, "/", 60, log)
        self.assertEqual((code, len(said), said[-9:]), (0, agent.KEPT, b"\nthe end\n"))
        self.assertEqual(os.path.getsize(log), 72_000_008)
        code, said = agent.run_aside(argv, "/", 60, agent.service_env())
        self.assertEqual((code, len(said), said[-8:]), (0, agent.KEPT, b"the end\n"))
        self.assertEqual(agent.run_aside(["nowhere"], "/", 60, {})[0], 127)
        self.assertEqual(agent.run_aside(["sh", "-c", "echo a; sleep 9"], "/", 0.5, {"PATH": agent.PATH}),
                         (agent.TIMED_OUT, b"a\n"))
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
        self.assertLess(most, 120_000)

    def test_a_sudo_that_hangs_is_no_error(self):
        def slow(argv, **_):
            raise subprocess.TimeoutExpired(argv, 10)

        def forbidden(*_):
            raise PermissionError

        for module, name, other in ((os, "kill", forbidden), (subprocess, "run", slow)):
            self.addCleanup(setattr, module, name, getattr(module, name))
            setattr(module, name, other)
        agent.send(os.getpid(), 0)

    def test_what_outlives_its_parent_is_ended_with_its_own_children(self):
        script = "trap '' TERM; sleep 600 & echo $!; wait"
        with subprocess.Popen(["sh", "-c", f"setsid sh -c {shlex.quote(script)} & wait"],
                              stdout=subprocess.PIPE) as parent:
            sleeper = int(parent.stdout.readline())
            family = agent.descendants(parent.pid)
            self.assertIn(sleeper, family)
            parent.kill()
        self.assertTrue(agent.end_orphans(family, patience=0))
        self.assertEqual([pid for pid in family if agent.born(pid)[1]], [])

    def test_nothing_of_the_connection_is_seen(self):
        os.environ["SSH_CONNECTION"] = "x"
        self.addCleanup(os.environ.pop, "SSH_CONNECTION")
        _, said = agent.run(["env"], "/", 10)
        names = {line.split(b"=")[0] for line in said.splitlines()} - {b"HOME", b"USER", b"LOGNAME", b"TZ"}
        self.assertEqual(names, {b"PATH", b"LC_ALL"})


class Paths(OnHost):
    def test_blanks_and_length_are_refused_for_interpreter_lines(self):
        self.refused("refused", agent.check_interpreter_line, "/srv/my shop/bin/python")
        self.refused("refused", agent.check_interpreter_line, "/srv/" + "x" * 300)
        agent.check_interpreter_line("/srv/hôst/venvs/x/bin/python")

    def test_a_home_path(self):
        self.assertEqual(agent.Layout("~/x").path, os.path.expanduser("~/x"))
        self.refused("bad-request", agent.Layout, "x")

    def test_read_only_trees_are_removed(self):
        self.layout.make()
        folder = os.path.join(self.layout.eggs, "x")
        os.makedirs(os.path.join(folder, "a", "b"))
        pathlib.Path(folder, "a", "f").write_text("x")
        agent.read_only(folder)
        agent.remove_tree(self.layout, folder)
        self.assertEqual(os.listdir(self.layout.eggs) + os.listdir(self.layout.tmp), [])

    def test_files_of_ours_that_are_something_else_are_no_bug(self):
        self.layout.make()
        os.mkdir(self.layout.lock)
        for path, text in ((self.layout.record, "[1]"), (self.layout.lock_owner, "[1]"), (self.layout.lock_owner, '{"format": 1}'),
                           (os.path.join(self.layout.jobs, "last"), '{"id": "../.."}')):
            pathlib.Path(path).write_text(text)
            status = self.host.ask("status")
            self.assertEqual((status["end"], status["lock"]["by"], status["job"]),
                             ("ok", "someone whose name was not written", None), text)
        self.assertTrue(self.host.ask("unlock", {"expired": {"by": "Ada", "reason": "it is nobody's"}})["unlocked"])
        for history in (7, [1], [{"id": "a1", "release": "1.0", "time": ""}]):
            agent.write_json(self.layout.record, {"format": 1, "history": history})
            self.assertIn(f"the history in {self.layout.record} is not what", self.host.ask("status")["message"])

    def test_json_files_are_whole_or_not_there(self):
        self.layout.make()
        pathlib.Path(self.layout.record).write_text('{"rele')
        self.assertIsNone(agent.read_json(self.layout.record))
        agent.write_json(self.layout.record, {"release": "é"})
        self.assertEqual(json.loads(pathlib.Path(self.layout.record).read_text()), {"release": "é"})


if __name__ == "__main__":
    unittest.main()
