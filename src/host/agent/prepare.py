"""Everything that outsiders can't notice: a release built at its final place."""

import contextlib
import errno
import hashlib
import os
import shutil


class Prepare:
    """Builds `releases/<version>` at its final place. It is good when `.hostout/complete` is there, written last."""

    def __init__(self, layout, request, answers):
        self.layout, self.request, self.answers = layout, request, answers
        self.lock = Lock(layout)
        self.version = checked(VERSION, request.get("version"), "version")
        self.id = checked(IDENTIFIER, request.get("id"), "deployment id")
        self.release = layout.release(self.version)
        self.log = os.path.join(layout.logs, f"{self.id}-buildout.log")

    def run(self):
        manifest = self.manifest()
        self.layout.make()
        trust = Trust(self.layout)
        trust.check_manifest(manifest, self.request["manifest"], self.request.get("signature") or "")
        for warning in trust.warnings:
            self.answers.warning(warning)
        token = self.lock.take(self.request.get("lock"), "prepare", self.answers)
        keep = False
        try:
            with Heartbeat(self.lock, token, self.answers):
                self.check_live()
                reused = self.build(manifest, token)
            keep = bool(self.request.get("keep-lock")) and self.answers.followed()
        finally:
            if not keep:
                self.lock.release(token)
        return {"end": "ok", "reused": reused, "release": self.version, "lock": token if keep else None}

    def check_live(self):
        """Nobody may have switched since the plan was made."""
        if "expected" in self.request:
            check_live(self.layout, self.request["expected"])

    def manifest(self):
        text, wanted = self.request.get("manifest", ""), self.request.get("manifest-sha256")
        if hashlib.sha256(text.encode()).hexdigest() != wanted:
            raise Failed("wrong-hash", f"the manifest is not the one that is named ({wanted})", "try again")
        manifest = parse_toml(self.layout, text)
        if not isinstance(manifest.get("format"), int) or manifest["format"] > FORMAT:
            raise Failed("newer-format", f"the manifest is of format {manifest.get('format')}, this host's agent knows"
                         f" up to {FORMAT}", "use the git-hostout that made the release")
        if manifest.get("version") != self.version:
            raise Failed("bad-request", f"the manifest is that of {manifest.get('version')}, not {self.version}")
        return manifest

    def build(self, manifest, token):
        settings = self.settings(manifest)
        if self.reusable(settings):
            return True
        if self.layout.live()[0] == self.version and os.path.isdir(self.release):  # else nothing is there to disturb
            raise Failed("refused", f"{self.version} is live and can't be built anew under its own name",
                         "release the next version")
        self.lock.refresh(token, "prepare")
        remove_tree(self.layout, self.release)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)
        try:
            self.fill(manifest, settings, token)
        except BaseException as error:
            full = isinstance(error, Failed) and is_full(self.release)
            if (self.lock.owner() or {}).get("token") in (None, token):  # else another one builds there by now
                remove_tree(self.layout, self.release)
            if full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.release) from error
            raise
        return False

    def settings(self, manifest):
        """What is stored with the release: its own way to run, for as long as it is on the host."""
        named = {table["name"]: table for table in manifest.get("buildout", [])}
        name = self.request.get("buildout", "default")
        if name not in named:
            raise Failed("bad-request", f"the manifest has no buildout {name!r}")
        self.answers.step("verify", "artifacts")
        tarball = manifest["tarball"]
        verified(self.layout, {"file": tarball["name"], "sha256": tarball["sha256"]})
        ranks = {tag: n for n, tag in enumerate(wheel_tags())}
        pins = [pin for pin in manifest.get("pin", []) if name in pin["buildouts"]]
        wheels = [self.choose(dist, ranks) for dist in manifest.get("egg", []) + pins]
        wheels = [wheel for wheel in wheels if wheel]
        if self.request.get("fetch"):
            self.fetch(pins, wheels)
        for wheel in wheels:
            verified(self.layout, wheel)
        bootstrap = [wheel for wheel in wheels if wheel["bootstrap"]]
        return {"format": FORMAT, "version": self.version, "buildout": named[name], "wheels": wheels,
                "tarball": tarball["sha256"], "venv": venv_of(self.layout, bootstrap),
                "stage": self.request.get("stage")}

    def fetch(self, pins, wheels):
        """What an index has. pip itself was sent; the manifest, which names it, was checked."""
        public = {canonical(pin["name"]) for pin in pins if is_public(pin)}
        pip = next((wheel for wheel in wheels if canonical(wheel["name"]) == "pip"), None)
        if pip:
            fetch_wheels(self.layout, [w for w in wheels if canonical(w["name"]) in public], pip, self.answers)

    def choose(self, dist, ranks):
        """The wheel of a distribution that fits this interpreter best; None where only other ones need it. Where none of
        those that are shipped fits, it is one that the index had when this was released, as in the client's plan."""
        fitting = fitting_best(dist.get("artifacts", []), ranks)
        if not fitting and dist.get("targets"):
            return None
        if not fitting and is_public(dist):
            fitting = fitting_best(dist.get("fetchable", []), ranks)
        if not fitting:
            raise Failed("refused", f"no wheel of {dist['name']} {dist['version']} is for this host ({target()})",
                         "add the host's target to [release] targets, or fetch = \"host\" to its stage, and release again")
        _, file, sha256 = fitting
        return {"name": dist["name"], "version": dist["version"], "file": checked_file(file), "sha256": sha256,
                "bootstrap": canonical(dist["name"]) in map(canonical, BOOTSTRAP)}

    def reusable(self, settings):
        if not complete(self.layout, self.version, self.request["manifest-sha256"]):
            return False
        self.answers.step("reuse", self.version)
        stored = read_json(os.path.join(self.release, ".hostout", "settings.json")) or {}
        if stored.get("venv") != settings["venv"] or stored.get("buildout") != settings["buildout"]:
            return False
        ensure_venv(self.layout, settings["venv"], self.log)
        if not eggs_are_there(self.release):
            self.answers.step("eggs")
            self.make_eggs(settings)
        return eggs_are_there(self.release)

    def fill(self, manifest, settings, token):
        private = os.path.join(self.release, ".hostout")
        os.makedirs(private)
        self.answers.step("unpack", manifest["tarball"]["name"])
        top = f"{manifest['project']['name']}-{self.version}"
        unpack_tarball(self.layout.object(settings["tarball"]), top, self.release)
        self.answers.step("shared")
        link_shared(self.layout, self.release, settings["buildout"].get("shared", {}))
        self.answers.step("venv")
        ensure_venv(self.layout, settings["venv"], self.log)
        self.answers.step("eggs")
        self.lock.refresh(token, "prepare")
        self.wire_eggs(settings)
        self.answers.step("buildout", settings["buildout"]["run"])
        try:
            self.run_buildout(settings)
            self.check_working_set(settings)
            hand_over(self.layout, settings["buildout"].get("shared", {}).get("paths", []))
        finally:
            if os.path.exists(self.log):
                shutil.copyfile(self.log, os.path.join(private, "buildout.log"))
        self.lock.refresh(token, "prepare")
        write_whole(os.path.join(private, "manifest.toml"), self.request["manifest"].encode())
        write_whole(os.path.join(private, "manifest.sig"), (self.request.get("signature") or "").encode())
        write_json(os.path.join(private, "settings.json"), settings)
        sync_tree(self.release)
        write_json(os.path.join(private, "complete"),
                   {"format": FORMAT, "manifest": self.request["manifest-sha256"], "time": now()})

    def egg_folder(self, settings):
        """Where buildout looks for eggs: 5 and 6 below `v5`, 4 beside it; and whether we unpack for it."""
        buildout = next((w for w in settings["wheels"] if canonical(w["name"]) == "zc-buildout"), None)
        if not buildout:
            raise Failed("refused", "the manifest pins no zc.buildout", "release again")
        ours = int(buildout["version"].split(".")[0]) >= 5
        return os.path.join(self.release, "eggs", "v5") if ours else os.path.join(self.release, "eggs"), ours

    def wire_eggs(self, settings):
        """Links eggs and wheels: exactly the manifest's, so that an old egg of the same version can't slip in."""
        folder, ours = self.egg_folder(settings)
        dist = os.path.join(self.release, ".hostout", "dist")
        for path in (folder, dist, os.path.join(self.release, ".hostout", "index")):
            os.makedirs(path)
        for wheel in settings["wheels"]:
            path, place = self.layout.object(wheel["sha256"]), os.path.join(dist, wheel["file"])
            try:
                os.link(path, place)
            except OSError:
                os.symlink(path, place)
        if not ours:
            return
        for sha256, egg in self.make_eggs(settings).items():
            os.symlink(os.path.join(self.layout.eggs, sha256, egg), os.path.join(folder, egg))

    def make_eggs(self, settings):
        wanted = [(w["sha256"], self.layout.object(w["sha256"])) for w in settings["wheels"] if not w["bootstrap"]]
        python = os.path.join(settings["venv"]["path"], "bin", "python")
        return make_eggs(self.layout, wanted, python, self.answers, self.log)

    def run_buildout(self, settings):
        table = settings["buildout"]
        parts = ["install", *table["parts"]] if table.get("host-parts") else []
        with scratch(self.layout, "home") as home:
            argv = buildout_argv(settings, self.release, self.release) + parts
            env = buildout_env(home, os.path.join(self.release, ".hostout", "dist"))
            code, said = run(argv, self.release, 3600, self.log, env)
        if code != 0:
            raise Failed("buildout", f"buildout of {self.version} {ending(code, 3600)}",
                         f"the whole output is in {self.log}", last_lines(said))

    def check_working_set(self, settings):
        """No egg but the manifest's may be there, and each link must lead somewhere."""
        folder, _ = self.egg_folder(settings)
        wanted = {(canonical(wheel["name"]), normal_version(wheel["version"])) for wheel in settings["wheels"]}
        for egg in sorted(os.listdir(folder)):
            if not egg.endswith(".egg"):
                continue
            name, _, rest = egg.partition("-")
            if (canonical(name), normal_version(rest.split("-")[0].replace("_", "-"))) not in wanted:
                raise Failed("buildout", f"buildout used {egg}, which the manifest doesn't name", "release again")
            if not os.path.exists(os.path.join(folder, egg)):
                raise Failed("buildout", f"{egg} is missing in {self.layout.eggs}")


