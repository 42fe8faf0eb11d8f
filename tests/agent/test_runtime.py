"""Services, hooks and data that are another user's than who deploys: what only that user may see is asked as them."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

BUILD, RUNTIME = "nobody", "games"
# As far as sudoers would go, and no further: the one user becomes the other.
SUDO = """#!/bin/sh
test "$1 $2 $3 $4" = "-n -u {user.pw_name} --" || exit 1
shift 4
exec {helper} --reuid={user.pw_uid} --regid={user.pw_gid} --clear-groups -- "$@"
"""


@unittest.skipUnless(os.getuid() == 0, "only root is two users")
class TwoUsers(unittest.TestCase):
    def setUp(self):
        self.host = support.Host("site")
        self.addCleanup(self.host.remove)
        build, runtime = (pwd.getpwnam(name) for name in (BUILD, RUNTIME))
        os.chmod(self.host.root, 0o755)
        programs = pathlib.Path(self.host.root, "bin")
        programs.mkdir()
        helper = programs / "as-runtime"
        shutil.copy(shutil.which("setpriv"), helper)
        os.chown(helper, 0, build.pw_gid)
        helper.chmod(0o4750)
        (programs / "sudo").write_text(SUDO.format(user=runtime, helper=helper))
        (programs / "sudo").chmod(0o755)
        self.source = support.SOURCE.replace(b'\nPATH = "', f'\nPATH = "{programs}:'.encode(), 1)
        self.assertNotEqual(self.source, support.SOURCE)
        os.mkdir(self.host.path)
        self.host.at(".hostout").mkdir()
        self.host.at(".hostout", "runtime").write_text(RUNTIME)
        self.host.at(".hostout", "agent").write_bytes(self.source)
        for place in (self.host.at(), self.host.at(".hostout")):
            os.chown(place, build.pw_uid, build.pw_gid)
        self.build, self.runtime = ({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
                                    for user in (build, runtime))

    def as_build(self, script, *arguments):
        """What a script says that works with the agent's functions as whoever deploys."""
        begin = ("import sys, types\nagent = types.ModuleType('agent')\n"
                 "exec(compile(open(sys.argv[1]).read(), 'agent', 'exec'), agent.__dict__)\n"
                 "layout = agent.Layout(sys.argv[2])\n")
        python = shutil.which("python3", path="/usr/bin:/bin")
        argv = [python, "-I", "-c", begin + script, self.host.at(".hostout", "agent"), self.host.path, *arguments]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=60, text=True, **self.build)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def started(self, script, **more):
        """A process of the runtime user's."""
        child = subprocess.Popen(["sh", "-c", script], **self.runtime, **more)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def test_what_a_job_has_left_running_is_ended(self):
        output = self.host.at(".hostout", "output")
        with open(output, "ab") as file:
            output.chmod(0o600)
            os.chown(output, self.build["user"], -1)
            child = self.started("sleep 600 > /dev/null 2>&1; :", stdout=file, stderr=file)
            other = self.started("sleep 600; :", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        below = lambda: support.load().descendants(child.pid)  # noqa: E731
        while not below():
            time.sleep(0.05)
        sleeper = next(iter(below()))
        self.as_build("agent.end_children(layout, sys.argv[3])", str(output))
        self.assertIsNotNone(child.wait(10))
        self.assertFalse(support.load().alive(sleeper, "sleep"), "what it runs in silence is ended, too")
        self.assertIsNone(other.poll())

    def test_where_one_listens_is_seen(self):
        port = support.free_port()
        child = self.started(f"exec {shutil.which('python3', path='/usr/bin:/bin')} -m http.server --bind 127.0.0.1 {port}",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        said = self.as_build("import types\nroll = agent.Roll(types.SimpleNamespace(layout=layout), [])\n"
                             "print(agent.listening([int(sys.argv[3])]), roll.listening([int(sys.argv[3])]))", str(child.pid))
        self.assertEqual(said, f"set() ['127.0.0.1:{port}']")


if __name__ == "__main__":
    unittest.main()
