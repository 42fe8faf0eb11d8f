"""Whom a host believes, with real ssh-keygen (and gpg): keys, releases, deployments, and a key that may only deploy."""

import datetime
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

PROJECT, MANIFEST = "e" * 40, "1" * 64


def toml(values):
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


class Key:
    """An ssh key, and what it signs."""

    def __init__(self, folder, name):
        self.name, self.file = name, os.path.join(folder, name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.file], check=True)
        self.public = " ".join(pathlib.Path(f"{self.file}.pub").read_text().split()[:2])
        listed = subprocess.run(["ssh-keygen", "-lf", f"{self.file}.pub"], check=True, capture_output=True, text=True)
        self.fingerprint = listed.stdout.split()[1]

    def sign(self, text, namespace="git-hostout"):
        signed = subprocess.run(["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", self.file], input=text.encode(),
                                check=True, capture_output=True)
        return signed.stdout.decode()

    def signed(self, text):
        return {"text": text, "signature": self.sign(text)}


class Case(unittest.TestCase):
    def setUp(self):
        self.host = support.Host("host")
        self.addCleanup(self.host.remove)
        self.agent = support.load()
        self.layout = self.agent.Layout(self.host.path)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.ann, self.ben = Key(self.folder, "ann"), Key(self.folder, "ben")
        self.layout.make()

    def statement(self, generation, keys, previous=None, policy="format = 1\n", **more):
        """What the ledger tells of `keys`, {key: roles}."""
        roles = "format = 1\n" + "".join(
            f"[[key]]\n{toml({'name': key.name, 'fingerprint': key.fingerprint, 'roles': roles})}"
            for key, roles in keys.items())
        signers = "".join(f'{key.name} namespaces="git,git-hostout" {key.public}\n' for key in keys)
        values = {"format": 1, "generation": generation, "allowed-signers": signers, "roles": roles, "policy": policy}
        if previous:
            values.update({"project": PROJECT, "previous": hashlib.sha256(previous.encode()).hexdigest()})
        return toml({**values, **more})

    def learn(self, *statements, withdrawals=(), **more):
        trust = self.agent.Trust(self.layout)
        trust.learn({"project": PROJECT, "stage": "demo", "statements": list(statements),
                     "withdrawals": list(withdrawals), **more})
        return trust

    def meet(self, keys=None, **more):
        """Introduces the host; gives the statement."""
        text = self.statement(0, keys or {self.ann: ["all"]}, **more)
        self.learn(self.ann.signed(text))
        return text

    def refused(self, words, call, *arguments, **more):
        with self.assertRaises(self.agent.Failed) as caught:
            call(*arguments, **more)
        self.assertIn(words, caught.exception.message)

    def manifest(self, version="1.0.0", project=PROJECT, days=1):
        made = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
        text = toml({"format": 1, "version": version, "time": made.strftime("%Y-%m-%dT%H:%M:%SZ")})
        return text + f"[project]\n{toml({'name': 'demo', 'id': project})}"

    def check_manifest(self, text, signature):
        trust = self.agent.Trust(self.layout)
        trust.check_manifest(self.agent.parse_toml(self.layout, text), text, signature)
        return trust.warnings

    def entry(self, **more):
        return {"format": 1, "state": "started", "id": "a1", "kind": "deploy", "project": PROJECT, "stage": "demo",
                "version": "1.0.0", "manifest": MANIFEST, **more}

    def request(self, entry, key, **more):
        text = toml(entry)
        return {"id": entry["id"], "version": "1.0.0", "manifest-sha256": MANIFEST, "intent": entry["kind"],
                "entry": text, "signature": key.sign(text), "health": None, "keep-unhealthy": False, **more}

    def check_entry(self, entry, key, **more):
        self.agent.Trust(self.layout).check_entry(self.request(entry, key, **more))


