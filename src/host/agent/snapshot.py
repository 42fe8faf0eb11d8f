"""Snapshots by the scripts of collective.recipe.backup, where a release has them."""

import os
import re


class Snapshot:
    """The scripts write to places of their own and keep few there, so that what one run wrote is linked into the
    backup. It is known by its inode: without time stamps in their names older ones are renamed at each run."""

    def __init__(self, release, table, log, env):
        self.release, self.table, self.log, self.env = release, table, log, env

    def make(self, folder):
        known = {(place, inode) for place, _, inode in self.seen()}
        said = self.script("backup")
        written = [(place, name) for place, name, inode in self.seen() if (place, inode) not in known]
        if not written:
            raise Failed("backup", f"{self.table['backup']} wrote nothing", None, last_lines(said))
        for place, name in written:
            link_any(os.path.join(self.at(place), name), os.path.join(self.saved(folder, place), name))

    def restore(self, folder):
        """What the scripts have removed since is put back first. They are told the time of the snapshot: there may be
        newer ones. Whoever calls this looks at the effect."""
        found = []
        for place in self.table["locations"]:
            saved = self.saved(folder, place)
            for name in sorted(os.listdir(saved)) if os.path.isdir(saved) else []:
                found += re.findall(r"\d{4}(?:-\d\d){5}", name)
                if not os.path.lexists(os.path.join(self.at(place), name)):
                    link_any(os.path.join(saved, name), os.path.join(self.at(place), name))
        self.script("restore", "-n", *sorted(found)[-1:])

    def script(self, key, *arguments):
        argv = [os.path.join(self.release, self.table[key]), *arguments]
        code, said = run(argv, self.release, COPY_SECONDS, self.log, self.env)
        if code != 0:
            raise Failed(key, f"{self.table[key]} {ending(code, COPY_SECONDS)}", None, last_lines(said))
        return said

    def seen(self):
        for place in self.table["locations"]:
            if os.path.isdir(self.at(place)):
                for entry in os.scandir(self.at(place)):
                    if not entry.is_symlink():  # "latest"
                        yield place, entry.name, entry.inode()

    def at(self, place):
        return os.path.join(self.release, place)

    @staticmethod
    def saved(folder, place):
        return os.path.join(folder, *below(place.lstrip("/")))
