"""A release that is live and healthy here goes back, because another host of its deployment could not follow."""

import os


class Reversal(Activation):
    """The way back of a job that ended well. It is a job of its own, `<id>-back`, under the same lock; its end is that
    of an activation that was put back."""

    def __init__(self, layout, name, token):
        first = Journal(layout, name)
        request, end = read_json(os.path.join(first.folder, "request.json")), first.ended()
        if not request or not end or end.get("result") != "healthy":
            raise Failed("unknown-job", f"job {name} left nothing here that can be taken back")
        super().__init__(layout, {**request, "id": back_of(name), "token": token, "reverts": name})
        self.first = first

    def check(self):
        self.lock.refresh(self.token, "revert")
        check_live(self.layout, self.new)
        if not self.old or not complete(self.layout, self.old):
            raise Failed("not-prepared", f"{self.old or 'what was live before'} is not there any more", "roll back")

    def remember(self, result, live=...):
        """The record goes back too: to the deployment that had made the old release live."""
        if result != "reverted":
            super().remember(result, live)
            return
        history = (read_json(self.layout.record) or {}).get("history", [])
        healthy = [entry["id"] for entry in history if (entry["release"], entry["result"]) == (self.old, "healthy")]
        before = {"id": healthy[-1], "serial": None, "healthy": True} if healthy else {}
        super().remember(result, self.old, **before)

    def forward(self):
        self.check()
        self.stand_by()
        self.recall(self.first.events()[0])
        self.allowed, self.reached = True, "switched"
        raise Failed("reverted", "another host could not follow")


def back_of(name):
    """The job that takes job `name` back."""
    return f"{name}-back"