class Keys(Case):
    def test_the_first_project_is_met_and_others_are_refused(self):
        self.meet()
        self.refused(f"belongs to project {PROJECT}", self.learn, project="f" * 40)
        self.refused("belongs to stage demo", self.learn, stage="production")

    def test_what_does_not_sign_itself_introduces_nobody(self):
        text = self.statement(0, {self.ann: ["all"]})
        self.refused("not signed by a key that this host knows", self.learn, self.ben.signed(text))
        self.assertFalse(os.path.exists(self.layout.trust))

    def test_other_keys_come_from_those_that_are_known(self):
        first = self.meet()
        both = {self.ann: ["all"], self.ben: ["release"]}
        second = self.statement(1, both, first)
        self.refused("not signed by a key", self.learn, self.ben.signed(second))
        self.learn(self.ann.signed(second))
        third = self.statement(2, {self.ben: ["all"]}, second)
        self.refused("may do release, and this needs keys", self.learn, self.ben.signed(third))
        self.learn(self.ann.signed(third))
        fourth = self.statement(3, {self.ann: ["all"]}, third)
        self.refused("not signed by a key", self.learn, self.ann.signed(fourth))

    def test_none_is_left_out_or_replaced(self):
        first = self.meet()
        two = {self.ann: ["all"], self.ben: ["release"]}
        self.refused("do not follow", self.learn, self.ann.signed(self.statement(2, two, first)))
        self.refused("do not follow", self.learn, self.ann.signed(self.statement(1, two, "another")))
        self.refused("two histories of keys", self.learn, self.ann.signed(self.statement(0, two)))
        # What is known already may come again.
        self.learn(self.ann.signed(first), self.ann.signed(self.statement(1, two, first)))

    def test_what_is_withdrawn_is_told_with_the_keys_too(self):
        first = self.meet()
        text = self.statement(1, {self.ben: ["all"]}, first) + f'[withdrawn]\n"1.0.0" = "{MANIFEST}"\n'
        self.learn(self.ann.signed(text))
        release = self.manifest()
        self.refused("release 1.0.0 was withdrawn", self.check_manifest, release, self.ben.sign(release))

    def test_a_recovery_key_adds_and_nothing_else(self):
        first = self.meet({self.ann: ["all"], self.ben: ["recovery"]})
        carl = Key(self.folder, "carl")
        swapped = self.statement(1, {self.ben: ["recovery"], carl: ["all"]}, first)
        self.refused("may do recovery, and this needs keys", self.learn, self.ben.signed(swapped))
        added = self.statement(1, {self.ann: ["all"], self.ben: ["recovery"], carl: ["all"]}, first)
        self.learn(self.ben.signed(added))


