"""What may go."""

import os
import time


class Prune:
    """Removes releases beyond `keep`, then what no remaining release names. Order comes from the record, never from
    a listing or a time stamp; what is live and what a rollback would go back to always stays. Where releases are named, they
    go and no other."""

    def __init__(self, layout, keep, dry_run=False, grace=86400, named=None):
        self.layout, self.keep, self.dry_run, self.grace = layout, max(1, int(keep)), dry_run, grace
        self.named = named
        self.removed, self.bytes = [], 0

    def run(self):
        kept = self.releases()
        settings = [stored_settings(self.layout, version) or {} for version in kept]
        if any("wheels" not in each for each in settings):
            return self.answer(kept)  # what one can't read may need anything
        objects = {wheel["sha256"] for each in settings for wheel in each["wheels"]}
        for name in self.listed(self.layout.eggs):
            if name not in objects:
                self.remove("egg", name, os.path.join(self.layout.eggs, name))
        venvs = {each["venv"]["path"] for each in settings}
        for name in self.listed(self.layout.venvs):
            if os.path.join(self.layout.venvs, name) not in venvs:
                self.remove("venv", name, os.path.join(self.layout.venvs, name))
        self.objects(objects | {each["tarball"] for each in settings})
        self.traces()
        return self.answer(kept)

    def answer(self, kept):
        return {"end": "ok", "removed": self.removed, "kept": kept, "bytes": self.bytes}

    @staticmethod
    def listed(folder):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def releases(self):
        there, record = self.listed(self.layout.releases), read_json(self.layout.record)
        if self.named is not None:
            return self.without(there)
        if not record:
            return there  # without a record there is no order to go by
        history = record.get("history", [])
        current = self.layout.live()[0]
        healthy = [entry["release"] for entry in history if entry["result"] == "healthy"]
        # As a rollback goes: never forward, to one that came after the live one was first there.
        older = healthy[:healthy.index(current)] if current in healthy else healthy
        previous = next((version for version in (*reversed(older), *reversed(healthy)) if version != current), None)
        homes = Homes(self.layout).read().values()  # programs run from there still
        order = [current, previous, *homes, *(entry["release"] for entry in reversed(history))]
        ranked = [version for version in dict.fromkeys(order) if version in there]
        fixed = {version for version in (current, previous, *homes) if version in there}
        kept = ranked[:max(self.keep, len(fixed))]
        for version in there:
            if version not in kept:
                self.remove("release", version, self.layout.release(version))
        return kept

    def without(self, there):
        """All but those that were named. What is live, or programs run from, stays: whoever wants to know which that is
        asks with `dry_run`; else it became so since it was named."""
        held = {self.layout.live()[0], *Homes(self.layout).read().values()}
        stale = [version for version in self.named if version in held]
        if stale and not self.dry_run:
            raise Failed("stale", f"{stale[0]} was to be removed, and is live now, or its programs run")
        going = [version for version in there if version in self.named and version not in held]
        for version in going:
            self.remove("release", version, self.layout.release(version))
        return [version for version in there if version not in going]

    def objects(self, wanted):
        for folder in self.listed(self.layout.store):
            for name in self.listed(os.path.join(self.layout.store, folder)):
                if folder + name not in wanted:
                    self.remove_old("artifact", folder + name, os.path.join(self.layout.store, folder, name))

    def traces(self):
        """Jobs and logs that the record has forgotten, and what a crash left in the scratch folder."""
        history = (read_json(self.layout.record) or {}).get("history", [])
        known = {entry["id"] for entry in history} | {last_job(self.layout)}
        for name in self.listed(self.layout.jobs):
            if name != "last" and name not in known and not Journal(self.layout, name).running():
                self.remove_old("job", name, self.layout.job(name))
        for name in self.listed(self.layout.logs):
            if name.rpartition("-")[0] not in known:
                self.remove_old("log", name, os.path.join(self.layout.logs, name))
        for name in self.listed(self.layout.tmp):
            self.remove_old("scratch", name, os.path.join(self.layout.tmp, name))

    def remove_old(self, kind, name, path):
        """What is new stays for a while: another client may be about to use it, or to read how its job ended."""
        try:
            age = time.time() - os.lstat(path).st_mtime
        except FileNotFoundError:  # its client took it away itself
            return
        if age >= self.grace:
            self.remove(kind, name, path)

    def remove(self, kind, name, path):
        self.removed.append({"kind": kind, "name": name})
        self.bytes += tree_size(path) if os.path.isdir(path) else os.lstat(path).st_size
        if not self.dry_run:
            remove_tree(self.layout, path)
