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


class BeforeTheTries(unittest.TestCase):
    agent = support.load()

    def of(self, *entries):
        history = [dict(zip(("id", "release", "result"), entry.split())) for entry in entries]
        return self.agent.before_the_tries(history, "now-1.2")

    def test_the_way_back_is_to_what_ran_last_with_its_last_data(self):
        self.assertEqual(self.of(), (None, "now-1.2"))
        self.assertEqual(self.of("a 1.1 healthy", "b 1.2 failed", "c 1.2 failed"), ("1.1", "b-1.2"))
        # What a try left that was put back is the old release's again, which goes on to write.
        self.assertEqual(self.of("a 1.1 healthy", "b 1.2 reverted", "c 1.2 failed"), ("1.1", "c-1.2"))
        # Healthy here, and taken back because another host could not follow.
        self.assertEqual(self.of("a 1.1 healthy", "b 1.2 healthy", "b-back 1.2 reverted", "c 1.2 failed", "d 1.2 failed"),
                         ("1.1", "c-1.2"))
        self.assertEqual(self.of("a 1.1 healthy", "b 1.2 unhealthy", "c 1.2 failed"), ("1.1", "b-1.2"))


class Told(unittest.TestCase):
    """What a way back writes down and says, without one."""

    agent = support.load()

    def setUp(self):
        self.host = support.Host("site")
        self.addCleanup(self.host.remove)
        self.layout = self.agent.Layout(self.host.path)
        self.layout.make()

    def job(self, kind):
        job = kind.__new__(kind)
        job.layout, job.request, job.id, job.old, job.new = self.layout, {}, "a2-back", "1.1", "1.2"
        job.journal = self.agent.Journal(self.layout, job.id)
        os.mkdir(job.journal.folder)
        return job

    def test_a_record_that_goes_back_is_written_once(self):
        history = [{"id": f"a{n}", "release": f"1.{n}", "result": "healthy"} for n in (1, 2)]
        self.agent.write_json(self.layout.record, {"format": 1, "release": "1.2", "id": "a2", "serial": 7, "history": history})
        written, write = [], self.agent.write_json
        self.addCleanup(setattr, self.agent, "write_json", write)
        self.agent.write_json = lambda path, *value, **more: (written.append(path), write(path, *value, **more))
        self.job(self.agent.Reversal).remember("reverted")
        self.assertEqual(written, [self.layout.record])
        record = self.agent.read_json(self.layout.record)
        self.assertEqual([record[key] for key in ("release", "id", "serial", "healthy")], ["1.1", "a1", None, True])
        self.assertEqual(record["history"][-1]["result"], "reverted")

    def test_whatever_is_raised_where_that_is_spared_is_a_warning(self):
        job, hook = self.job(self.agent.Activation), sys.excepthook
        self.addCleanup(setattr, sys, "excepthook", hook)
        sys.excepthook = lambda *_: None

        def fail(error):
            raise error

        for error, said in ((self.agent.Failed("io", "no answer"), "no answer"), (OSError(28, "full"), "full"),
                            (MemoryError(), "a bug in the agent: MemoryError()")):
            job.spared(fail, error, what="old backups could not be removed: ")
            self.assertEqual(job.journal.events()[0][-1]["message"], f"old backups could not be removed: {said}")


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