@unittest.skipUnless(os.getuid() == 0, "only root can say what root says")
class Root(Case):
    OTHER = "f" * 40

    def setUp(self):
        super().setUp()
        self.agent.ROOT = os.path.join(self.folder, "root")
        os.mkdir(self.agent.ROOT, 0o755)
        self.file = os.path.join(self.agent.ROOT, hashlib.sha256(self.layout.path.encode()).hexdigest()[:16])

    def says(self, project, statement):
        pathlib.Path(self.file).write_text(f"{project} {hashlib.sha256(statement.encode()).hexdigest()}\n")
        os.chmod(self.file, 0o644)

    def test_the_old_keys_are_refused_at_once_and_the_new_ones_taken(self):
        self.meet()
        self.agent.Trust(self.layout).take(7)
        pathlib.Path(self.layout.bundle).write_text("old")
        new = self.statement(0, {self.ben: ["all"]})
        self.says(self.OTHER, new)
        words = f"root of this host lets only project {self.OTHER}"
        manifest = self.manifest()
        self.refused(words, self.check_manifest, manifest, self.ann.sign(manifest))
        self.refused(words, self.check_entry, self.entry(), self.ann)
        self.refused(words, self.learn)
        false = self.statement(0, {self.ann: ["all"]})
        self.refused("these are not the first keys", self.learn, self.ann.signed(false), project=self.OTHER)
        self.assertEqual(self.agent.Trust(self.layout).facts["project"], PROJECT)

        self.learn(self.ben.signed(new), project=self.OTHER)
        trust = self.agent.Trust(self.layout)
        self.assertEqual((trust.facts["project"], trust.taken["serial"]), (self.OTHER, -1))
        before = trust.facts["before"][0]
        self.assertEqual((before["project"], before["generation"], before["serial"]), (PROJECT, 0, 7))
        kept = os.path.join(os.path.dirname(self.layout.trust), PROJECT)
        self.assertEqual(pathlib.Path(f"{kept}.bundle").read_text(), "old")
        self.assertEqual(self.agent.read_json(f"{kept}.json")["project"], PROJECT)
        self.check_entry(self.entry(project=self.OTHER), self.ben)
        self.refused(words, self.check_entry, self.entry(), self.ann)
        second = self.statement(1, {self.ben: ["all"], self.ann: ["release"]}, new, project=self.OTHER)
        self.learn(self.ben.signed(second), project=self.OTHER)
        self.assertEqual(self.agent.Trust(self.layout).facts["before"], [before])

    def test_what_others_may_write_is_not_roots_word(self):
        self.says(self.OTHER, "")
        self.assertEqual(self.agent.said_by_root(self.layout)[0], self.OTHER)
        os.chmod(self.file, 0o664)
        self.assertIsNone(self.agent.said_by_root(self.layout))
        os.chmod(self.file, 0o644)
        os.chown(self.file, 65534, 65534)
        self.assertIsNone(self.agent.said_by_root(self.layout))
        os.chown(self.file, 0, 0)
        os.chmod(self.agent.ROOT, 0o777)
        self.assertIsNone(self.agent.said_by_root(self.layout))
        os.chmod(self.agent.ROOT, 0o755)
        os.rename(self.file, f"{self.file}.real")
        os.symlink(f"{self.file}.real", self.file)
        self.assertIsNone(self.agent.said_by_root(self.layout))


