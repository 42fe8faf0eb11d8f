"""Backups: made whole or not at all, hashed, pruned, put back. Real files; neither network nor processes but `sh`."""

import errno
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support
import test_agent

agent = test_agent.agent


class WithData(test_agent.OnHost):
    DATA = {"kind": "zodb", "storages": ["var/filestorage/Data.fs"], "blobs": ["var/blobstorage"], "keep": 2}

    def setUp(self):
        super().setUp()
        self.layout.make()
        self.healthy(True)
        self.release = self.host.at("releases", "1.0.0")
        self.storage = self.write("var/filestorage/Data.fs", "FS21")
        self.blob = self.write("var/blobstorage/0x00/a.blob", "blob")

    def healthy(self, healthy):
        record = agent.read_json(self.layout.record) or {"format": 1, "history": []}
        agent.write_json(self.layout.record, {**record, "healthy": healthy})

    def write(self, path, text):
        place = self.release / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def backup(self, name="a1-1.1.0"):
        return agent.Backup(self.layout, name, None, {"HOSTOUT_ID": "a1", "HOSTOUT_RELEASE": "1.1.0"})

    def make(self, name="a1-1.1.0", data=None):
        return self.backup(name).make(str(self.release), data or self.DATA)

    def restore(self, name="a1-1.1.0", data=None):
        return agent.Restore(self.backup(name), str(self.release), data or self.DATA)

    def kept(self):
        return sorted(os.listdir(self.layout.backups))

    def files(self):
        """What lies where the data is."""
        var = self.release / "var"
        return sorted(str(path.relative_to(var)) for path in var.rglob("*") if path.is_file())


class Making(WithData):
    def test_storages_are_copied_and_blobs_are_linked(self):
        self.make()
        folder = self.host.at("backups", "a1-1.1.0")
        self.assertTrue((folder / "var/blobstorage/0x00/a.blob").samefile(self.blob))
        self.storage.write_text("FS21 and more")
        self.assertEqual((folder / "var/filestorage/Data.fs").read_text(), "FS21")

    def test_it_is_sealed_with_sums_that_coreutils_read_and_entered_into_the_record(self):
        self.write("var/blobstorage/a\nb\\", "odd name")
        seal = self.make()
        folder = self.host.at("backups", "a1-1.1.0")
        subprocess.run(["sha256sum", "--quiet", "-c", ".hostout/SHA256SUMS"], cwd=folder, check=True)
        sums = (folder / ".hostout/SHA256SUMS").read_bytes()
        self.assertEqual(seal["sha256"], support.sha256(sums))
        self.assertEqual((seal["name"], seal["files"], seal["bytes"]), ("a1-1.1.0", 3, 16))
        self.assertEqual(agent.read_json(self.layout.record)["backups"], [seal])
        self.assertEqual(json.loads((folder / ".hostout/complete").read_text()), {"format": 1, **seal})

    def test_a_blob_that_was_hashed_before_is_not_read_again(self):
        self.make()
        read, before = [], agent.sha256_of
        agent.sha256_of = lambda path: read.append(os.path.basename(path)) or before(path)
        self.addCleanup(setattr, agent, "sha256_of", before)
        self.write("var/blobstorage/0x00/b.blob", "new")
        seal = self.make("b2-1.2.0")
        self.assertEqual((read, seal["files"]), (["b.blob", "Data.fs"], 3))

    def test_a_site_without_data_has_no_backup(self):
        data = {**self.DATA, "storages": ["var/nowhere/Data.fs"]}
        self.assertIsNone(self.make(data=data))
        self.assertEqual(self.kept(), [])

    def test_a_command_gets_directory_id_and_version(self):
        line = 'echo "$HOSTOUT_BACKUP $HOSTOUT_ID $HOSTOUT_RELEASE" > "$HOSTOUT_BACKUP/dump"'
        self.make(data={"kind": "command", "backup": line})
        folder = self.host.at("backups", "a1-1.1.0")
        self.assertEqual((folder / "dump").read_text(), f"{folder} a1 1.1.0\n")

    def test_a_command_that_fails_or_writes_nothing_leaves_nothing(self):
        for line in ("echo x > $HOSTOUT_BACKUP/dump; false", "true", ": > $HOSTOUT_BACKUP/dump"):
            self.refused("backup", self.make, "a1-1.1.0", {"kind": "command", "backup": line})
            self.assertEqual(self.kept(), [], line)
        self.assertNotIn("backups", agent.read_json(self.layout.record))

    def test_a_full_disk_takes_only_the_partial_away(self):
        self.make()

        def full(source, target):
            pathlib.Path(target).parent.mkdir(parents=True)
            pathlib.Path(target).write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

        before, agent.copy_beginning = agent.copy_beginning, full
        self.addCleanup(setattr, agent, "copy_beginning", before)
        with self.assertRaises(OSError):
            self.make("b2-1.2.0")
        self.assertEqual(self.kept(), ["a1-1.1.0"])


