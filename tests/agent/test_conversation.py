"""One process that answers many requests, and how it is found."""

import json
import subprocess
import sys
import unittest

import support

BOOT = (support.HOST / "boot.py").read_text()


class Conversation(unittest.TestCase):
    def setUp(self):
        self.host = support.Host()
        self.addCleanup(self.host.remove)

    def talk(self, *requests, source=support.SOURCE, feed=True):
        """The lines that answer (verb, argument, body); the source follows the first request where it is asked for."""
        argv = [sys.executable, "-IS", "-c", BOOT, str(len(source)), support.sha256(source), "--path", self.host.path,
                "serve"]
        frames = [f"{len(body)} {' '.join(filter(None, (verb, arg)))}\n".encode() + body for verb, arg, body in requests]
        frames.insert(1, source if feed else b"")
        done = subprocess.run(argv, input=b"".join(frames), capture_output=True, check=False, timeout=60, cwd="/")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ends(self, *requests, **how):
        return [line for line in self.talk(*requests, **how) if "end" in line]

    def test_requests_follow_each_other(self):
        data = b"x" * 300_000
        name = support.sha256(data)
        lines = self.talk(("status", None, b""), ("put", name, data), ("have", None, ask(sha256=[name])),
                          ("manifest", "1.0", b""), ("have", None, ask(sha256=["0" * 64])))
        self.assertEqual(lines[0], {"event": "source"})
        status, put, have, manifest, other = [line for line in lines if "end" in line]
        self.assertEqual((status["end"], status["path-state"]), ("ok", "absent"))
        self.assertEqual((put["end"], put["bytes"]), ("ok", len(data)))
        self.assertEqual(have["missing"], [])
        self.assertEqual((manifest["end"], manifest["kind"]), ("failed", "not-prepared"))
        self.assertEqual(other["missing"], ["0" * 64])

    def test_what_a_verb_leaves_unread_is_no_request(self):
        refused, status = self.ends(("put", "no digest", b"7 status\n" * 100_000), ("status", None, b""))
        self.assertEqual(refused["kind"], "bad-request")
        self.assertEqual(status["end"], "ok")

    def test_a_verb_of_somebody_newer_is_refused(self):
        new, status = self.ends(("dance", None, b"{}"), ("status", None, b""))
        self.assertEqual(new["kind"], "bad-request")
        self.assertIn("dance", new["message"])
        self.assertEqual(status["end"], "ok")

    def test_a_request_that_is_cut_off_changes_nothing(self):
        argv = [sys.executable, "-IS", "-c", BOOT, str(len(support.SOURCE)), support.sha256(support.SOURCE), "--path",
                self.host.path, "serve"]
        self.talk(("install", None, b""))
        name = support.sha256(b"whole")
        done = subprocess.run(argv, input=f"5 put {name}\nwho".encode(), capture_output=True, check=True, timeout=60)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["kind"], "wrong-hash")
        self.assertEqual([*self.host.at("store").rglob("*.*")], [])

    def test_the_agent_that_is_there_needs_no_source_and_is_compiled_once(self):
        self.talk(("install", None, b""))
        compiled = self.host.at(".hostout", "agent.code")
        self.assertTrue(compiled.read_bytes().startswith(support.sha256(support.SOURCE).encode()))
        lines = self.talk(("status", None, b""), feed=False)
        self.assertEqual([line.get("end") for line in lines], ["ok"])
        before = compiled.stat().st_ino
        self.talk(("install", None, b""), feed=False)
        self.assertEqual(compiled.stat().st_ino, before)

        # Of another python, or of another source: it is not looked at.
        compiled.write_bytes(compiled.read_bytes().replace(sys.version.encode()[:5], b"2.7.9", 1))
        self.assertEqual([line.get("end") for line in self.talk(("status", None, b""), feed=False)], ["ok"])
        other = support.SOURCE + b"# newer\n"
        lines = self.talk(("status", None, b""), source=other)
        self.assertEqual((lines[0], lines[1]["installed"]), ({"event": "source"}, support.sha256(support.SOURCE)))
        self.talk(("install", None, b""), source=other)
        self.assertTrue(compiled.read_bytes().startswith(support.sha256(other).encode()))


def ask(**request):
    return json.dumps({"format": 1, **request}).encode()


if __name__ == "__main__":
    unittest.main()