class Releases(Case):
    def test_a_release_is_signed_by_who_may_release(self):
        self.meet({self.ann: ["all"], self.ben: ["deploy:*"]})
        text = self.manifest()
        self.check_manifest(text, self.ann.sign(text))
        other = self.manifest("1.0.1")
        self.refused("not signed by a key", self.check_manifest, other, "")
        self.refused("not signed by a key", self.check_manifest, other, self.ann.sign(text))
        self.refused("not signed by a key", self.check_manifest, other, self.ann.sign(other, "git"))
        self.refused("this needs release", self.check_manifest, other, self.ben.sign(other))
        foreign = self.manifest(project="f" * 40)
        self.refused("belongs to project", self.check_manifest, foreign, self.ann.sign(foreign))

    def test_releases_of_keys_that_are_gone_count_where_they_were_named(self):
        first = self.meet({self.ann: ["all"], self.ben: ["release"]})
        known, named, late = (self.manifest(f"1.0.{n}") for n in range(3))
        self.check_manifest(known, self.ben.sign(known))
        digest = hashlib.sha256(named.encode()).hexdigest()
        self.learn(self.ann.signed(self.statement(1, {self.ann: ["all"]}, first, manifests=[digest])))
        self.check_manifest(known, self.ben.sign(known))
        self.check_manifest(named, self.ben.sign(named))
        self.refused("not signed by a key", self.check_manifest, late, self.ben.sign(late))

    def test_a_withdrawn_release_and_an_old_one_are_refused(self):
        self.meet({self.ann: ["all"], self.ben: ["deploy:*"]},
                  policy='format = 1\n[stage.demo]\nretention = "30d"\n')
        text, old = self.manifest(), self.manifest("0.9.0", days=31)
        self.refused("older than the policy allows (30d)", self.check_manifest, old, self.ann.sign(old))
        said = toml({"format": 1, "state": "withdrawn", "project": PROJECT, "version": "1.0.0",
                     "manifest": hashlib.sha256(text.encode()).hexdigest()})
        self.refused("this needs release", self.learn, withdrawals=[self.ben.signed(said)])
        self.check_manifest(text, self.ann.sign(text))
        self.learn(withdrawals=[self.ann.signed(said)])
        self.refused("release 1.0.0 was withdrawn", self.check_manifest, text, self.ann.sign(text))

    def test_without_ssh_keygen_the_policy_decides(self):
        self.agent.PATH = self.folder
        text = self.statement(0, {self.ann: ["all"]})
        trust = self.learn(self.ann.signed(text))
        self.assertIn("can't be checked here: there is no ssh-keygen", trust.warnings[0])
        self.assertFalse(trust.shown()["ssh"])
        release = self.manifest()
        self.assertEqual(len(self.check_manifest(release, "-----BEGIN SSH SIGNATURE-----")), 1)
        strict = self.statement(1, {self.ann: ["all"]}, text, policy='format = 1\nunchecked = "refuse"\n')
        self.learn(self.ann.signed(strict))
        self.refused("can't be checked here", self.check_manifest, release, "-----BEGIN SSH SIGNATURE-----")

    def test_an_old_ssh_keygen_is_none(self):
        keygen = pathlib.Path(self.folder, "ssh-keygen")
        keygen.write_text("#!/bin/sh\necho 'unknown option -- Y' >&2; echo 'usage: ssh-keygen' >&2; exit 1\n")
        keygen.chmod(0o755)
        self.agent.PATH = f"{self.folder}:{self.agent.PATH}"
        self.agent.can_ssh.cache_clear()
        self.addCleanup(self.agent.can_ssh.cache_clear)
        self.assertFalse(self.agent.can_ssh())

    def test_openpgp_is_checked_where_there_is_gpg(self):
        if not shutil.which("gpg"):
            self.skipTest("there is no gpg")
        home = os.path.join(self.folder, "gnupg")
        os.mkdir(home, 0o700)
        gpg = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        ask = lambda *words, text="": subprocess.run(  # noqa: E731
            [*gpg, *words], input=text, check=True, capture_output=True, text=True).stdout
        ask("--quick-gen-key", "Ann <ann@example.org>", "ed25519", "sign", "never")
        listed = ask("--with-colons", "--list-keys")
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        armored = ask("--armor", "--export", fingerprint)
        roles = f"format = 1\n[[key]]\n{toml({'name': 'ann', 'fingerprint': fingerprint, 'roles': ['all']})}"
        text = toml({"format": 1, "generation": 0, "allowed-signers": "", "roles": roles, "policy": "format = 1\n"})
        text += f"[openpgp]\n{fingerprint} = {json.dumps(armored)}\n"
        sign = lambda text: ask("--armor", "--detach-sign", "-u", fingerprint, text=text)  # noqa: E731
        self.assertEqual(self.learn({"text": text, "signature": sign(text)}).warnings, [])
        release = self.manifest()
        self.refused("not signed by a key", self.check_manifest, release, sign(release + "x"))
        self.assertEqual(self.check_manifest(release, sign(release)), [])
        self.agent.PATH = self.folder
        later = self.manifest("1.0.1")
        self.assertIn("there is no gpg", self.check_manifest(later, sign(later))[0])


