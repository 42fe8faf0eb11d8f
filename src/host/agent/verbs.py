"""Requests to the other parts."""

import contextlib
import json
import os
import struct


def read_request(stream):
    data = stream.read(MAX_REQUEST + 1)
    if len(data) > MAX_REQUEST:
        raise Failed("bad-request", "the request is too long")
    try:
        request = json.loads(data) if data.strip() else {"format": FORMAT}
    except ValueError as error:
        raise Failed("bad-request", f"the request is not JSON: {error}") from error
    if not isinstance(request, dict) or not isinstance(request.get("format"), int):
        raise Failed("bad-request", "the request has no format")
    if request["format"] > FORMAT:
        raise Failed("newer-format", f"the request is of format {request['format']}; this agent ({AGENT_VERSION}) knows"
                     f" up to {FORMAT}", "install the newer agent first")
    return request


def verb_status(layout, _arg, stream, _answers):
    return status(layout, read_request(stream))


def verb_install(layout, _arg, stream, _answers):
    """Puts this very program at `.hostout/agent`; only when it knows its source."""
    read_request(stream)
    source = globals().get("SOURCE")
    if not source:
        raise Failed("bad-request", "install works only when the agent is fed on stdin")
    layout.make()
    lock = Lock(layout)
    if not lock.free(lock.owner()):
        raise lock.held()
    write_whole(layout.own("agent"), source, 0o755)
    keep_code(layout)
    return {"end": "ok", "agent": AGENT_VERSION, "installed": installed(layout)}


def keep_code(layout):
    """Keeps this program's compiled form where `boot.py` finds it: compiling takes longer than most verbs."""
    code = globals().get("CODE", b"")
    with contextlib.suppress(OSError):
        if sha256_of(layout.own("agent")).encode() != code[:64] or same_bytes(layout.own("agent.code"), code):
            return
        write_whole(layout.own("agent.code"), code)


def same_bytes(path, data):
    try:
        with open(path, "rb") as file:
            return file.read() == data
    except FileNotFoundError:
        return False


def verb_have(layout, _arg, stream, _answers):
    return {"end": "ok", "missing": missing(layout, read_request(stream).get("sha256", []))}


def verb_put(layout, arg, stream, answers):
    layout.make()
    if arg:
        return {"end": "ok", "stored": 1, "bytes": put_one(layout, arg, stream)}
    count, size = put_many(layout, stream, answers)
    return {"end": "ok", "stored": count, "bytes": size}


def verb_trust(layout, _arg, stream, answers):
    """Takes what is new of keys, policy and withdrawals; the first time whatever comes."""
    request = read_request(stream)
    layout.make()
    trust = Trust(layout)
    trust.learn(request)
    for warning in trust.warnings:
        answers.warning(warning)
    return {"end": "ok", "trust": trust.shown()}


def verb_prepare(layout, _arg, stream, answers):
    prepared = Preparation(layout, read_request(stream)).follow(answers)
    keep_code(layout)  # the host's python may be a newer one
    return prepared


def verb_manifest(layout, arg, stream, _answers):
    """The manifest of a complete release as it came, with its signature: for a client whose ledger doesn't know it."""
    read_request(stream)
    version = checked(VERSION, arg, "version")
    if not complete(layout, version):
        raise Failed("not-prepared", f"there is no release {version} here")
    _, manifest, signature = stored_manifest(layout, version)
    return {"end": "ok", "manifest": manifest, "signature": signature}


def stored_manifest(layout, version):
    """What a release was built from: the manifest, its text, its signature."""
    texts = []
    for name in ("manifest.toml", "manifest.sig"):
        with open(os.path.join(layout.release(version), ".hostout", name), encoding="utf-8") as file:
            texts.append(file.read())
    return parse_toml(layout, texts[0]), *texts


def verb_activate(layout, _arg, stream, answers):
    activation = Activation(layout, read_request(stream))
    if not os.path.exists(activation.journal.folder):  # else a client that comes again just follows
        activation.check()
        check_artifacts(layout, activation.new)
        trust = Trust(layout)
        if trust.facts:
            trust.check_manifest(*stored_manifest(layout, activation.new))
        trust.check_entry(activation.request)
        for warning in trust.warnings:
            answers.warning(warning)
        trust.take(activation.request.get("serial"))
        detach(activation)
        if activation.request.get("bundle"):  # the job goes on meanwhile
            take_bundle(layout, activation.request["bundle"], answers)
    return follow(layout, activation.journal, answers)


def verb_bundle(layout, arg, stream, _answers):
    """What is too long to come with a deployment; ARG is the entry that it follows."""
    layout.make()
    try:
        keep_bundle(layout, stream, arg)
    except (ValueError, LookupError, struct.error) as error:
        raise Failed("bad-request", f"project.bundle is as it was: {error}") from error
    return {"end": "ok", "bundle": bundle_shown(layout)}


def verb_revert(layout, arg, stream, answers):
    reversal = Reversal(layout, arg, read_request(stream).get("token"))
    if not os.path.exists(reversal.journal.folder):
        reversal.check()
        detach(reversal)
    return follow(layout, reversal.journal, answers)


def verb_recover(layout, _arg, stream, answers):
    """Puts right what the last job left where it was cut off; whoever does so already is followed."""
    read_request(stream)
    name = last_job(layout) if layout.state()[0] == "ours" else None
    state = Journal(layout, name).state()["state"] if name else "ended"
    if state == "ended":
        return {"end": "ok", "recovered": False}
    if state == "died":
        recover(layout, name)
    return follow(layout, Journal(layout, name), answers)


