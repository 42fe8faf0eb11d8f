"""A job that was cut off, by power or by a kill, is put right by whoever comes first: the host's start, a client."""

import contextlib
import os
import signal


class Recovery(Activation):
    """The way back of a job that died without an end. It goes on in that job's journal and writes its end there, under
    a lock of its own. How far the other one got is read from its journal, and from what `current` says now."""

    def check(self):
        """What is live is looked at, and not known before. A full disk is what it may be there for."""
        with contextlib.suppress(OSError):
            self.lock.refresh(self.token, "recover")

    def known(self):
        """The events that tell of the backup and of the data."""
        return self.journal.events()[0]

    def forward(self):
        self.check()
        steps = [event for event in self.journal.events()[0] if event.get("event") == "step"]
        self.stand_by()
        self.recall(self.known())
        self.journal.note({"event": "step", "step": "recover", "detail": ""})
        self.reached = self.how_far(steps)
        if self.told() == "healthy" and self.layout.live()[0] == self.new:
            self.spared(self.start_if_down, self.new)
            return
        end_children(self.layout, self.journal.output)
        self.allowed = True
        where = f" at {steps[-1]['step']}" if steps else ""
        unhealthy = self.told() == "unhealthy"  # and kept, by choice
        raise Failed("unhealthy" if unhealthy else "stopped", f"it was cut off{where}")

    def how_far(self, steps):
        """See `Activation.reached`. Services are looked at in any case: the host's start has ended them all."""
        live = self.layout.live()[0]
        if live not in (self.old, self.new):
            raise Failed("stale", f"it was cut off, and {live or 'nothing'} is live since")
        if self.is_back(steps):
            self.migrating = False  # the old release runs on its own data, and may have written
            return "stopping" if self.old == self.new else "switched"
        if self.old == self.new:
            return "switched" if self.migrating else "stopping"
        if live == self.new:
            return "switched"
        return "stopping" if self.old else "nothing"

    def is_back(self, steps):
        """Whether it died on its own way back, with the data where it was before."""
        back = f"{self.new} -> {self.old or 'nothing'}"
        switches = sum(step["step"] == "switch" and step["detail"] == back for step in steps)
        return switches > (self.old == self.new)  # the same words are the way there

    def told(self):
        """What the host's record says already of how it ended."""
        history = (read_json(self.layout.record) or {}).get("history", [])
        return next((entry["result"] for entry in reversed(history) if entry["id"] == self.id), None)

    def healthy(self):
        """It was found so before; what follows on that was not cut off, or is not done twice."""
        end = self.end("healthy", f"{self.new} is live and healthy")
        self.tidy()
        return end

    def undo(self, failure):
        if failure.kind == "stale":
            return self.end("failed", f"{failure.message}; that is left as it is", kind=failure.kind)
        return super().undo(failure)

    def remember(self, result, live=..., **more):
        if self.told() != result:
            super().remember(result, live, **more)

    def restore_data(self):
        """Nothing of the job may write to the data any more that is put back."""
        if self.migrating:
            try:
                end_children(self.layout, self.journal.output)
            except Failed as failure:
                raise Failed("restore", failure.message, failure.hint, failure.output) from failure
        super().restore_data()

    def stop(self, version):
        """Where nothing runs any more a stop command may well fail: what counts is that nobody answers."""
        try:
            super().stop(version)
        except Failed as failure:
            looks = self.services(version).look()
            if self.checks(version).served() or any(look["state"] in ("running", "starting") for look in looks):
                raise
            self.warn(failure.message)

    def is_down(self, version):
        """A process that was killed may be seen for a moment still; whether it answers tells."""
        checks = self.checks(version)
        return super().is_down(version) or bool((checks.http or checks.tcp) and not checks.served())

    def start(self, version):
        """What a start was cut off in may be half up."""
        if not self.is_down(version) and self.checks(version).served():
            return
        self.stop(version)
        super().start(version)

    def start_if_down(self, version):
        services = self.services(version)
        if processes_complaint(services, services.look()) or self.checks(version).complaint():
            self.start(version)
            self.probe(version, self.checks(version))


class RecoveredReversal(Recovery, Reversal):
    """The same for a way back that was a job of its own."""

    def known(self):
        return self.first.events()[0]

    def how_far(self, steps):
        """Its job was healthy: it had switched."""
        reached = super().how_far(steps)
        if self.layout.live()[0] == self.old:
            self.migrating = False
        return "switched" if self.old else reached


def recover(layout, name):
    """Starts the recovery of job `name`, which died; nothing where somebody else did so in between."""
    journal = Journal(layout, name)
    held = journal.hold()  # of two who come at once, one waits here
    try:
        if journal.ended():
            return
        request = read_json(os.path.join(journal.folder, "request.json"))
        if not request:
            raise Failed("unknown-job", f"job {name} left nothing here that says what it was to do")
        lock = Lock(layout)
        # On a full disk what the dead job had set aside is all that there is; of that the way back needs little.
        token = lock.take(of_the_host(f"put right deployment {name}"), "recover", over=request.get("token-sha256"),
                          room=journal.reserve("back"))
        try:
            job = recovery(layout, request, token)
            with contextlib.suppress(OSError):
                keep_request(job)
                journal.keep_reserves(*RESERVES)
            leave_alone(job)
        except BaseException:
            lock.release(token)
            raise
    finally:
        os.close(held)


def recovery(layout, request, token):
    """A job that was a way back goes on as one."""
    first = request.get("reverts")
    job = RecoveredReversal(layout, first, token) if first else Recovery(layout, {**request, "token": token})
    job.request["keep-lock"] = False  # nobody waits for it with other hosts
    return job


def end_children(layout, output):
    """Ends what a killed job has left running: hooks, scripts, services that it started, and what is below them. They all
    write to its `output`. The agent itself is none of them."""
    try:
        file = os.stat(output)
    except FileNotFoundError:
        return
    facts, ours, found = {"device": file.st_dev, "inode": file.st_ino}, (os.getpid(), os.getppid()), {}
    for pid in {*writers_of(**facts), *in_runtime(layout, "writers", **facts)}.difference(ours):
        found.update({pid: born(pid)[1], **descendants(pid)})
    found = {pid: start for pid, start in found.items() if start and pid not in ours}
    for pid in found:
        send(pid, signal.SIGTERM)
    if not end_orphans(found):
        raise Failed("stop", "what the job had started does not end")
