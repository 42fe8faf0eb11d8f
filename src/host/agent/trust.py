"""Whom this host believes: keys, roles and policy of the project that it met first, and what it took already.

A host that was introduced takes only what is signed by keys that it knows, and other keys only from those. Each statement
(`trust/<generation>.toml` of the ledger) names the sha256 of the one before, so that none is left out or replaced.

Root says which project is to be believed at a path, by a file of its own (`bootstrap` writes it). Then no other is, and
that one may take the place of what was believed so far, whose facts stay beside it (`bootstrap --new-trust`)."""

import functools
import hashlib
import os
import re
import shutil
import subprocess

NAMESPACE = "git-hostout"
FINGERPRINT = re.compile(r"\b(SHA256:\S+)\s*\Z")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SEEN = 500  # manifests that were found good once
AHEAD = 1_000_000  # entries that a ledger may have which a host has not heard of
ROOT = "/etc/git-hostout"  # what root says, a file for each path


class Unable(Exception):
    """A signature can't be checked here."""


class Trust:
    def __init__(self, layout):
        self.layout = layout
        self.file, self.taken_file = layout.trust, layout.taken
        self.facts, self.root, self.old = read_json(self.file), said_by_root(layout), None
        self.taken = read_json(self.taken_file) or {"format": FORMAT, "serial": -1, "manifests": []}
        self.warnings = []

    def shown(self):
        """For status."""
        able = {"ssh": can_ssh(), "openpgp": shutil.which("gpg", path=PATH) is not None}
        facts = self.facts or {}
        return {**able, "root": self.root and self.root[0], "project": facts.get("project"), "stage": facts.get("stage"),
                "generation": facts.get("generation"), "digest": facts.get("digest"), "serial": self.taken.get("serial"),
                "withdrawn": len(facts.get("withdrawn", {}))}

    # Keys

    def learn(self, request):
        """Takes what is new of keys, policy and withdrawals."""
        project, stage = request.get("project"), request.get("stage")
        if not isinstance(project, str) or not isinstance(stage, str):
            raise Failed("bad-request", "the request names no project and stage")
        if not self.facts and LIMITED:
            raise Failed("refused", "this host has met no project yet, and a limited key does not introduce one",
                         "deploy once with an ordinary key")
        self.is_roots(project)
        if self.facts and self.root and self.facts["project"] != project:
            self.old, self.facts = self.facts, None
        if self.facts:
            self.is_ours(project, stage)
        for signed in request.get("statements", []):
            self.follow(project, stage, signed.get("text", ""), signed.get("signature", ""))
        if not self.facts:
            raise Failed("bad-request", "the request tells of no keys")
        for signed in request.get("withdrawals", []):
            self.withdraw(signed.get("text", ""), signed.get("signature", ""))
        os.makedirs(os.path.dirname(self.file), 0o755, exist_ok=True)
        if self.old:
            self.replace()
        write_json(self.file, self.facts)

    def replace(self):
        """Root has named another project: what was believed and taken so far counts no more, and stays on record."""
        kept = os.path.join(os.path.dirname(self.file), self.old["project"])
        write_json(f"{kept}.json", self.old)
        before = {"project": self.old["project"], "stage": self.old["stage"], "generation": self.old["generation"],
                  "serial": self.taken["serial"], "until": now()}
        self.facts["before"] = [*self.old.get("before", []), before]
        if os.path.exists(self.layout.bundle):
            os.replace(self.layout.bundle, f"{kept}.bundle")
        self.taken = {"format": FORMAT, "serial": -1, "manifests": []}
        write_json(self.taken_file, self.taken)

    def is_roots(self, project):
        if self.root and project != self.root[0]:
            raise Failed("untrusted", f"root of this host lets only project {self.root[0]} deploy to this path, and this is"
                         f" {project}", "git hostout bootstrap STAGE --new-trust names another one, as root")

    def is_ours(self, project, stage):
        self.is_roots(project)
        if project != self.facts["project"]:
            raise Failed("refused", f"this path belongs to project {self.facts['project']}, and this is {project}",
                         "choose another path for the stage")
        if stage != self.facts["stage"]:
            raise Failed("refused", f"this path belongs to stage {self.facts['stage']}, and this is for {stage}",
                         f"choose another path; where the stage was renamed, remove {os.path.dirname(self.file)} there")

    def follow(self, project, stage, text, signature):
        """Takes one statement, which the keys so far must have signed; the first one its own."""
        said = parse_toml(self.layout, text)
        digest, generation = hashlib.sha256(text.encode()).hexdigest(), said.get("generation")
        if said.get("format") != FORMAT:
            raise Failed("newer-format", f"what is told of keys is of format {said.get('format')}", "install a newer agent")
        known = self.facts
        if known and generation <= known["generation"]:
            if generation == known["generation"] and digest != known["digest"]:
                raise Failed("refused", f"two histories of keys: this host knows another number {generation}",
                             "somebody replaced the ledger: compare it with a colleague's")
            return
        if said.get("project", project) != project or generation != (known["generation"] + 1 if known else 0) \
                or said.get("previous") != (known and known["digest"]):
            raise Failed("refused", f"keys number {generation} do not follow those that this host knows")
        roles = parse_toml(self.layout, said["roles"]).get("key", [])
        facts = {"format": FORMAT, "project": project, "stage": stage, "generation": generation, "digest": digest,
                 "allowed-signers": said.get("allowed-signers", ""), "roles": roles,
                 "openpgp": said.get("openpgp", {}), "manifests": said.get("manifests", []),
                 "policy": parse_toml(self.layout, said["policy"]) if said.get("policy") else {},
                 "withdrawn": {**(known or {}).get("withdrawn", {}), **said.get("withdrawn", {})}}
        if known and "before" in known:
            facts["before"] = known["before"]
        if not known and self.root and self.root[1] != digest:
            raise Failed("untrusted", "these are not the first keys of the project that root of this host named",
                         "compare the ledger with a colleague's")
        need = ["keys", "recovery"] if known and only_adds(known, facts) else ["keys"]
        self.facts = known or facts  # the first one is signed by its own
        self.require(f"keys number {generation}", text, signature, need)
        self.facts = facts

    def withdraw(self, text, signature):
        said = parse_toml(self.layout, text)
        if self.facts["withdrawn"].get(said.get("version")) == said.get("manifest"):
            return
        if said.get("project") == self.facts["project"] and said.get("state") == "withdrawn":
            self.require(f"the withdrawal of {said['version']}", text, signature, ["release"])
            self.facts["withdrawn"][said["version"]] = said["manifest"]

    # Signatures

    def require(self, what, text, signature, needs):
        """The name of whoever signed `text`, who has one of the roles `needs`; None where that can't be checked here and
        the policy lets it pass."""
        try:
            fingerprint = self.signer(text, signature)
        except Unable as unable:
            if LIMITED or self.facts["policy"].get("unchecked") == "refuse":
                raise Failed("untrusted", f"{what}: its signature can't be checked here: {unable}",
                             "install openssh-client 8.2 or newer (and gpg, for OpenPGP) there") from None
            self.warnings.append(f"{what}: its signature can't be checked here: {unable}")
            return None
        if not fingerprint:
            raise Failed("untrusted", f"{what} is not signed by a key that this host knows",
                         "ask who made it; git hostout verify checks the ledger")
        key = next((key for key in self.facts["roles"] if key["fingerprint"] == fingerprint), None)
        roles = key["roles"] if key else []
        if not any(role in ("all", *needs) for role in roles):
            may = ", ".join(roles) or "nothing"
            raise Failed("untrusted", f"{what} is signed by {key['name'] if key else fingerprint}, who may do {may}, and"
                         f" this needs {needs[0]}", "git hostout keys list shows who may")
        return key["name"]

    def signer(self, text, signature):
        """The fingerprint of the key that signed `text`, if it is one that is known."""
        if signature.startswith("-----BEGIN SSH SIGNATURE-----"):
            return self.ssh_signer(text, signature)
        if signature.startswith("-----BEGIN PGP SIGNATURE-----"):
            return self.openpgp_signer(text, signature)
        return None

    def ssh_signer(self, text, signature):
        if not can_ssh():
            raise Unable("there is no ssh-keygen that verifies")
        with scratch(self.layout, "trust") as folder:
            signers, file = os.path.join(folder, "allowed_signers"), os.path.join(folder, "sig")
            write_whole(signers, self.facts["allowed-signers"].encode(), 0o600)
            write_whole(file, signature.encode(), 0o600)
            for name in principals(self.facts["allowed-signers"]):
                code, said = answer_of(["ssh-keygen", "-Y", "verify", "-f", signers, "-I", name, "-n", NAMESPACE, "-s", file],
                                 text)
                found = FINGERPRINT.search(said)
                if code == 0 and found:
                    return found[1]
        return None

    def openpgp_signer(self, text, signature):
        if not shutil.which("gpg", path=PATH):
            raise Unable("it is an OpenPGP one, and there is no gpg")
        with scratch(self.layout, "trust") as folder:
            os.chmod(folder, 0o700)
            gpg = ["gpg", "--homedir", folder, "--batch", "--no-tty", "--no-autostart"]
            for armored in self.facts["openpgp"].values():
                answer_of([*gpg, "--import"], armored)
            file = os.path.join(folder, "sig.asc")
            write_whole(file, signature.encode(), 0o600)
            code, said = answer_of([*gpg, "--trust-model", "always", "--status-fd", "1", "--verify", file, "-"], text)
        lines = [line.split() for line in said.splitlines() if line.startswith("[GNUPG:] VALIDSIG ")]
        valid = lines[0][-1] if lines and code == 0 else None
        return valid if valid in self.facts["openpgp"] else None

    # Releases and deployments

    def check_manifest(self, manifest, text, signature):
        """Whether a release may be built here."""
        if not self.facts:
            if LIMITED:
                raise Failed("refused", "this host has met no project yet", "deploy once with an ordinary key")
            return
        version, digest = manifest["version"], hashlib.sha256(text.encode()).hexdigest()
        self.is_ours(manifest["project"].get("id"), self.facts["stage"])
        if version in self.facts["withdrawn"]:
            raise Failed("untrusted", f"release {version} was withdrawn", "release another version")
        limit = seconds_of(self.limits().get("retention"))
        age = seconds_since(manifest.get("time"))
        if limit is not None and (age is None or age > limit):
            raise Failed("untrusted", f"release {version} is older than the policy allows"
                         f" ({self.limits()['retention']})", "release it anew")
        if digest in self.facts["manifests"] or digest in self.taken["manifests"]:
            return
        if self.require(f"the manifest of {version}", text, signature, ["release"]):
            self.taken["manifests"] = [*self.taken["manifests"], digest][-SEEN:]
            write_json(self.taken_file, self.taken)

    def check_entry(self, request):
        """Whether a deployment is what its signed entry says, and was not taken before."""
        if not self.facts:
            return
        text = request.get("entry") or ""
        entry = parse_toml(self.layout, text)
        self.is_ours(entry.get("project"), entry.get("stage"))
        asked = {"id": request.get("id"), "version": request.get("version"), "manifest": request.get("manifest-sha256"),
                 "kind": request.get("intent"), "health": request.get("health"),
                 "keep": bool(request.get("keep-unhealthy"))}
        for key, value in asked.items():
            if entry.get(key, False if key == "keep" else None) != value:
                raise Failed("untrusted", f"the signed entry says {key} = {entry.get(key)}, and {value} was asked for",
                             "deploy again")
        kind = "rollback" if entry["kind"] == "rollback" else "deploy"
        needs = [f"{kind}:{self.facts['stage']}", f"{kind}:*"]
        name = self.require(f"the {kind} of {entry['version']}", text, request.get("signature") or "", needs)
        after = entry.get("after", -1)
        if after < self.taken["serial"]:
            raise Failed("untrusted", f"this {kind} was signed when this host was at {after}, and it is at"
                         f" {self.taken['serial']}: it is an old one", "deploy again: that signs a new one")
        self.check_approvals(entry, name, request.get("approvals", []))

    def check_approvals(self, entry, name, approvals):
        needed = self.limits().get("signers", 1)
        history = (read_json(self.layout.record) or {}).get("history", [])
        proven = any(job["release"] == entry["version"] and job["result"] == "healthy" for job in history)
        if needed <= 1 or proven or name is None:
            return
        people, stage = {name}, self.facts["stage"]
        for signed in approvals:
            said = parse_toml(self.layout, signed.get("text", ""))
            fits = (said.get("project"), said.get("stage"), said.get("version"), said.get("manifest")) == (
                self.facts["project"], stage, entry["version"], entry["manifest"])
            if fits:
                people.add(self.require(f"the approval by {said.get('by')}", signed["text"], signed["signature"],
                                        [f"deploy:{stage}", "deploy:*"]))
        if len(people - {None}) < needed:
            raise Failed("untrusted", f"{stage} takes {entry['version']} when {needed} people agree, and"
                         f" {len(people)} did", f"git hostout approve {entry['version']} --for {stage}")

    def take(self, serial):
        """From here on nothing that was signed before counts. Where the ledger is, `serial`, nobody has signed: what
        leads so far ahead that it can't be true would only keep others from going on."""
        if self.facts:
            following = self.taken["serial"] + 1
            near = isinstance(serial, int) and serial < following + AHEAD
            self.taken["serial"] = max(following, serial) if near else following
            write_json(self.taken_file, self.taken)

    def limits(self):
        return self.facts["policy"].get("stage", {}).get(self.facts["stage"], {})