class Deployments(Case):
    def test_a_deployment_is_what_was_signed_by_who_may(self):
        self.meet({self.ann: ["all"], self.ben: ["deploy:demo"]})
        self.check_entry(self.entry(), self.ann)
        self.check_entry(self.entry(), self.ben)
        self.refused("this needs rollback:demo", self.check_entry, self.entry(kind="rollback"), self.ben)
        carl = Key(self.folder, "carl")
        self.refused("not signed by a key", self.check_entry, self.entry(), carl)
        self.refused("belongs to project", self.check_entry, self.entry(project="f" * 40), self.ann)
        self.refused("belongs to stage demo", self.check_entry, self.entry(stage="production"), self.ann)
        for more, words in (({"version": "0.9.0"}, "says version = 1.0.0, and 0.9.0"),
                            ({"manifest-sha256": "2" * 64}, "says manifest"), ({"id": "b2"}, "says id = a1"),
                            ({"intent": "rollback"}, "says kind = deploy"), ({"health": "none"}, "says health = None"),
                            ({"keep-unhealthy": True}, "says keep")):
            self.refused(words, self.check_entry, self.entry(), self.ann, **more)

    def test_an_old_one_is_not_taken_again(self):
        self.meet()
        self.check_entry(self.entry(), self.ann)
        self.agent.Trust(self.layout).take(7)
        self.refused("it is an old one", self.check_entry, self.entry(), self.ann)
        self.refused("it is an old one", self.check_entry, self.entry(after=6), self.ann)
        self.check_entry(self.entry(after=7), self.ann)
        # A clone that has heard of nothing asks the host how far it is; its own serials are lower.
        self.agent.Trust(self.layout).take(3)
        self.refused("it is at 8", self.check_entry, self.entry(after=7), self.ann)
        self.check_entry(self.entry(after=8), self.ann)

    def test_a_serial_that_nobody_signed_locks_out_nobody(self):
        self.meet()
        self.agent.Trust(self.layout).take(7)
        for far in (1 << 60, 1 << 70, "9", None, -5):
            self.agent.Trust(self.layout).take(far)
        self.check_entry(self.entry(after=12), self.ann)
        self.assertEqual(self.agent.Trust(self.layout).taken["serial"], 12)
        for serial in (1 << 60, "9", -1):
            with self.assertRaises(self.agent.Failed):
                self.agent.Activation(self.layout, {"id": "a1", "version": "1.0", "serial": serial})

    def test_two_people_are_counted_here_too(self):
        self.meet({self.ann: ["all"], self.ben: ["deploy:demo"]}, policy="format = 1\n[stage.demo]\nsigners = 2\n")
        self.refused("when 2 people agree, and 1 did", self.check_entry, self.entry(), self.ann)
        said = {"format": 1, "state": "approved", "project": PROJECT, "stage": "demo", "version": "1.0.0",
                "manifest": MANIFEST, "by": "Ben"}
        agree = lambda key, **more: [key.signed(toml({**said, **more}))]  # noqa: E731
        self.refused("1 did", self.check_entry, self.entry(), self.ann, approvals=agree(self.ann))
        self.refused("1 did", self.check_entry, self.entry(), self.ann, approvals=agree(self.ben, version="0.9.0"))
        forged = [{**agree(self.ben)[0], "signature": self.ben.sign("another")}]
        self.refused("the approval by Ben is not signed", self.check_entry, self.entry(), self.ann, approvals=forged)
        self.check_entry(self.entry(), self.ann, approvals=agree(self.ben))
        history = [{"release": "1.0.0", "id": "a0", "time": "", "result": "healthy"}]
        self.agent.write_json(self.layout.record, {"format": 1, "history": history})
        self.check_entry(self.entry(), self.ann)


class Formats(Case):
    def test_what_was_written_once_is_read(self):
        frozen = support.HOST.parents[1] / "fixtures" / "formats" / "v1"
        os.makedirs(os.path.dirname(self.layout.trust))
        for name, place in (("trust.json", self.layout.trust), ("taken.json", self.layout.taken)):
            shutil.copy(frozen / name, place)
        trust = self.agent.Trust(self.layout)
        shown = trust.shown()
        self.assertEqual((shown["project"], shown["stage"], shown["generation"], shown["serial"], shown["withdrawn"]),
                         ("0" * 40, "staging", 1, 6, 1))
        self.assertEqual(trust.limits(), {"signers": 2, "retention": "90d"})
        for place in (self.layout.trust, self.layout.taken):
            newer = {**json.loads(pathlib.Path(place).read_text()), "format": 2}
            pathlib.Path(place).write_text(json.dumps(newer))
            self.refused("is of format 2", self.layout.make)
            newer["format"] = 1
            pathlib.Path(place).write_text(json.dumps(newer))


