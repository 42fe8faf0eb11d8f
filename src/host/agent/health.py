"""Whether a release is healthy: its processes and the checks of its [health], judged by effect."""

import collections
import contextlib
import io
import re
import socket
import time

ASK_SECONDS = 10  # that one answer may take
BODY = 1 << 20  # of a page is searched for a text, in bytes
LOOK_SECONDS = 0.5  # between two looks at what isn't healthy yet
RESTARTS = 3  # of one process make a crash loop

Answer = collections.namedtuple("Answer", "status headers body error served")


class Checks:
    """What a release's `[health]` asks. Without any address or command only processes are looked at."""

    def __init__(self, table, version, release, env):
        self.table, self.version, self.release, self.env = table, version, release, env
        self.http, self.tcp, self.command = (table.get(key) for key in ("http", "tcp", "command"))

    def __bool__(self):
        return bool(self.http or self.tcp or self.command)

    def __str__(self):
        asked = [self.http, self.tcp, self.command and self.command["argv"][0]]
        return ", ".join(filter(None, asked)) or "processes"

    def complaint(self, patience=ASK_SECONDS):
        """The first thing that isn't as it should be, or None."""
        checks = [(self.tcp, self.tcp_complaint), (self.http, self.http_complaint),
                  (self.command, self.command_complaint)]
        return next(filter(None, (complaint(patience) for asked, complaint in checks if asked)), None)

    def tcp_complaint(self, patience):
        error = refusal(self.tcp, patience)
        return error and f"{self.tcp} accepts no connection: {error}"

    def http_complaint(self, patience):
        answer, place = ask(self.http, patience), redact(self.http)
        if answer.error:
            return f"{place}: {answer.error}"
        first, last = self.table.get("status", (200, 399))
        if not first <= answer.status <= last:
            return misdirected(place, answer) or f"{place} answers {answer.status}"
        served = answer.headers.get("X-Hostout-Release", self.version)
        if served != self.version:
            return f"{place} is served by release {clean(served)}"
        name, _, value = self.table.get("header", "").partition(":")
        found = answer.headers.get(name) if name else None
        if name and (found is None or found.strip() != value.strip()):
            return f"{place} answers without the header {name}: {value.strip()}"
        if self.table.get("text", "").encode() not in answer.body:
            return f"{place} answers without the text {self.table['text']!r}"
        return None

    def command_complaint(self, _patience):
        argv, seconds = self.command["argv"], self.command["timeout"]
        code, said = run(argv, self.release, seconds, None, service_env(self.env),
                         user=runtime_user(self.env.get("HOSTOUT_PATH", "")))
        ended = f"{named(argv)} {ending(code, seconds)}"
        return ": ".join([ended, *map(brief, last_lines(said, 1))]) if code else None

    def served(self):
        """The addresses at which somebody answers."""
        found = [self.http] if self.http and ask(self.http, 2).served else []
        return [*map(redact, found), *([self.tcp] if self.tcp and not refusal(self.tcp, 2) else [])]


def checks_of(layout, version, settings, asked=None):
    """The checks of a release in `layout`; `asked` are others for once: an address, or "none"."""
    table = dict((settings or {}).get("buildout", {}).get("health", {}))
    if asked:
        for key in ("http", "status", "text", "header", "tcp", "command"):
            table.pop(key, None)
        table.update({} if asked == "none" else {"http": asked, "status": (200, 299)})
    env = {"HOSTOUT_RELEASE": version, "HOSTOUT_STAGE": str((settings or {}).get("stage") or ""),
           "HOSTOUT_PATH": layout.path}
    return Checks(table, version, layout.release(version), env)


def misdirected(place, answer):
    """What to say of a redirect: a site that sends everybody to its login page answers, and serves nothing."""
    where = answer.headers.get("Location")
    if answer.status not in range(300, 400) or where is None:
        return None
    return (f"{place} redirects to {clean(where.partition('?')[0])} (status {answer.status}), which may be a login"
            f" page; let [health] ask an address that answers by itself, or expect status = {answer.status}")


def clean(text):
    return " ".join(last_lines(text.encode("utf-8", "replace"), 1))[:200]


def ask(address, patience=ASK_SECONDS):
    """One GET without following redirects or proxies, answered within `patience` seconds; `served` says whether somebody
    serves that address."""
    import http.client
    import ssl
    import urllib.parse
    end, connection, connected, received = time.monotonic() + patience, None, False, []

    def response_of(sock, **options):
        received.append(Within(sock, end))
        return http.client.HTTPResponse(received[-1], **options)

    try:
        parts = urllib.parse.urlsplit(address)
        connection = connection_to(parts, patience)
        connection.response_class = response_of
        connection.connect()
        connected = True
        target_path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target_path, headers={"User-Agent": f"git-hostout/{AGENT_VERSION}"})
        response = connection.getresponse()
        # A proxy that is left says so itself.
        served = response.status not in (502, 503, 504)
        # Headers end with an empty line, and nobody looks for what comes after it yet.
        body = None if received[-1].ended else body_of(response)
        if body is None:
            return Answer(None, {}, b"", "the answer was cut off", served)
        return Answer(response.status, response.headers, body, None, served)
    except (OSError, http.client.HTTPException, ValueError) as error:
        mute = isinstance(error, ssl.SSLError) or (connected and isinstance(error, socket.timeout))
        return Answer(None, {}, b"", str(error) or type(error).__name__, mute)
    finally:
        if connection:
            connection.close()


