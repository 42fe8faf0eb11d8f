"""Processes and http, judged by effect."""

import http.client
import re
import ssl
import time
import urllib.parse


def ask(address, timeout=5):
    """One GET without following redirects or proxies: (status or None, X-Hostout-Release, what went wrong)."""
    parts = urllib.parse.urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    more = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
    connection = kind(parts.hostname, parts.port, timeout=timeout, **more)
    try:
        target_path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target_path, headers={"User-Agent": f"git-hostout/{AGENT_VERSION}"})
        response = connection.getresponse()
        response.read(65536)
        return response.status, response.getheader("X-Hostout-Release"), None
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, None, str(error) or type(error).__name__
    finally:
        connection.close()


def http_complaint(address, version):
    """Why `address` isn't a healthy `version`, or None."""
    status, served, error = ask(address)
    if status is None:
        return f"{redact(address)}: {error}"
    if not 200 <= status <= 399:
        return f"{redact(address)} answers {status}"
    if served is not None and served != version:
        return f"{redact(address)} is served by release {served}"
    return None


def silent(address):
    """Whether nobody serves `address`: it refuses, or only a proxy in front is left that says so."""
    status, _, _ = ask(address, 2)
    return status is None or status in (502, 503, 504)


def processes_complaint(looks):
    bad = [look for look in looks if look["state"] not in ("running", "unknown")]
    return "; ".join(f"{look['name']} {look['state']} {look['detail']}".strip() for look in bad) or None


def probe(services, address, version, seconds):
    """Waits until a started release is healthy; Failed with the reason and the log when it isn't in time.

    Processes count when two consecutive looks find the same ones running, so that a crash loop is not taken for life.
    """
    end, before, complaint = time.monotonic() + seconds, None, "it was not looked at"
    while True:
        looks = services.look()
        names = [(look["name"], re.findall(r"pid[ =](\d+)", look["detail"])) for look in looks]
        complaint = processes_complaint(looks)
        if complaint is None and looks and before != names:
            complaint = "its processes were seen once only"
        before = names
        if complaint is None and address:
            complaint = http_complaint(address, version)
        if complaint is None:
            return
        hopeless = any(look["state"] == "failed" for look in looks)
        if hopeless or time.monotonic() >= end:
            raise Failed("unhealthy", f"{version} is not healthy: {complaint}", None, services.log_tail()[-20:])
        time.sleep(0.5)
