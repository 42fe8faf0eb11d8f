"""What goes wrong on the way back, and what buildout leaves that is not the manifest's."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support
import test_deploy as deploys


class NetworkWaysBack(deploys.NetworkCase):
    def make(self, version, start):
        tables = deploys.TABLES.format(port=self.port, backup='"cp var/README $HOSTOUT_BACKUP/"', files="[]", hooks="",
                                       restore="").replace('start = "', f'start = "{start}')
        return self.release(version, parts="app late", tables=tables)

    def test_an_old_release_that_does_not_start_again_is_told_with_both_causes(self):
        self.ok(self.host.deploy(self.make("1.0.0", "test ! -e var/broken && "), None, "a1"))
        end = self.host.deploy(self.make("1.1.0", "echo spoilt > var/broken; echo no licence >&2; exit 7; "), "1.0.0",
                               "a2")
        self.assertEqual((end["result"], end["current"]), ("failed", "1.0.0"), end)
        self.assertIn("putting back 1.0.0 failed too: ", end["message"])
        self.assertIn("no licence", "\n".join(end["output"]))
        self.assertIsNone(deploys.get(self.port))
        status = self.host.ask("status")
        self.assertEqual((status["current"]["release"], status["healthy"], status["lock"]), ("1.0.0", False, None))
        self.assertEqual(status["record"]["history"][-1]["result"], "failed")


class NetworkWorkingSet(deploys.NetworkCase):
    def test_an_egg_that_is_not_the_manifests_is_refused_although_buildout_said_0(self):
        release = self.release("1.0.0", parts="app stray")
        release.files["hostout.cfg"] += ("stray = 2.0\n[stray]\nrecipe = zc.recipe.egg\neggs = stray\n"
                                         "find-links = ${buildout:directory}/more\n")
        files = {name: text.encode() for name, text in release.files.items()}
        files["more/stray-2.0-py3-none-any.whl"] = support.make_wheel("stray", "2.0", {"stray.py": ""})
        tarball = support.make_tar([(f"demo-1.0.0/{name}", data) for name, data in files.items()])
        release.manifest = release.manifest.replace(release.tarball, release.add(tarball))
        release.digest = support.sha256(release.manifest.encode())
        self.host.send(release)
        end = self.host.prepare(release)
        self.assertEqual((end["end"], end["kind"]), ("failed", "buildout"), end)
        self.assertRegex(end["message"], r"buildout used stray-2\.0-\S+\.egg, which the manifest doesn't name")
        self.assertFalse(self.host.at("releases", "1.0.0").exists())


if __name__ == "__main__":
    unittest.main()