def body_of(response):
    """What is searched of a page, or None where it ended before its end."""
    import http.client
    body, size = bytearray(), response.length
    wanted = BODY if size is None else min(BODY, size)
    while len(body) < wanted:
        try:
            block = response.read1(65536)
        except http.client.IncompleteRead:
            return None
        if not block:
            return None if size is not None else bytes(body)
        body += block
    return bytes(body)


class Within(io.RawIOBase):
    """What a socket receives until `end`, monotonic. Its own timeout is anew that of every byte."""

    def __init__(self, sock, end):
        # The socket is closed when both it and its files are.
        self.sock, self.end, self.file = sock, end, sock.makefile("rb", buffering=0)
        self.ended = False  # whether the other side has said all it will

    def makefile(self, _mode):
        return io.BufferedReader(self)

    def readable(self):
        return True

    def readinto(self, buffer):
        left = self.end - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.sock.settimeout(left)
        count = self.file.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self):
        self.file.close()
        super().close()


def connection_to(parts, patience):
    import http.client
    import ssl
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=patience,
                                           context=ssl.create_default_context())
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience)


def refusal(address, patience):
    """Why `HOST:PORT` takes no connection, or None."""
    host, _, port = address.rpartition(":")
    try:
        with contextlib.closing(socket.create_connection((host.strip("[]"), int(port)), patience)):
            return None
    except (OSError, ValueError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__


def processes_complaint(services, looks):
    """What isn't as it should be by `looks` at services, or None. Not to know is no good sign where it could be known."""
    good = ("running", "unknown") if services.BLIND else ("running",)
    bad = [look for look in looks if look["state"] not in good]
    return "; ".join(f"{look['name']} {look['state']} {look['detail']}".strip() for look in bad) or None


class Watch:
    """Looks at processes again and again: life is two looks that find the same ones, a crash loop is many that don't."""

    def __init__(self, services):
        self.services, self.before, self.pids, self.looks = services, None, {}, []
        self.restarts = collections.Counter()

    def complaint(self):
        """What isn't as it should be, or None; Failed when waiting can't help."""
        looks = self.looks = self.services.look()
        names = [(look["name"], re.findall(r"pid[ =](\d+)", look["detail"])) for look in looks]
        for name, pids in names:
            if pids and self.pids.setdefault(name, pids) != pids:
                self.pids[name] = pids
                self.restarts[name] += 1
        complaint = processes_complaint(self.services, looks)
        if complaint is None and looks and self.before != names:
            complaint = "its processes were seen once only"
        self.before = names
        name, count = next(iter(self.restarts.most_common(1)), (None, 0))
        if count >= RESTARTS:
            raise Failed("unhealthy", f"{name} crashes in a loop: it was started anew {count} times meanwhile")
        gone = [look for look in looks if look["state"] == "stopped" and look["name"] in self.pids]
        if any(look["state"] == "failed" for look in looks) or (gone and not self.services.REVIVED):
            raise Failed("unhealthy", complaint)
        return complaint

    def troubled(self):
        """The names of those that don't run, or have died meanwhile."""
        return [look["name"] for look in self.looks if look["state"] != "running" or self.restarts[look["name"]]]


def probe(services, checks, seconds, stable):
    """Waits until a started release is healthy and stays it; Failed with the reason and the log when it isn't.

    It must be found healthy as often in a row and as long as its `[health]` says; the first time of these must come
    within `seconds`, and whatever is wrong in between begins them anew.
    """
    watch, end, since, successes = Watch(services), time.monotonic() + seconds, None, 0
    wanted, interval = checks.table.get("successes", 1), checks.table.get("interval", 1)
    while True:
        try:
            complaint = watch.complaint() or checks.complaint()
            if complaint and time.monotonic() >= end:
                raise Failed("unhealthy", complaint)
        except Failed as failure:
            raise Failed("unhealthy", f"{checks.version} is not healthy: {failure.message}", None,
                         services.log_tail(watch.troubled())[-20:]) from failure
        since, successes = (None, 0) if complaint else (since or time.monotonic(), successes + 1)
        left = stable - (time.monotonic() - since) if since else 0
        if since and successes >= wanted and (left <= 0 or not (watch.before or checks)):
            return
        # The last of several looks comes at the end of the window, not an interval after it.
        time.sleep(LOOK_SECONDS if complaint else interval if successes < wanted else min(interval, left))