def verb_hold(layout, _arg, stream, _answers):
    token = read_request(stream).get("token")
    Lock(layout).refresh(token)
    return {"end": "ok", "lock": token}


def verb_journal(layout, arg, stream, answers):
    """A job that was taken back is told by the job that did so."""
    request = read_request(stream)
    name = arg or last_job(layout)
    if arg and os.path.isdir(layout.job(back_of(checked(IDENTIFIER, arg, "deployment id")))):
        name = back_of(arg)
    if not name or not os.path.isdir(layout.job(checked(IDENTIFIER, name, "deployment id"))):
        raise Failed("unknown-job", f"there is no job {name}" if name else "no job has run here")
    return follow(layout, Journal(layout, name), answers, request.get("wait", True))


def verb_prune(layout, _arg, stream, answers):
    request = read_request(stream)
    dry_run = bool(request.get("dry-run"))
    work = Prune(layout, request.get("keep", 5), dry_run, request.get("grace", 86400), request.get("releases"))
    if dry_run:
        return work.run()
    lock = Lock(layout)
    token = lock.take(request.get("lock"), "prune", answers)
    try:
        with Heartbeat(lock, token, answers):
            return work.run()
    finally:
        lock.release(token)


def verb_unlock(layout, _arg, stream, answers):
    request, lock = read_request(stream), Lock(layout)
    if layout.state()[0] != "ours":
        return {"end": "ok", "unlocked": False, "lock": None}
    if "dead" in request:
        owner = lock.end_dead(request["dead"], answers)
    elif "dead-unwanted" in request:
        owner = lock.end_dead(request["dead-unwanted"], answers, wanted=False)
    elif "expired" in request:
        owner = lock.end_expired(request["expired"])
    else:
        end_preparation(layout, request.get("token"))
        owner = lock.give_back(request.get("token"))
    return {"end": "ok", "unlocked": owner is not None, "lock": owner and lock.shown(owner)}


def verb_share(layout, arg, stream, _answers):
    return {"end": "ok", "changed": put_shared(layout, arg or "", read_request(stream))}


def verb_logs(layout, _arg, stream, _answers):
    read_request(stream)
    return {"end": "ok", "logs": log_files(layout), "patterns": log_patterns(layout)}


def verb_work(layout, arg, stream, answers):
    """For the other half of `in_runtime` only: a second agent, run by the first one."""
    if layout.runtime != user() or arg not in WORK:
        raise Failed("bad-request", f"this is not {layout.runtime}'s work: {arg}")
    return {"end": "ok", "value": WORK[arg](layout, None, **json.loads(stream.read(MAX_REQUEST)))}


def verb_boot(layout, _arg, stream, answers):
    """The machine has started: what a job left is put right, and what is live is started, all of it from the live
    release."""
    recovered, started = verb_recover(layout, None, stream, answers), None
    if services_down(layout)[1]:
        with held_for_boot(layout, answers):
            version, services = services_down(layout)  # again: a deployment may have been waited for
            if services:
                with contextlib.suppress(Failed):  # what the machine's end left: pid files, sockets
                    services.stop()
                Homes(layout).forget()
                services_here(layout, version, stored_settings(layout, version)).start()
                started = version
    return {"end": "ok", "recovered": recovered, "started": started}


def services_down(layout):
    """The release that is live, and its services where they don't run."""
    version = layout.live()[0]
    settings = stored_settings(layout, version) if version else None
    services = services_here(layout, version, settings) if settings else None
    return version, services if services and processes_complaint(services, services.look()) else None


@contextlib.contextmanager
def held_for_boot(layout, answers):
    """No deployment begins meanwhile. One that prepares already changes nothing that runs yet, and may take long: a site
    is not down for it; where one is about to change that, it is waited for."""
    lock, tokens = Lock(layout), []

    def taken():
        owner = lock.owner()
        if not lock.free(owner) and owner.get("step") == "prepare":
            answers.warning(f"{words_of(owner)} prepares meanwhile")
            return True
        try:
            tokens.append(lock.take(of_the_host("start what is live"), "boot"))
        except Failed as failure:
            if failure.kind != "locked":
                raise
        return bool(tokens)

    if not wait_until(taken, PREPARE_SECONDS, 0.5):
        raise lock.held()
    try:
        with Heartbeat(lock, tokens[0]) if tokens else contextlib.nullcontext():
            yield
    finally:
        for token in tokens:
            lock.release(token)


def verb_halt(layout, _arg, stream, _answers):
    """The machine stops."""
    read_request(stream)
    version = layout.live()[0]
    settings = stored_settings(layout, version) if version else None
    if settings:
        services_here(layout, version, settings).stop()
    return {"end": "ok", "stopped": version if settings else None}


# What a key may ask for that may only deploy.
SERVED = {"status", "have", "put", "trust", "prepare", "activate", "revert", "recover", "hold", "manifest", "journal",
          "unlock"}
VERBS = {"trust": verb_trust, "bundle": verb_bundle, "status": verb_status, "install": verb_install, "have": verb_have,
         "put": verb_put, "prepare": verb_prepare, "manifest": verb_manifest, "activate": verb_activate,
         "revert": verb_revert, "recover": verb_recover, "hold": verb_hold, "journal": verb_journal, "prune": verb_prune,
         "unlock": verb_unlock, "share": verb_share, "logs": verb_logs, "work": verb_work, "boot": verb_boot,
         "halt": verb_halt}
