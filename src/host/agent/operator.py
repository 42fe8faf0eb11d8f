"""What an operator asks for: a shared file in its place, and where the logs are."""

import base64
import binascii
import contextlib
import glob
import os
import re

LOGGED = re.compile(r"""(/[^\s'",;=()<>]+\.log)\b""")


def put_shared(layout, name, request):
    """A shared file, whole or not at all, for its owner only, or for the runtime user too; False when it is there already, byte for byte."""
    try:
        content = base64.b64decode(request["content"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise Failed("bad-request", "the request holds no content in base64") from error
    layout.make()
    parts = below(name)
    place, folder = os.path.join(layout.shared, *parts), os.path.join(layout.shared, *parts[:-1])
    os.makedirs(folder, 0o750, exist_ok=True)
    if os.path.realpath(folder) != os.path.join(os.path.realpath(layout.shared), *parts[:-1]):
        raise Failed("refused", f"{folder} leads out of {layout.shared}", "put a folder in the place of the link")
    mode = 0o640 if layout.runtime else 0o600  # the folder's group is that of the runtime user
    if holds(place, content, mode):
        return False
    write_whole(place, content, mode)
    return True


def holds(place, content, mode):
    """Whether `place` is this very file already, and closed to others."""
    with contextlib.suppress(OSError):
        if not os.path.islink(place) and os.stat(place).st_mode & 0o777 == mode:
            with open(place, "rb") as file:
                return file.read() == content
    return False


def log_files(layout):
    """The logs of what runs, by their real paths, which stay the same over a switch."""
    named = (path for pattern in log_patterns(layout) for path in sorted(glob.glob(pattern)))
    real = (os.path.realpath(path) for path in named)
    return list(dict.fromkeys(path for path in real if os.path.isfile(path)))


def log_patterns(layout):
    """The same as patterns of names, those of files too that are not there yet."""
    version, _, _ = layout.live()
    settings = stored_settings(layout, version) if version else None
    if not settings:
        raise Failed("not-prepared", f"nothing is live in {layout.path}")
    release = layout.release(version)
    table = settings["buildout"].get("services", {"kind": "none"})
    if table["kind"] == "command":
        named = [os.path.join(release, table["log"])] if table.get("log") else []
        return [pattern(path) for path in named]
    return [*map(pattern, configured_logs(release)), *supervised_logs(release)]


def pattern(path, names=None):
    """What matches `path`, or `names` in that folder, wherever links lead to now."""
    if names is None:
        path, names = os.path.split(path)
        names = glob.escape(names)
    return os.path.join(glob.escape(os.path.realpath(path)), names)


def configured_logs(release):
    """What the parts' own configurations (zope.conf, wsgi.ini, zeo.conf, supervisord.conf) name as logs."""
    parts = os.path.join(glob.escape(release), "parts", "*")
    for names in ("*.conf", os.path.join("etc", "*.conf"), os.path.join("etc", "*.ini")):
        for path in sorted(glob.glob(os.path.join(parts, names))):
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
                yield from LOGGED.findall(file.read())


def supervised_logs(release):
    """What supervisor names by itself, for programs whose logs have no name: `childlogdir/PROGRAM-stdout---….log`, another
    one at each start."""
    for parser in Supervisor(release, {}).configurations():
        folder = parser.get("supervisord", "childlogdir", fallback="/tmp")
        for section in parser.sections():
            kind, _, name = section.partition(":")
            if kind == "program":
                yield pattern(folder, f"{glob.escape(name)}-std*---*.log")
