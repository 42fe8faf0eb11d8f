"""A deployment's own backup put back, with services stopped. What it replaces stays beside it until all is done."""

import os
import shutil


def restorable(data):
    """Whether a backup made by `data` can be put back without a person."""
    return data["kind"] in ("zodb", "postgresql") or bool(data.get("restore"))


class Restore:
    """Puts the data of one backup in its place. It either works, or leaves the data as it was found; it can be done
    again after a crash."""

    def __init__(self, backup, release, data):
        self.backup, self.release, self.data = backup, release, data
        self.aside = Aside(backup.name)

    def run(self):
        """As whoever owns the data; what was moved for it is known here, too."""
        backup = self.backup
        self.aside.moved = in_runtime(backup.layout, "restore", backup.log, name=backup.name, env=backup.more,
                                      release=self.release, data=self.data)

    def forget(self):
        """Nobody needs what was replaced any more."""
        in_runtime(self.backup.layout, "forget", name=self.backup.name, moved=self.aside.moved)

    def put_back(self):
        try:
            Sealed(self.backup.layout, self.backup.name).check()
            ways = {"command": self.by_command, "zodb": self.of_zodb, "postgresql": self.of_postgresql}
            ways[self.data["kind"]]()
        except OSError as error:
            raise Failed("restore", failed_by_system(error).message) from error

    def by_command(self):
        code, said = run(["sh", "-c", self.data["restore"]], self.release, COPY_SECONDS, self.backup.log,
                         self.backup.env)
        if code != 0:
            raise Failed("restore", f"the restore command {ending(code, COPY_SECONDS)}", None, last_lines(said))

    def of_postgresql(self):
        layout = self.backup.layout
        Postgresql(layout, self.data["database"], self.backup.log, self.backup.env).restore(self.backup.folder)

    def of_zodb(self):
        """What can fail is done before anything is moved; then everything is swapped by renames."""
        storages = [self.place(path) for path in self.data.get("storages", [])]
        blobs = [self.place(path) for path in self.data.get("blobs", [])]
        snapshot = self.data.get("snapshot")
        try:
            if not snapshot:
                for place, saved in storages:
                    self.ready(place, saved, copy_beginning)
                for place, saved in blobs:
                    self.ready(place, saved, link_tree)
            for place, _ in [*storages, *blobs]:
                self.aside.move(place)
            for place, _ in storages:
                self.aside.move(f"{place}.index")  # it tells of the other file
            if snapshot:
                Snapshot(self.release, snapshot, self.backup.log, self.backup.env).restore(self.backup.folder)
                self.aside.check([place for place, _ in [*storages, *blobs]])
            else:
                self.aside.fill()
        except BaseException:
            self.aside.back()
            raise

    def place(self, path):
        """Where data is, through links, and where its copy is: a rename must not replace a link."""
        return os.path.realpath(os.path.join(self.release, path)), self.backup.saved(path)

    def ready(self, place, saved, copy):
        side = self.aside.side(place)
        if os.path.lexists(saved):
            copy(saved, side)
            if os.path.exists(place):
                shutil.copymode(place, side)


class Aside:
    """Files and folders that another state replaces: renamed to `<name>.before-<backup>`, beside where they were. The
    other state is made ready beside them too, in `<name>.restoring-<backup>`."""

    def __init__(self, name):
        self.name, self.sides, self.moved = name, [], []

    def side(self, place):
        """Where the other state is made ready, emptied of what an earlier try left."""
        side = f"{place}.restoring-{self.name}"
        remove(side)
        self.sides.append((side, place))
        return side

    def kept(self, place):
        return f"{place}.before-{self.name}"

    def move(self, place):
        """Where it was moved before, what is there now is what an earlier try put there."""
        if os.path.lexists(self.kept(place)):
            remove(place)
        elif os.path.lexists(place):
            os.rename(place, self.kept(place))
        self.moved.append(place)

    def fill(self):
        for side, place in self.sides:
            if os.path.lexists(side):
                os.rename(side, place)
                sync_folder(os.path.dirname(place))

    def check(self, places):
        """Every one of `places` that was moved is there again: an exit status says nothing about it."""
        for place in places:
            if os.path.lexists(self.kept(place)) and not os.path.lexists(place):
                raise Failed("restore", f"{place} was not put back")

    def back(self):
        """Everything as it was found."""
        for place in self.moved:
            remove(place)
            if os.path.lexists(self.kept(place)):
                os.rename(self.kept(place), place)
        for side, _ in self.sides:
            remove(side)

    def forget(self):
        """Nobody needs the other state any more."""
        for place in self.moved:
            remove(self.kept(place))