class Pruning(WithData):
    def test_the_newest_stay_and_strangers_too(self):
        for name in ("a1-1.0.0", "b2-1.1.0", "c3-1.2.0"):
            self.make(name)
        os.makedirs(os.path.join(self.layout.backups, "mine"))
        agent.prune_backups(self.layout, 2)
        self.assertEqual(self.kept(), ["b2-1.1.0", "c3-1.2.0", "mine"])
        self.assertEqual([seal["name"] for seal in agent.listed_backups(self.layout)], ["b2-1.1.0", "c3-1.2.0"])

    def test_the_last_one_of_a_healthy_release_outlives_failures(self):
        self.make("a1-1.0.0")
        self.healthy(False)
        for name in ("b2-1.1.0", "c3-1.1.0", "d4-1.1.0"):
            self.make(name)
        agent.prune_backups(self.layout, 1)
        self.assertEqual(self.kept(), ["a1-1.0.0", "d4-1.1.0"])

    def test_half_a_backup_is_none_and_goes_before_the_next(self):
        self.make()
        half = self.host.at("backups", "b2-1.2.0")
        (half / ".hostout").mkdir(parents=True)
        (half / "dump").write_text("half")
        self.assertEqual([seal["name"] for seal in agent.listed_backups(self.layout)], ["a1-1.1.0"])
        self.make("c3-1.3.0")
        self.assertEqual(self.kept(), ["a1-1.1.0", "c3-1.3.0"])


