"""The job: backup, stop, switch, start, probe, or all of it back."""

import contextlib
import itertools
import os
import secrets
import signal
import time

MOST = 1 << 53  # what every reader of JSON takes for the number that it is


class Activation:
    """The job that makes a prepared release live, or puts everything back. It runs without its client."""

    def __init__(self, layout, request):
        self.layout, self.request, self.lock = layout, request, Lock(layout)
        self.id = checked(IDENTIFIER, request.get("id"), "deployment id")
        self.new = checked(VERSION, request.get("version"), "version")
        self.old, self.token = request.get("expected"), request.get("token")
        serial = request.get("serial")
        if serial is not None and not (isinstance(serial, int) and 0 <= serial < MOST):
            raise Failed("bad-request", f"{serial!r} is no entry's serial")
        self.journal = Journal(layout, self.id)
        self.reached = "nothing"  # then "stopping", "switched"
        self.allowed = False  # whether `check` had no objection
        self.undoing = False
        self.excused = time.monotonic()  # from then on its deadline counts
        self.migrating = False  # whether the data may be the new release's
        self.was_healthy = False  # whether what is live was so, too
        self.backup = self.restore = None
        programs = request.get("roll")
        self.roll = Roll(self, programs) if programs else None  # else all stop together

    def check(self):
        """What must hold before anything is done; also asked by the client's side, so that it hears a plain no."""
        self.lock.refresh(self.token, "activate")
        check_live(self.layout, self.old)
        if not complete(self.layout, self.new, self.request.get("manifest-sha256")):
            raise Failed("not-prepared", f"{self.new} of this manifest is not prepared here", "prepare again")

    # The way forward

    def run(self):
        try:
            versions = {self.old, self.new, self.running()} - {None}
            self.settings = {version: stored_settings(self.layout, version) for version in versions}
            record = read_json(self.layout.record) or {}
            self.was_healthy = bool(record.get("healthy")) and record.get("release") == self.old
            with Heartbeat(self.lock, self.token):
                failure = self.attempt()
                # From here on nothing may stop half-way, whatever signals come.
                signal.signal(signal.SIGTERM, pass_over)
                end = self.undo(failure) if failure else self.healthy()
                if failure and self.allowed:  # last, so that a hook which hangs keeps no site down
                    self.spared(self.hook, "on-failure", HOSTOUT_RESULT=end["result"],
                                HOSTOUT_FAILURE=redact(failure.message))
        except BaseException as error:
            bug = a_bug(error, tail_of(self.journal.output))
            end = self.end("failed", bug.message, kind=bug.kind, output=bug.output)
        self.spared(AtBoot(self.layout).remove)
        if not self.request.get("keep-lock"):  # else other hosts of the deployment have yet to follow
            with contextlib.suppress(Failed, OSError):
                self.lock.release(self.token)
        self.journal.end(end)

    def attempt(self):
        try:
            self.forward()
        except Exception as error:  # a bug must not leave the site down either
            return failure_of(error)
        return None

    def forward(self):
        self.check()
        self.allowed = True
        self.check_venvs()
        self.stand_by()
        self.make_backup()
        if not self.roll:
            self.hook("before-stop")
        self.reached, self.excused = "stopping", time.monotonic()
        if not self.roll:
            self.stop(self.running())
            self.confirm_silence()
        self.take_back_host_parts(self.old, self.new)
        self.step("switch", f"{self.old or 'nothing'} -> {self.new}")
        check_live(self.layout, self.old)  # again: stopping takes its time
        self.reached = "switched"
        self.switch(self.new)
        self.migrating = bool(self.table(self.new).get("hooks", {}).get("migrate"))
        self.hook("migrate")
        self.install_host_parts(self.new)
        if self.roll:
            self.roll.to(self.new)
        else:
            self.start(self.new)
            self.hook("after-start")
        checks = self.checks(self.new, self.request.get("health"))
        self.step("probe", str(checks))
        self.probe(self.new, checks)

    def healthy(self):
        end = self.end("healthy", f"{self.new} is live and healthy")
        self.remember("healthy", live=self.new)  # first: cut off in the hook it stays live, with what visitors wrote
        self.spared(self.hook, "after-healthy")
        self.tidy()
        return end

    def stand_by(self):
        """From here on a start of the host has something to put right."""
        def write():
            where = AtBoot(self.layout).write()
            self.step("at-boot", where or "nothing here runs at a start; the next git hostout does it")

        self.spared(write)

    def check_venvs(self):
        settings = self.settings[self.new]
        if settings is None:
            raise Failed("not-prepared", f"{self.new} has no settings", "prepare again")
        if ensure_venv(self.layout, settings["venv"], self.journal.output):
            self.step("venv", "made anew: the interpreter had changed")

    def make_backup(self):
        """Before anything is touched; see `data_owner` for whose settings count."""
        if not self.old:
            return
        release, data = self.data()
        if not data:
            return
        name = f"{self.id}-{self.new}"
        self.step("backup", name)
        backup = Backup(self.layout, name, self.journal.output, self.hook_env())
        self.backup = backup.make(release, data)
        if not self.backup:
            self.warn(f"there is no data yet at {', '.join(data.get('storages', []))}: nothing was backed up")
            return
        if restorable(data):
            self.restore = Restore(backup, release, data)
        self.spared(prune_backups, self.layout, data.get("keep", 3), what="old backups could not be removed: ")

    def data(self):
        """The release whose settings say how the data is backed up and restored, and what they say."""
        version = {"new": self.new, "old": self.old, None: None}[data_owner(self.table(self.new), self.table(self.old))]
        return (self.layout.release(version), self.table(version)["data"]) if version else (None, None)

    def recall(self, events):
        """What a job that wrote `events` knew: its backup, and whether the data may be the new release's."""
        steps = {event["step"]: event.get("detail") for event in events if event.get("event") == "step"}
        self.migrating = "migrate" in steps
        name, (release, data) = steps.get("backup"), self.data()
        self.backup = Sealed(self.layout, name).seal if name else None
        if self.backup and data and restorable(data):
            self.restore = Restore(Backup(self.layout, name, self.journal.output, self.hook_env()), release, data)

    def running(self):
        """Whose services may run: those of what is live, or was when somebody took `current` away."""
        recorded = (read_json(self.layout.record) or {}).get("release")
        return self.old or (recorded if recorded and complete(self.layout, recorded) else None)

    def stop(self, version):
        if version:
            self.step("stop", version)
            self.services(version).stop()

    def is_down(self, version):
        return any(look["state"] not in ("running", "unknown") for look in self.services(version).look())

    def start(self, version):
        self.step("start", version)
        Homes(self.layout).forget()
        self.services(version).start()

    def confirm_silence(self):
        """Whoever still answers would be taken for the new release."""
        checks = [self.checks(version) for version in (self.old, self.new)
                  if version and self.table(version).get("services", {}).get("kind", "none") != "none"]
        checks += [self.checks(self.new, self.request.get("health"))] if checks else []
        served = []

        def silent():
            served[:] = sorted({place for some in checks for place in some.served()})
            return not served

        if not wait_until(silent, 10, 0.25):
            raise Failed("stop", f"{' and '.join(served)} still answers after the services were stopped",
                         "find out who else serves it")

    def switch(self, version):
        """`mv -T`: one rename, read back."""
        self.lock.refresh(self.token)
        link_now(self.layout, version)

    def host_parts(self, version):
        return self.table(version).get("host-parts") or []

    def install_host_parts(self, version):
        """Parts that act outside the release, installed through `current`; what they did is remembered for all
        releases together, so that the next one can take it back."""
        parts = self.host_parts(version)
        if parts:
            self.step("host-parts", " ".join(parts))
            self.run_host_parts(version, "install", *parts)

    def take_back_host_parts(self, version, following):
        """What `following` doesn't do any more is undone by the release that did it: only it has the recipes."""
        if set(self.host_parts(version)) - set(self.host_parts(following)):
            self.step("host-parts", "are taken back")
            self.run_host_parts(version, "buildout:parts=", "install")

    def run_host_parts(self, version, *arguments):
        with scratch(self.layout, "home") as home:
            release = self.layout.release(version)
            argv = buildout_argv(self.settings[version], release, self.layout.current,
                                 f"buildout:installed={self.layout.own('host-parts.cfg')}", *arguments)
            env = {**buildout_env(home, os.path.join(release, ".hostout", "dist")),
                   "HOME": os.environ.get("HOME", home)}
            code, said = run(argv, self.layout.current, 1800, self.journal.output, env)
        if code != 0:
            raise Failed("host-parts", f"buildout of {' '.join(self.host_parts(version))} {ending(code, 1800)}", None,
                         last_lines(said))

    def probe(self, version, checks):
        """A release that is put back was healthy before; it needn't prove again that it stays so."""
        self.probe_with(self.services(version), checks, 0 if self.undoing else checks.table.get("stable", 0))

    def probe_with(self, services, checks, stable):
        allowed = checks.table.get("timeout", 60)
        if self.request.get("deadline") and not self.undoing:
            allowed = min(allowed, self.request["deadline"] - (time.monotonic() - self.excused))
        probe(services, checks, max(1, allowed), stable)

    # The way back

    def undo(self, failure):
        """Puts the old release back as far as this got, and says what is live."""
        self.undoing = True
        self.journal.free_reserves("back")
        message, output = failure.message, failure.output
        more = {"kind": failure.kind, "output": output, "hint": failure.hint}
        if self.reached == "nothing" or (self.reached == "stopping" and not self.old):
            return self.end("failed-before-switch", f"{message}; nothing was changed", **more)
        if self.reached == "switched" and self.request.get("keep-unhealthy") and failure.kind == "unhealthy":
            end = self.end("unhealthy", f"{message}; kept by choice", **more)
            self.remember("unhealthy", live=self.new)
            return end
        try:
            if self.reached == "switched":
                again = self.old == self.new
                if again and not self.migrating:
                    self.remember("failed")
                    return self.end("failed", f"{message}; it is the release that was live before", **more)
                if not self.roll:
                    self.stop(self.new)
                self.spared(self.take_back_host_parts, self.new, self.old)
                self.restore_data()
                if again and not self.was_healthy:  # a release that waits for its data to be migrated must not run
                    self.remember("failed")
                    return self.end("failed", f"{message}; the data is again as this deployment found it; the services "
                                    "stay down", **{**more, "hint": self.both_ways()})
                self.switch_back()
            if not self.old:
                self.remember("failed", live=None)
                return self.end("failed", f"{message}; there is no earlier release, nothing is live", **more)
            self.spared(self.install_host_parts, self.old)
            stopped = self.reached == "switched" or self.is_down(self.old)
            if self.roll and self.reached == "switched":
                self.roll.to(self.old)
            elif stopped:
                self.start(self.old)  # else it is what wouldn't stop
            self.step("probe", self.old)
            self.probe(self.old, self.checks(self.old))
        except Exception as error:
            second = failure_of(error)
            self.remember("failed", live=self.layout.live()[0])
            more["output"] = (output + second.output)[-OUTPUT_LINES:]
            if second.kind == "restore":
                more["hint"] = self.both_ways()
                return self.end("failed", f"{message}; {second.message}; the services stay down", **more)
            if self.restore and self.restore.aside.moved:
                more["hint"] = f"what {self.new} made of the data is beside it, as *.before-{self.backup['name']}"
            return self.end("failed", f"{message}; putting back {self.old or 'nothing'} failed too: {second.message}",
                            **more)
        if self.reached == "stopping":
            again = "was started again" if stopped else "runs on"
            return self.end("failed-before-switch", f"{message}; {self.old} {again}", **more)
        self.remember("reverted")
        if self.restore:
            self.spared(self.restore.forget, what=f"data that {self.new} left could not be removed: ")
        data = " with its data" if self.migrating else ""
        return self.end("reverted", f"{message}; {self.old} was put back{data} and is healthy", **more)

    def restore_data(self):
        """An old release must not meet data that a newer one has migrated, and data is left alone that none has."""
        if not self.migrating or not self.old:
            return
        if not self.restore:
            raise Failed("restore", "migrate had begun, and nothing says how its backup is put back" if self.backup else
                         "migrate had begun, and there is no backup to put back")
        self.step("restore", self.backup["name"])
        self.restore.run()

    def both_ways(self):
        """The commands after a data migration that can't be undone here; which one is right, a person decides. After
        several tries the way back is that before the first one."""
        stage, old, name = self.request.get("stage"), self.old, self.backup and self.backup["name"]
        if old == self.new:
            old, name = before_the_tries((read_json(self.layout.record) or {}).get("history", []), name)
        folder = backup_folder(self.layout, name) if name else ""
        source = f" from {folder}" if os.path.isdir(folder) else ""
        back = f"git hostout rollback {stage} --to {old}" if old and old != self.new else \
               f"git hostout deploy {stage} {self.new}"
        return (f"to go on with {self.new}: git hostout deploy {stage} {self.new}\n"
                f"to go back to {old or 'what was before'}: put its data back{source}, then {back}")

    def switch_back(self):
        self.step("switch", f"{self.new} -> {self.old or 'nothing'}")
        if self.old:
            link_now(self.layout, self.old)
        elif self.layout.live()[0] == self.new:
            os.unlink(self.layout.current)

    # What both need

    def table(self, version):
        return (self.settings.get(version) or {}).get("buildout", {})

    def services(self, version):
        return services_here(self.layout, version, self.settings.get(version), self.journal.output)

    def checks(self, version, asked=None):
        return checks_of(self.layout, version, self.settings.get(version), asked)

    def step(self, step, detail=""):
        self.journal.note({"event": "step", "step": step, "detail": redact(detail)})
        if not self.undoing:  # on the way back a lost lock must not leave the site down
            self.lock.refresh(self.token, step)

    def hook_env(self):
        """What hooks and the backup command know of the deployment; README.md documents it."""
        return {"HOSTOUT_RELEASE": self.new, "HOSTOUT_PREVIOUS": self.old or "",
                "HOSTOUT_STAGE": str(self.request.get("stage") or ""), "HOSTOUT_ID": self.id,
                "HOSTOUT_PATH": self.layout.path, "HOSTOUT_INTENT": str(self.request.get("intent") or "deploy"),
                "HOSTOUT_BACKUP": backup_folder(self.layout, self.backup["name"]) if self.backup else ""}

    def hook(self, name, **more):
        hook = self.table(self.new).get("hooks", {}).get(name)
        if not hook:
            return
        began, argv, seconds = time.monotonic(), hook["argv"], hook["timeout"]
        self.step(name, argv[0])
        code, said = run(argv, self.layout.release(self.new), seconds, self.journal.output,
                         service_env({**self.hook_env(), "HOSTOUT_HOOK": name, **more}), user=self.layout.runtime)
        self.excused += time.monotonic() - began  # it has a timeout of its own
        if code != 0:
            raise Failed("hook", f"the hook {name} ({named(argv)}) {ending(code, seconds)}{raised(said)}", None,
                         last_lines(said))

    def spared(self, call, *arguments, what="", **more):
        """Calls what may fail: that is told, after `what` it means, and changes nothing about how the job ends."""
        try:
            call(*arguments, **more)
        except Exception as error:
            failure = failure_of(error)
            self.warn(what + "; ".join([failure.message, *map(brief, failure.output[-1:])]))

    def warn(self, message):
        self.journal.note({"event": "warning", "message": redact(message)})

    def remember(self, result, live=..., **more):
        """The host's record: what is live here and how it came about, and `more` of that. Failing to write it undoes
        nothing."""
        record = read_json(self.layout.record) or {"format": FORMAT, "release": None, "history": []}
        overridden = {key: self.request[key] for key in ("health", "keep-unhealthy") if self.request.get(key)}
        history = [*record.get("history", []),
                   {"release": self.new, "id": self.id, "time": now(), "result": result, **overridden}]
        if live is not ...:
            settled = result in ("healthy", "unhealthy")
            record.update({
                "release": live, "manifest": (complete(self.layout, live) or {}).get("manifest") if live else None,
                "id": self.id if settled else record.get("id"),
                "serial": self.request.get("serial") if settled else record.get("serial"),
                "time": now(), "stage": self.request.get("stage"), "from": self.old, "healthy": result == "healthy"})
        record.update({"format": FORMAT, "history": history[-50:], **more})
        try:
            write_json(self.layout.record, record, room=self.journal.reserve("record"))
        except OSError as error:
            self.warn(f"the record could not be written: {error.strerror}")

    def tidy(self):
        """What can't be removed is told, and undoes nothing."""
        self.journal.note({"event": "step", "step": "prune", "detail": ""})
        self.spared(lambda: Prune(self.layout, self.request.get("keep") or 5).run(),
                    what="old releases could not be removed: ")

    def end(self, result, message, **more):
        current = self.layout.live()[0]
        ok = result in ("healthy", "unhealthy")
        if self.backup:
            more.update({"backup": self.backup["name"], "backup-sha256": self.backup["sha256"]})
        return {"event": "end", "end": "ok" if ok else "failed", "result": result, "id": self.id, "from": self.old,
                "to": self.new, "current": current, "backup": None, "backup-sha256": None, "output": [], **more,
                "message": redact(message)}


def link_now(layout, version):
    """Points `current` at a release by one rename, and reads it back."""
    following = layout.at(f"current.next.{secrets.token_hex(4)}")
    os.symlink(os.path.join("releases", version), following)
    try:
        os.replace(following, layout.current)
    except OSError:
        os.unlink(following)
        raise
    sync_folder(layout.path)
    if layout.live()[0] != version:
        raise Failed("switch", f"current names {layout.live()[2]} after it was switched to {version}")


def before_the_tries(history, name):
    """What was healthy last, and the backup of the first deployment after it that left it: one that was put back, at
    once or because of other hosts, left its data to it. `name` where that was none."""
    taken_back = {entry["id"] for entry in history if entry.get("result") == "reverted"}
    healthy = [number for number, entry in enumerate(history)
               if entry.get("result") == "healthy" and back_of(entry["id"]) not in taken_back]
    if not healthy:
        return None, name
    tries = itertools.dropwhile(lambda entry: entry["result"] in ("healthy", "reverted"), history[healthy[-1] + 1:])
    first = next(tries, None)
    return history[healthy[-1]]["release"], f"{first['id']}-{first['release']}" if first else name
