"""Wheels that a host takes from an index itself, and those that it does not need."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

agent = support.load()


class Fetch(unittest.TestCase):
    def test_a_line_for_pip_holds_nothing_but_a_wheel(self):
        digest = "0" * 64
        wheel = {"name": "zc.buildout", "version": "6.0.1", "sha256": digest}
        self.assertEqual(agent.requirement(wheel), f"zc.buildout==6.0.1 --hash=sha256:{digest}\n")
        for key, value in [("name", "x\n--index-url=http://evil"), ("name", "--pre"), ("name", ""),
                           ("version", "1.0 --pre"), ("version", "1.0\n-r /etc/passwd"), ("sha256", "0")]:
            with self.subTest(key=key, value=value), self.assertRaises(agent.Failed):
                agent.requirement({**wheel, key: value})

    def test_without_an_index_it_says_what_is_missing(self):
        host, port = support.Host(), 1
        self.addCleanup(host.remove)
        release = support.project("1.0", port)
        pip = next(path for path in support.wheelhouse("6") if path.name.startswith("pip-"))
        kept = [release.tarball, support.sha256(pip.read_bytes()), support.sha256(support.hello("1.0")[1])]
        whole, release.artifacts = release.artifacts, {name: release.artifacts[name] for name in kept}
        host.send(release)
        os.environ["PIP_INDEX_URL"], os.environ["PIP_RETRIES"] = f"http://127.0.0.1:{port}/simple", "0"
        self.addCleanup(os.environ.pop, "PIP_INDEX_URL")
        self.addCleanup(os.environ.pop, "PIP_RETRIES")
        end = host.prepare(release, fetch=True)
        self.assertEqual((end["end"], end["kind"]), ("failed", "missing-artifact"))
        self.assertEqual(sorted(end["missing"]), sorted(set(whole) - set(kept)))
        self.assertIn("fetch", host.steps())
        self.assertFalse(host.at("releases", "1.0").exists())

    def test_what_only_other_hosts_need_is_passed_over(self):
        ranks = {tag: n for n, tag in enumerate(agent.wheel_tags())}
        foreign = {"name": "x", "version": "1", "artifacts": [{"file": "x-1-cp2-cp2-any.whl", "sha256": "0" * 64}]}
        chosen = agent.Prepare.choose(None, {**foreign, "targets": ["cp2-any"]}, ranks)
        self.assertIsNone(chosen)
        with self.assertRaises(agent.Failed):
            agent.Prepare.choose(None, foreign, ranks)

    def test_what_is_shipped_comes_before_what_the_index_has(self):
        tags = agent.wheel_tags()
        ranks, mine = {tag: n for n, tag in enumerate(tags)}, f"x-1-{tags[0]}.whl"
        other = {"file": "x-1-cp2-cp2-any.whl", "sha256": "0" * 64}
        best, pure = {"file": mine, "sha256": "1" * 64}, {"file": "x-1-py3-none-any.whl", "sha256": "2" * 64}
        dist = {"name": "x", "version": "1", "origin": "index", "artifacts": [other], "fetchable": [pure, best]}
        choose = lambda **more: agent.Prepare.choose(None, {**dist, **more}, ranks)["sha256"]  # noqa: E731
        self.assertEqual(choose(), best["sha256"])
        self.assertEqual(choose(artifacts=[other, pure], fetchable=[best]), pure["sha256"])
        for more in ({"origin": "sdist"}, {"name": "pip"}, {"fetchable": [other]}):
            with self.subTest(more=more), self.assertRaises(agent.Failed):
                choose(**more)
        self.assertIsNone(agent.Prepare.choose(None, {**dist, "targets": ["cp2-any"]}, ranks))


if __name__ == "__main__":
    unittest.main()