def is_public(dist):
    """Whether hosts may fetch it from an index: not what was built by the project, nor pip, which does the fetching."""
    return dist.get("origin") == "index" and canonical(dist["name"]) != "pip"


def fitting_best(files, ranks):
    """(rank, file, sha256) of the wheel that fits this interpreter best; None where none does."""
    ranked = [(rank_of(a["file"], ranks), a["file"], a["sha256"]) for a in files]
    return min((entry for entry in ranked if entry[0] is not None), default=None)


def buildout_argv(settings, release, directory, *more):
    """buildout as it runs on a host: wheels from a folder, never an index, never the user's defaults (-U)."""
    import pathlib
    private = os.path.join(release, ".hostout")
    options = {"directory": directory, "eggs-directory": os.path.join(directory, "eggs"),
               "find-links": os.path.join(private, "dist"),
               "index": pathlib.Path(private, "index").as_uri(), "newest": "false",
               "allow-picked-versions": "false", "offline": "false", "use-dependency-links": "false"}
    return [os.path.join(settings["venv"]["path"], "bin", "buildout"), "-U",
            "-c", os.path.join(directory, *below(settings["buildout"]["run"])),
            *(f"buildout:{key}={value}" for key, value in options.items()), *more]


def buildout_env(home, dist):
    import pathlib
    return {"HOME": home, "TMPDIR": home, "PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": pathlib.Path(dist).as_uri(), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1"}


def complete(layout, version, manifest=None):
    """The complete marker of a release, or None; with `manifest`, only when it names that one."""
    marker = read_json(os.path.join(layout.release(version), ".hostout", "complete"))
    if not marker or (manifest and marker.get("manifest") != manifest):
        return None
    return marker


def eggs_are_there(release):
    """Whether each egg of a release leads somewhere: releases share them, and somebody may have removed some."""
    folders = [os.path.join(release, "eggs"), os.path.join(release, "eggs", "v5")]
    return all(os.path.exists(os.path.join(folder, name)) for folder in folders if os.path.isdir(folder)
               for name in os.listdir(folder))


def stored_settings(layout, version):
    """How a release on the host is run, as it was meant when it was built."""
    return read_json(layout.settings(version))