class Artifacts(Case):
    def test_an_artifact_that_was_swapped_is_found_before_the_switch(self):
        good = b"a wheel"
        digest = support.sha256(good)
        self.host.ask("put", None, digest, data=good)
        folder = self.host.at("releases", "1.0.0", ".hostout")
        folder.mkdir(parents=True)
        settings = {"wheels": [{"file": "a.whl", "sha256": digest}], "tarball": digest}
        (folder / "settings.json").write_text(json.dumps(settings))
        self.agent.check_artifacts(self.layout, "1.0.0")
        stored = self.host.at("store", digest[:2], digest[2:])
        stored.chmod(0o644)
        stored.write_bytes(b"another")
        self.refused("a.whl was damaged in the store", self.agent.check_artifacts, self.layout, "1.0.0")
        self.refused("a.whl was not sent", self.agent.check_artifacts, self.layout, "1.0.0")


class Limited(Case):
    """A key with `command="… limited"` in authorized_keys: sshd sets SSH_ORIGINAL_COMMAND to what was asked for."""

    def limited(self, command, data=b""):
        self.host.at(".hostout", "agent").write_bytes(support.SOURCE)
        argv = [sys.executable, "-I", str(self.host.at(".hostout", "agent")), "--path", self.host.path, "limited"]
        done = subprocess.run(argv, input=data, capture_output=True, check=False,
                              env={**os.environ, "SSH_ORIGINAL_COMMAND": command})
        return json.loads(done.stdout.splitlines()[-1])

    def ask(self, verb, value=None):
        """As the client does, whose own agent is in the command and is not run."""
        owned = os.path.join(self.folder, "owned")
        evil = shlex.quote(f"open({owned!r}, 'w')")
        body = json.dumps({"format": 1, **(value or {})}).encode()
        command = f"python3 -I -c {evil} 7 abc --path {self.host.path} serve"
        end = self.limited(command, f"{len(body)} {verb}\n".encode() + body)
        self.assertFalse(os.path.exists(owned))
        return end

    def test_it_only_deploys(self):
        path = self.host.path
        end = self.ask("status")
        self.assertEqual((end["end"], end["path"]), ("ok", path))
        for command in ("", "sh -i", f"rm -rf {path}", f"agent --path {path} status", f"agent --path {path} limited",
                        "python3 -I agent --path /elsewhere serve", "agent --path"):
            end = self.limited(command, b'15 status\n{"format": 1}')
            self.assertEqual((end["end"], end["kind"]), ("failed", "refused"), command)
            self.assertIn("this key may only deploy to", end["message"])
        for verb in ("install", "prune", "share", "logs"):
            self.assertIn(f"and not {verb}", self.ask(verb)["message"])

    def test_it_introduces_nobody_and_what_is_unsigned_is_not_built(self):
        text = self.manifest()
        told = {"project": PROJECT, "stage": "demo", "statements": [
            self.ann.signed(self.statement(0, {self.ann: ["all"]}))]}
        self.assertIn("a limited key does not introduce one", self.ask("trust", told)["message"])
        build = {"manifest": text, "manifest-sha256": hashlib.sha256(text.encode()).hexdigest(), "signature": "",
                 "version": "1.0.0", "id": "a1", "lock": {"token": "t"}}
        self.assertIn("has met no project", self.ask("prepare", build)["message"])
        self.meet()
        self.assertIn("not signed by a key", self.ask("prepare", build)["message"])


if __name__ == "__main__":
    unittest.main()