def said_by_root(layout):
    """The project that root names for this path, and the sha256 of what that first said of its keys; None = nothing. It
    counts only where nobody else may write."""
    file = os.path.join(ROOT, hashlib.sha256(layout.path.encode()).hexdigest()[:16])
    try:
        for place in (ROOT, file):
            found = os.lstat(place)
            if found.st_uid != 0 or found.st_mode & 0o022 or os.path.islink(place):
                return None
        with open(file, encoding="ascii") as text:
            project, digest = text.read().split()
    except (OSError, ValueError):
        return None
    return project, digest


def only_adds(old, new):
    lines = new["allowed-signers"].splitlines()
    return (old["policy"] == new["policy"] and all(line in lines for line in old["allowed-signers"].splitlines())
            and all(new["openpgp"].get(name) == key for name, key in old["openpgp"].items())
            and all(key in new["roles"] for key in old["roles"]))


def principals(signers):
    words = [line.split()[0].split(",")[0].strip('"') for line in signers.splitlines()
             if line.strip() and not line.startswith("#")]
    return list(dict.fromkeys(words))


@functools.lru_cache(maxsize=None)
def can_ssh():
    """Whether ssh-keygen knows how to verify: since OpenSSH 8.2."""
    if not shutil.which("ssh-keygen", path=PATH):
        return False
    _, said = answer_of(["ssh-keygen", "-Y", "verify", "-f", "/dev/null", "-I", "x", "-n", "x", "-s", "/dev/null"], "")
    return "option" not in said.lower() and "usage" not in said.lower()


def answer_of(argv, text):
    """What a program answers to `text`: (exit status, all it says)."""
    try:
        done = subprocess.run(argv, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                              env={"PATH": PATH, "LC_ALL": "C", "TZ": "UTC"}, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode(errors="replace")


def seconds_of(text):
    return int(text[:-1]) * UNITS[text[-1]] if text else None


def seconds_since(time):
    """By this host's clock; None where `time` is none."""
    import datetime
    try:
        then = datetime.datetime.fromisoformat(str(time).replace("Z", "+00:00"))
    except ValueError:
        return None
    return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()


def check_artifacts(layout, version):
    """Every artifact of a release, hashed out of the store once more before it is made live."""
    settings = stored_settings(layout, version) or {}
    for wheel in settings.get("wheels", []):
        verified(layout, wheel)
    if settings.get("tarball"):
        verified(layout, {"file": "the tarball", "sha256": settings["tarball"]})
