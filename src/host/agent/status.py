"""What is there; writes nothing."""

import os
import socket


def status(layout, request):
    """What is here. Reads only; must work where nothing exists."""
    state, reason = layout.state()
    version, link_state, link_target = layout.live()
    looks, healthy, complaint, rolls = running_now(layout, version)
    job = last_job(layout) if state == "ours" else None
    return {
        "end": "ok", "format": FORMAT, "agent": AGENT_VERSION, "installed": installed(layout), "path": layout.path,
        "path-state": state, "place": place_of(layout.path), "reason": reason, "python": python_facts(), "target": target(), "user": user(),
        "runtime-user": layout.runtime,
        "hostname": socket.gethostname(), "disk": disk(layout.path),
        "temp": disk(os.environ.get("TMPDIR") or "/tmp"), "backup": backup_need(layout, version, request.get("data")),
        "current": {"release": version, "state": link_state, "target": link_target},
        "record": recorded(layout), "releases": releases(layout), "lock": Lock(layout).shown(),
        "services": looks, "healthy": healthy, "complaint": complaint, "rolls": rolls,
        "shared": {"files": {name: os.path.isfile(os.path.join(layout.shared, *below(name)))
                             for name in request.get("shared-files", [])}},
        "trust": Trust(layout).shown(), "bundle": bundle_shown(layout),
        "lacks": lacking(request.get("data")), "missing": missing(layout, request.get("sha256", [])),
        "preparation": preparation_shown(layout) if state == "ours" else None,
        "job": {"id": job, **Journal(layout, job).state()} if job else None,
    }


def recorded(layout):
    """The host's record, as it is; a file that somebody made of it is named."""
    record = read_json(layout.record)
    history = (record or {}).get("history", [])
    whole = isinstance(history, list) and all(
        isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("release", "id", "time", "result"))
        for entry in history)
    if not whole:
        raise Failed("io", f"the history in {layout.record} is not what a deployment writes there",
                     "mend it, or move the file away: then nothing is known of what was deployed there")
    return record


def place_of(path):
    """What tells `path` on this machine from every other: this start of it, the deepest folder that is there, the rest."""
    rest = []
    while not os.path.isdir(path):
        path, name = os.path.split(path)
        rest.insert(0, name)
    folder = os.stat(path)
    return " ".join([boot(), str(folder.st_dev), str(folder.st_ino), *rest])


def installed(layout):
    try:
        return sha256_of(layout.own("agent"))
    except OSError:
        return None


def running_now(layout, version):
    """The live release's processes, whether it is healthy, by its own settings (None when nothing is live, or when that
    can't be told), what its checks complain of, and whether its programs can be taken to another release one by one."""
    settings = stored_settings(layout, version) if version else None
    if not settings:
        return [], None, None, False
    services = services_here(layout, version, settings)
    looks = services.look()
    complaint = checks_of(layout, version, settings).complaint(patience=5)
    if complaint or any(look["state"] not in ("running", "unknown") for look in looks):
        healthy = False
    else:
        healthy = None if processes_complaint(services, looks) else True
    return looks, healthy, complaint, services.rolls()


def releases(layout):
    found = []
    for version in Prune.listed(layout.releases):
        marker = complete(layout, version)
        whole = marker is not None and eggs_are_there(layout.release(version))
        built = (stored_settings(layout, version) or {}).get("buildout", {}).get("name")
        found.append({"version": version, "complete": whole, "manifest": (marker or {}).get("manifest"),
                      "buildout": built})
    return found


def disk(path):
    """What is free where `path` is, or would be made."""
    place = path
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    facts = os.statvfs(place)
    return {"path": path, "device": device(place), "free": facts.f_bavail * facts.f_frsize,
            "inodes": facts.f_favail if facts.f_files else None, "noexec": bool(facts.f_flag & os.ST_NOEXEC)}


def backup_need(layout, version, data):
    """What the backup before the next switch would take; None when it isn't asked for, or none would be made. `data` is
    what the next release says of it."""
    if not version or not data:
        return None
    tables = {"new": {"data": data}, "old": (stored_settings(layout, version) or {}).get("buildout", {})}
    owner = data_owner(tables["new"], tables["old"])
    if not owner:
        return None
    data = tables[owner]["data"]
    try:
        size, inodes = in_runtime(layout, "backup-size", release=layout.release(version), data=data)
    except Failed:  # the agent that is installed is an older one, which does not do this for the runtime user
        return None
    return {"of": owner, "kind": data["kind"], "bytes": size, "inodes": inodes, "disk": disk(layout.backups)}
