"""The bundle that a host keeps, made by real git and put together without it."""

import io
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

WHO = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "a@x", "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "a@x",
       "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}


class Bundled(unittest.TestCase):
    FORMAT = "sha1"

    def setUp(self):
        self.host = support.Host("host")
        self.addCleanup(self.host.remove)
        self.agent = support.load()
        self.layout = self.agent.Layout(self.host.path)
        self.layout.make()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.repo = folder.name
        self.git("init", "--quiet", "--initial-branch=hostout", f"--object-format={self.FORMAT}")

    def git(self, *words, **more):
        done = subprocess.run(["git", "-C", self.repo, *words], check=True, capture_output=True, env=WHO, **more)
        return done.stdout

    def commit(self, name):
        """A commit with a long file that git sends as a difference from the one before; the bundle of what is new."""
        lines = "".join(f"line {number} of a long file\n" for number in range(3000))
        with open(os.path.join(self.repo, "file"), "w", encoding="utf-8") as file:
            file.write(f"{lines}{name}\n")
        self.git("add", "file")
        self.git("commit", "--quiet", "--message", name)
        self.git("tag", "--annotate", "--message", name, name)
        return self.git("rev-parse", "HEAD").decode().strip()

    def bundle(self, *words):
        return self.git("bundle", "create", "--quiet", "-", *words)

    def keep(self, data, after=None):
        self.agent.keep_bundle(self.layout, io.BytesIO(data), after)

    def test_what_comes_piece_by_piece_is_one_bundle_as_git_reads_it(self):
        tips = [self.commit("v1")]
        self.keep(self.bundle("hostout", "v1"))
        for number in (2, 3, 4):
            new = f"v{number}"
            tips.append(self.commit(new))
            piece = self.bundle("hostout", new, f"^{tips[-2]}", f"^v{number - 1}")
            self.assertLess(len(piece), 3000)
            self.keep(piece, tips[-2])
        shown = self.agent.bundle_shown(self.layout)
        self.assertEqual((shown["branch"], shown["tip"], shown["tags"]), ("hostout", tips[-1], ["v1", "v2", "v3", "v4"]))
        self.assertEqual(shown["bytes"], os.path.getsize(self.layout.bundle))
        self.assertEqual(os.stat(self.layout.bundle).st_mode & 0o777, 0o600)
        with tempfile.TemporaryDirectory() as clone:
            subprocess.run(["git", "clone", "--quiet", "--branch", "hostout", self.layout.bundle, clone], check=True, env=WHO)
            for check in (["fsck", "--strict"], ["diff", "--exit-code", tips[-1]], ["verify-pack", "-v"]):
                if check[0] == "verify-pack":
                    pack = os.path.join(clone, ".git/objects/pack")
                    check.append(os.path.join(pack, next(n for n in os.listdir(pack) if n.endswith(".idx"))))
                subprocess.run(["git", "-C", clone, *check], check=True, env=WHO, capture_output=True)
            log = subprocess.run(["git", "-C", clone, "log", "--format=%H"], check=True, env=WHO, capture_output=True)
            self.assertEqual(log.stdout.decode().split(), tips[::-1])

    def test_what_does_not_follow_or_is_damaged_changes_nothing(self):
        first = self.commit("v1")
        whole = self.bundle("hostout", "v1")
        self.keep(whole)
        second = self.commit("v2")
        piece = self.bundle("hostout", "v2", f"^{first}")
        damaged = bytearray(piece)
        damaged[-40] ^= 1
        with open(self.layout.bundle, "rb") as file:
            before = file.read()
        for data, after in [(piece, second), (piece, None), (whole, first), (bytes(damaged), first), (piece[:-1], first),
                            (b"", first), (b"# v2 git bundle\n", first), (b"# v9 git bundle\n\n", None),
                            (b"# v3 git bundle\n@filter=blob:none\n\n", None)]:
            with self.assertRaises((ValueError, self.agent.struct.error)):
                self.keep(data, after)
            with open(self.layout.bundle, "rb") as file:
                self.assertEqual(file.read(), before)
        self.assertEqual(os.listdir(self.layout.tmp), [])

    def test_a_deployment_does_not_fail_for_it(self):
        said = []
        answers = type("Answers", (), {"warning": lambda _, text: said.append(text)})()
        self.agent.take_bundle(self.layout, {"data": "eA=="}, answers)
        self.assertEqual(said, ["project.bundle is as it was, and lacks this deployment: it is no git bundle"])
        self.assertIsNone(self.agent.bundle_shown(self.layout))


class BundledBySha256(Bundled):
    FORMAT = "sha256"


if __name__ == "__main__":
    unittest.main()
