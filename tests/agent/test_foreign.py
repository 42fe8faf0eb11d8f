"""Bytes that somebody else wrote, changed at random: they are refused in the agent's own words, and nothing is written
outside. `HOSTOUT_FUZZ_ROUNDS` says how many of each there are."""

import gzip
import os
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

agent = support.load()
ROUNDS = int(os.environ.get("HOSTOUT_FUZZ_ROUNDS", "300"))


def changed(data, chance):
    """A copy with a few bytes replaced, cut out, doubled, or cut off."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at + 1] = bytes([chance.choice([0, 46, 47, 92, 255, chance.randrange(256)])])
            case 1:
                del data[at:at + chance.randrange(64)]
            case 2:
                data[at:at] = data[at:at + chance.randrange(600)]
            case 3:
                data[at:at + 3] = b"../"
    return bytes(data)


class Foreign(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ho-")
        self.addCleanup(shutil.rmtree, self.root)
        self.seed = random.randrange(1 << 32)
        self.chance = random.Random(self.seed)

    def outside(self):
        """Everything below the root but what may be written to."""
        return sorted(str(path) for path in pathlib.Path(self.root).iterdir() if path.name not in ("inside", "file"))

    def feed(self, good, take, allowed):
        """Rounds of a changed `good`; `take` may raise only `allowed`."""
        file, inside = os.path.join(self.root, "file"), os.path.join(self.root, "inside")
        refused = 0
        for number in range(ROUNDS):
            data = changed(good, self.chance)
            pathlib.Path(file).write_bytes(data)
            shutil.rmtree(inside, ignore_errors=True)
            os.mkdir(inside)
            with self.subTest(seed=self.seed, round=number):
                try:
                    take(file, inside)
                except allowed:
                    refused += 1
                self.assertEqual(self.outside(), [])
        self.assertGreater(refused, 0)

    def test_tarballs(self):
        members = support.make_tar([("demo-1/a/b.cfg", b"x" * 700), ("demo-1/run", b"y")], "w")

        def take(file, inside):
            data = pathlib.Path(file).read_bytes()
            pathlib.Path(file).write_bytes(gzip.compress(data, 1))
            agent.unpack_tarball(file, "demo-1", inside)

        self.feed(members, take, (agent.Failed, OSError))

    def test_compressed_tarballs(self):
        good = support.make_tar([("demo-1/a/b.cfg", b"x" * 700)])
        self.feed(good, lambda file, inside: agent.unpack_tarball(file, "demo-1", inside),
                  (agent.Failed, OSError))

    def test_wheels(self):
        good = support.make_wheel("demo", "1.0", {"demo/__init__.py": "x = 1\n", "demo/more.py": "",
                                                  "demo-1.0.data/purelib/z.py": ""})

        def take(file, inside):
            wheel = agent.Wheel(file)
            if wheel.plain():
                wheel.unpack(inside)

        self.feed(good, take, (*agent.damage(), OSError))

    def test_journals(self):
        layout = agent.Layout(self.root)
        os.makedirs(layout.job("a1"))
        good = b'{"event":"step","step":"stop"}\n{"event":"end","end":"ok","result":"healthy"}\n'
        for _ in range(ROUNDS):
            pathlib.Path(layout.job("a1"), "journal").write_bytes(changed(good, self.chance))
            journal = agent.Journal(layout, "a1")
            events, _ = journal.events()
            self.assertTrue(all(isinstance(event, dict) for event in events), (self.seed, events))
            journal.ended()
            journal.state()


if __name__ == "__main__":
    unittest.main()
