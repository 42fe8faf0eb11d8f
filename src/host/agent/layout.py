"""Every path below <path>."""

import getpass
import os


class Layout:
    """Every path below <path>."""

    def __init__(self, path):
        path = os.path.expanduser(path)
        if not os.path.isabs(path):
            raise Failed("bad-request", f"{path} is not absolute")
        self.path = os.path.normpath(path)
        self.current = self.at("current")
        self.releases, self.eggs, self.store = self.at("releases"), self.at("eggs"), self.at("store")
        self.venvs, self.shared, self.backups = self.at("venvs"), self.at("shared"), self.at("backups")
        self.private = self.at(".hostout")
        self.lock, self.guard, self.work = self.own("lock"), self.own("lock.guard"), self.own("lock.work")
        self.lock_owner = os.path.join(self.lock, "owner")
        self.unlocked = self.own("unlocked")
        self.trust, self.taken = self.own("trust", "trust.json"), self.own("taken.json")
        self.bundle = self.own("project.bundle")
        self.record, self.jobs, self.tmp, self.logs = (self.own(n) for n in ("record", "jobs", "tmp", "logs"))

    @property
    def runtime(self):
        """The user whom services run as, and who owns the data; None = who deploys."""
        return runtime_user(self.path)

    def at(self, *names):
        return os.path.join(self.path, *names)

    def own(self, *names):
        return os.path.join(self.private, *names)

    def object(self, sha256):
        return os.path.join(self.store, sha256[:2], sha256[2:])

    def release(self, version):
        return os.path.join(self.releases, version)

    def settings(self, version):
        return os.path.join(self.release(version), ".hostout", "settings.json")

    def job(self, name):
        return os.path.join(self.jobs, name)

    def state(self):
        """Whose directory this is, and why it can't be used."""
        if not os.path.lexists(self.path):
            parent = self.path
            while not os.path.lexists(parent):
                parent = os.path.dirname(parent)
            if not os.path.isdir(parent):
                return "unwritable", f"{parent} is not a directory"
            if not os.access(parent, os.W_OK | os.X_OK):
                return "unwritable", f"{parent} is not writable for {user()}"
            return "absent", None
        if not os.path.isdir(self.path):
            return "foreign", f"{self.path} is not a directory"
        if not os.access(self.path, os.W_OK | os.X_OK):
            return "unwritable", f"{self.path} is not writable for {user()}"
        # A release that is live is ours, though our records of it were removed.
        if os.path.isdir(self.private) or self.live()[1] == "ours":
            return "ours", None
        # Shared files have to be there before the first deployment.
        return ("foreign", "it holds other files") if set(os.listdir(self.path)) - {"shared"} else ("empty", None)

    def make(self):
        """Makes what is missing; refuses a directory that is someone else's."""
        state, reason = self.state()
        if state in ("foreign", "unwritable"):
            raise Failed("refused", f"{self.path} can't be used: {reason}", "choose another path for the stage")
        self.refuse_newer()
        for folder in (self.path, self.private, self.releases, self.eggs, self.store, self.venvs):
            os.makedirs(folder, 0o755, exist_ok=True)
        for folder in (self.backups, self.jobs, self.tmp, self.logs):
            os.makedirs(folder, 0o700, exist_ok=True)
        if not os.path.isdir(self.shared):
            os.mkdir(self.shared)
            os.chmod(self.shared, 0o2770)

    def refuse_newer(self):
        """What a newer agent wrote is shown, but never written over, nor acted upon as if it were understood."""
        version, _, _ = self.live()
        for file in (self.record, self.lock_owner, self.trust, self.taken, version and self.settings(version)):
            found = (file and read_json(file) or {}).get("format", FORMAT)
            if not isinstance(found, int) or found > FORMAT:
                raise Failed("newer-format", f"{file} is of format {found}, by a newer git-hostout; this agent knows up"
                             f" to {FORMAT}", "use the git-hostout that wrote it, or a newer one")

    def live(self):
        """The release that `current` names, the state of the link, and what it says."""
        if not os.path.lexists(self.current):
            return None, "absent", None
        if not os.path.islink(self.current):
            return None, "foreign", None
        target = os.readlink(self.current)
        folder, version = os.path.split(target)
        ours = folder in ("releases", self.releases) and VERSION.match(version)
        return (version, "ours", target) if ours else (None, "foreign", target)


def runtime_user(path):
    """Whom what is deployed at `path` runs as, by what bootstrap wrote there; None = who deploys."""
    try:
        with open(os.path.join(path, ".hostout", "runtime"), encoding="ascii") as file:
            return file.read().strip() or None
    except OSError:  # nothing there, or nothing that we may read: then we are not who deploys
        return None


def check_live(layout, expected):
    """`current` must name what the plan was made for; None = nothing."""
    version, state, target_of = layout.live()
    if state == "foreign":
        raise Failed("refused", f"{layout.current} is not this program's ({target_of or 'not a link'})",
                     "move it out of the way")
    if version != expected:
        # A deployment writes down what it made live; what somebody does by hand stands nowhere.
        recorded = (read_json(layout.record) or {}).get("release") == version
        raise Failed("stale", f"{version or 'nothing'} is live, not {expected or 'nothing'} as planned", "plan again",
                     current=version, recorded=recorded)


def user():
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def checked(pattern, value, what):
    if not isinstance(value, str) or not pattern.match(value):
        raise Failed("bad-request", f"{value!r} is no {what}")
    return value
