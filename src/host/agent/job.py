"""A job outlives the connection that started it: forked away, deaf to hang-ups, told once when the machine goes down."""

import os
import signal

APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND  # as all that write there do, or one writes over the other


def detach(activation):
    """Starts the job and returns at once."""
    journal, layout = activation.journal, activation.layout
    os.makedirs(journal.folder, 0o700)
    keep_request(activation)
    write_whole(os.path.join(journal.folder, "entry.toml"), (activation.request.get("entry") or "").encode(), 0o600)
    write_whole(os.path.join(journal.folder, "entry.toml.sig"), (activation.request.get("signature") or "").encode(),
                0o600)
    write_json(os.path.join(layout.jobs, "last"), {"id": activation.id})
    journal.keep_reserves(*RESERVES)
    held = journal.hold()  # taken before the fork, so that a follower never finds the job dead before it lives
    try:
        leave_alone(activation)
    finally:
        os.close(held)


def keep_request(activation):
    """What the job was to do, for those who find it dead. By its token's hash they know the lock that it left."""
    kept = {key: value for key, value in activation.request.items() if key not in ("token", "bundle")}
    kept["token-sha256"] = hash_of(activation.token)
    write_json(os.path.join(activation.journal.folder, "request.json"), kept, 0o600)


def leave_alone(activation, *ours):
    """Runs it in a session of its own (double fork), which keeps every handle that is open, but for those that are
    `ours`."""
    journal, child = activation.journal, os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGHUP, pass_over)
        signal.signal(signal.SIGINT, pass_over)
        signal.signal(signal.SIGTERM, asked_to_end)
        nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(journal.output, APPENDING, 0o600)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir("/")
        for handle in ours:
            os.close(handle)
        activation.run()
    except BaseException as error:
        a_bug(error)
    finally:
        os._exit(0)


def pass_over(*_):
    """Instead of SIG_IGN, which services would inherit over exec: they'd never stop on SIGTERM."""


def asked_to_end(*_):
    """The machine goes down: put the old release back while there is time, once."""
    signal.signal(signal.SIGTERM, pass_over)
    raise Failed("stopped", "the job was asked to end")
