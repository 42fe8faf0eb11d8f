"""Shared files into their place, and where logs are."""

import base64
import os
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

agent = support.load()


class Ways(unittest.TestCase):
    def test_the_folder_that_is_closed_to_others(self):
        folder = tempfile.TemporaryDirectory()  # closed, as everyone's is
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "srv", "site")
        os.makedirs(path)
        self.assertEqual(agent.closed_folder(path), folder.name)
        os.chmod(folder.name, 0o711)
        self.assertIsNone(agent.closed_folder(path))
        os.chmod(path, 0o750)
        self.assertEqual(agent.closed_folder(path), path)


class Causes(unittest.TestCase):
    def test_what_python_raised_is_told_with_the_hook_that_ended_so(self):
        said = b"Migrating\nTraceback (most recent call last):\n  File \"x\", line 1\nOSError: no server\n"
        self.assertEqual(agent.raised(said), ": OSError: no server")
        self.assertEqual(agent.raised(b"no\n"), "")


class SharedFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.layout = agent.Layout(os.path.join(folder.name, "srv"))

    def put(self, name, content):
        return agent.put_shared(self.layout, name, {"content": base64.b64encode(content).decode()})

    def test_a_file_is_written_once_for_its_owner(self):
        self.assertTrue(self.put("etc/secret.cfg", b"\x00one"))
        self.assertFalse(self.put("etc/secret.cfg", b"\x00one"))
        self.assertTrue(self.put("etc/secret.cfg", b"two"))
        place = os.path.join(self.layout.shared, "etc", "secret.cfg")
        self.assertEqual(stat.S_IMODE(os.stat(place).st_mode), 0o600)
        self.assertEqual(os.listdir(os.path.dirname(place)), ["secret.cfg"])

    def test_nothing_is_written_anywhere_else(self):
        self.layout.make()
        os.symlink("/tmp", os.path.join(self.layout.shared, "etc"))
        for name in ("etc/secret.cfg", "../secret.cfg", "/etc/secret.cfg", ""):
            with self.subTest(name), self.assertRaises(agent.Failed):
                self.put(name, b"x")
        with self.assertRaises(agent.Failed):
            agent.put_shared(self.layout, "secret.cfg", {"content": "no base64!"})


class Logs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.layout = agent.Layout(folder.name)
        self.layout.make()

    def release(self, services, files):
        release = self.layout.release("1.0.0")
        for name, text in files.items():
            path = os.path.join(release, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            agent.write_whole(path, text.replace("@", release).encode())
        os.makedirs(os.path.dirname(self.layout.settings("1.0.0")), exist_ok=True)
        agent.write_json(self.layout.settings("1.0.0"), {"buildout": {"services": services}})
        agent.link_now(self.layout, "1.0.0")
        return [os.path.relpath(path, release) for path in agent.log_files(self.layout)]

    def test_zope_and_zeo_by_their_own_configuration(self):
        found = self.release({"kind": "zope", "scripts": ["instance"]}, {
            "parts/instance/etc/wsgi.ini": "[handler_accesslog]\nargs = (r'@/var/log/instance-access.log','a')\n"
                                           "[handler_eventlog]\nargs = (r'@/var/log/instance.log','a')\n",
            "parts/zeo/etc/zeo.conf": "<logfile>\n  path @/var/log/zeo.log\n</logfile>\n",
            "parts/old/etc/zope.conf": "path @/var/log/Z2.log\n",
            "var/log/instance.log": "", "var/log/instance-access.log": "", "var/log/zeo.log": "", "var/log/Z2.log": ""})
        self.assertEqual(sorted(found), ["var/log/Z2.log", "var/log/instance-access.log", "var/log/instance.log",
                                         "var/log/zeo.log"])

    def test_supervisor_and_its_programs(self):
        found = self.release({"kind": "supervisor"}, {
            "parts/supervisor/supervisord.conf":
                "[supervisord]\nlogfile = @/var/log/supervisord.log ; main\nchildlogdir = @/var/log\n"
                "[program:web]\nstdout_logfile = @/var/log/web.log\n[program:zeo]\ncommand = zeo\n",
            "var/log/supervisord.log": "", "var/log/web.log": "", "var/log/zeo-stdout---supervisor-x.log": "",
            "var/log/stranger-stdout---supervisor-x.log": ""})
        self.assertEqual(found, ["var/log/supervisord.log", "var/log/web.log", "var/log/zeo-stdout---supervisor-x.log"])

    def test_files_that_appear_are_followed_too(self):
        folder = self.layout.path
        names = [os.path.join(folder, f"web-stdout---{name}.log") for name in ("old", "new")]
        with open(names[0], "w", encoding="utf-8") as file:
            file.write("one\ntwo\nthree\n")
        argv = [sys.executable, "-IS", support.HOST / "follow.py", "2", os.path.join(folder, "web-std*---*.log")]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            said = [process.stdout.readline() for _ in range(3)]
            os.remove(names[0])
            with open(names[1], "w", encoding="utf-8") as file:
                file.write("four\n")
            said += [process.stdout.readline() for _ in range(3)]
            with open(names[1], "a", encoding="utf-8") as file:
                file.write("five\n")
            said.append(process.stdout.readline())
            process.stdout.close()
            self.assertEqual(process.wait(timeout=10), 0, "it ends when nobody reads")
        old, new = (f"==> {os.path.realpath(name)} <==\n" for name in names)
        self.assertEqual(said, [old, "two\n", "three\n", "\n", new, "four\n", "five\n"])

    def test_a_command_s_log_and_none(self):
        self.assertEqual(self.release({"kind": "command", "log": "var/app.log"}, {"var/app.log": ""}), ["var/app.log"])
        self.assertEqual(self.release({"kind": "none"}, {}), [])


if __name__ == "__main__":
    unittest.main()
