"""The data as it was before a deployment, in `backups/<deployment>-<version>`; who deploys may go back to it."""

import os
import shutil


class Backup:
    """One backup in a folder of its own, made whole or not at all."""

    def __init__(self, layout, name, log, env):
        self.layout, self.name, self.log, self.env = layout, name, log, env
        self.folder = os.path.join(layout.backups, name)

    def make(self, release, data):
        """Backs up what `data` names of the release in the folder `release`. False when there is nothing yet."""
        ways = {"command": self.by_command, "zodb": self.of_zodb}
        if data["kind"] not in ways:
            raise Failed("newer-format", f"data of kind {data['kind']} is not known to this agent")
        os.makedirs(self.folder, 0o700)
        made = False
        try:
            made = ways[data["kind"]](release, data)
        finally:
            if not made:
                shutil.rmtree(self.folder)
        return made

    def by_command(self, release, data):
        env = service_env({**self.env, "HOSTOUT_BACKUP": self.folder})
        code, said = run(["sh", "-c", data["backup"]], release, 24 * 3600, self.log, env)
        if code != 0 or not tree_size(self.folder):
            what = f"ended with status {code}" if code else "wrote nothing"
            raise Failed("backup", f"the backup command {what}", None, last_lines(said))
        return True

    def of_zodb(self, release, data):
        """A file storage grows at its end only, so that what is there now is whole but for a last transaction that is
        being written, which ZODB cuts off when it opens the copy. Its blobs are written before it and never change:
        they come after it, as hard links. A site that has no data yet has no backup."""
        made = False
        for path in data.get("storages", []):
            if os.path.isfile(os.path.join(release, path)):
                copy_beginning(os.path.join(release, path), os.path.join(self.folder, *below(path.lstrip("/"))))
                made = True
        for path in data.get("blobs", []):
            if made and os.path.isdir(os.path.join(release, path)):
                link_tree(os.path.join(release, path), os.path.join(self.folder, *below(path.lstrip("/"))))
        sync_folder(self.folder)
        return made


def prune_backups(layout, keep):
    """Backups of deployments that the record knows, the newest `keep` of them stay. Others are not ours to remove."""
    order = [entry["id"] for entry in (read_json(layout.record) or {}).get("history", [])]
    known = [name for name in os.listdir(layout.backups) if name.partition("-")[0] in order]
    for name in sorted(known, key=lambda name: order.index(name.partition("-")[0]))[:-max(keep, 1)]:
        remove_tree(layout, os.path.join(layout.backups, name))