class Restoring(WithData):
    def migrated(self):
        self.make()
        self.storage.write_text("FS21 migrated")
        self.write("var/filestorage/Data.fs.index", "of the migrated one")
        self.write("var/blobstorage/0x00/b.blob", "new")

    def test_the_data_is_swapped_and_what_was_there_stays_until_it_is_forgotten(self):
        self.migrated()
        self.storage.chmod(0o640)
        restore = self.restore()
        restore.run()
        self.assertEqual(self.storage.read_text(), "FS21")
        self.assertEqual(self.storage.stat().st_mode & 0o777, 0o640)
        kept = self.storage.with_name("Data.fs.before-a1-1.1.0")
        self.assertEqual(kept.read_text(), "FS21 migrated")
        restore.aside.forget()
        self.assertEqual(self.files(), ["blobstorage/0x00/a.blob", "filestorage/Data.fs"])
        self.assertEqual(self.host.at("backups", "a1-1.1.0", "var/filestorage/Data.fs").read_text(), "FS21")

    def test_it_can_be_done_again_after_it_was_cut_off(self):
        self.migrated()
        first = self.restore()
        first.aside.move(str(self.storage))
        pathlib.Path(first.aside.side(str(self.storage))).write_text("half")
        again = self.restore()
        again.run()
        self.assertEqual(self.storage.read_text(), "FS21")
        self.assertEqual(self.storage.with_name("Data.fs.before-a1-1.1.0").read_text(), "FS21 migrated")

    def test_a_link_is_not_replaced(self):
        self.migrated()
        elsewhere = self.host.at("elsewhere")
        os.rename(self.release / "var", elsewhere)
        os.symlink(elsewhere, self.release / "var")
        self.restore().run()
        self.assertTrue((self.release / "var").is_symlink())
        self.assertEqual((elsewhere / "filestorage/Data.fs").read_text(), "FS21")

    def test_a_failure_in_the_middle_leaves_the_data_as_it_was_found(self):
        self.migrated()
        before = self.files()
        restore = self.restore()
        sync, agent.sync_folder = agent.sync_folder, self.full
        self.addCleanup(setattr, agent, "sync_folder", sync)
        self.refused("restore", restore.run)
        self.assertEqual(self.storage.read_text(), "FS21 migrated")
        self.assertEqual(self.files(), before)

    @staticmethod
    def full(_folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    def test_a_damaged_backup_is_not_put_back(self):
        self.migrated()
        self.host.at("backups", "a1-1.1.0", "var/filestorage/Data.fs").write_text("FS2?")
        failure = self.refused("restore", self.restore().run)
        self.assertIn("is not what was backed up", failure.message)
        self.assertEqual(self.storage.read_text(), "FS21 migrated")

    def test_a_command_puts_back_what_its_own_made(self):
        data = {"kind": "command", "backup": "cp var/filestorage/Data.fs $HOSTOUT_BACKUP/",
                "restore": "cp $HOSTOUT_BACKUP/Data.fs var/filestorage/"}
        self.make(data=data)
        self.storage.write_text("FS21 migrated")
        self.restore(data=data).run()
        self.assertEqual(self.storage.read_text(), "FS21")
        self.refused("restore", self.restore(data={**data, "restore": "false"}).run)


SNAPSHOT = """#!/bin/sh
# What bin/snapshotbackup does: a file of its own each time, and the old ones go.
cd "$(dirname "$0")/.."
rm -f var/snapshotbackups/*
mkdir -p var/snapshotbackups
cp var/filestorage/Data.fs "var/snapshotbackups/$(cat time).fsz"
"""
SNAPSHOT_RESTORE = """#!/bin/sh
cd "$(dirname "$0")/.."
test "$1" = -n && cp "var/snapshotbackups/$2.fsz" var/filestorage/Data.fs
"""


class Snapshots(WithData):
    DATA = {**WithData.DATA, "blobs": [], "snapshot": {
        "backup": "bin/snapshotbackup", "restore": "bin/snapshotrestore", "locations": ["var/snapshotbackups"]}}

    def setUp(self):
        super().setUp()
        self.script("snapshotbackup", SNAPSHOT)
        self.script("snapshotrestore", SNAPSHOT_RESTORE)
        self.write("time", "2026-03-01-12-00-00")

    def script(self, name, text):
        self.write(f"bin/{name}", text).chmod(0o755)

    def test_what_one_run_wrote_is_kept_and_put_back_when_newer_ones_have_replaced_it(self):
        self.make()
        self.storage.write_text("FS21 migrated")
        self.write("time", "2026-03-01-13-00-00")
        subprocess.run([self.release / "bin/snapshotbackup"], check=True)
        self.restore().run()
        self.assertEqual(self.storage.read_text(), "FS21")

    def test_a_script_that_says_0_and_does_nothing_is_a_failure(self):
        self.make()
        self.script("snapshotrestore", "#!/bin/sh\n")
        self.storage.write_text("FS21 migrated")
        self.assertIn("was not put back", self.refused("restore", self.restore().run).message)
        self.assertEqual(self.storage.read_text(), "FS21 migrated")
        self.script("snapshotbackup", "#!/bin/sh\n")
        self.assertIn("wrote nothing", self.refused("backup", self.make, "b2-1.2.0").message)


class Sizes(WithData):
    def test_what_is_linked_takes_no_bytes_and_what_only_a_program_knows_is_as_before(self):
        size = lambda data: agent.backup_size(self.layout, str(self.release), data)  # noqa: E731
        self.assertEqual(size(self.DATA), (4, 3))
        self.assertEqual(size({**self.DATA, "snapshot": {"locations": []}}), (8, 4))
        command = {"kind": "command", "backup": "cp var/filestorage/Data.fs var/blobstorage/0x00/a.blob $HOSTOUT_BACKUP"}
        self.assertEqual(size(command), (0, 0))
        self.make(data=command)
        self.assertEqual(size(command), (8, 2))

    def test_the_status_tells_what_a_backup_needs_where_it_goes(self):
        os.symlink("releases/1.0.0", self.layout.current)
        self.write(".hostout/settings.json", json.dumps({"buildout": {"data": self.DATA}}))
        need = self.host.ask("status", {"data": self.DATA})["backup"]
        self.assertEqual((need["of"], need["kind"], need["bytes"], need["inodes"]), ("new", "zodb", 4, 3))
        self.assertEqual(need["disk"]["path"], self.layout.backups)
        self.assertEqual(self.host.ask("status", {"data": {"kind": "none"}})["backup"]["of"], "old")
        self.assertIsNone(self.host.ask("status", {"data": {"kind": "none", "chosen": True}})["backup"])
        self.assertIsNone(self.host.ask("status")["backup"])


class Owners(unittest.TestCase):
    def test_the_new_releases_settings_count_then_the_running_ones(self):
        table = lambda kind, **more: {"data": {"kind": kind, **more}}  # noqa: E731
        zodb, nothing, chosen = table("zodb"), table("none"), table("none", chosen=True)
        self.assertEqual(agent.data_owner(zodb, zodb), "new")
        self.assertEqual(agent.data_owner(nothing, zodb), "old")
        self.assertEqual(agent.data_owner({}, {}), None)
        self.assertEqual(agent.data_owner(chosen, zodb), None)

    def test_what_can_be_put_back(self):
        self.assertTrue(agent.restorable({"kind": "zodb"}))
        self.assertTrue(agent.restorable({"kind": "command", "restore": "x"}))
        self.assertFalse(agent.restorable({"kind": "command"}))


if __name__ == "__main__":
    unittest.main()
