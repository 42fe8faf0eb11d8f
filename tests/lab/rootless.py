#!/usr/bin/env python3
"""Root without root: a user namespace, and a way from its network to the package index.

rootless.py COMMAND...   runs COMMAND (by rootless.sh) as root of new namespaces, and is the HTTP proxy of what runs there.
                         All of it ends with this process, killed or not
rootless.py              in there: opens a port on loopback, hands it to the proxy, and prints its number

Only the port is in there: connections are made by this process, outside. It honours the proxies of its own environment
(https_proxy, http_proxy, all_proxy, no_proxy).
"""

import base64
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler

# The descriptor by which the port comes out.
DOOR = 9
NAMESPACES = "--user --map-root-user --map-auto --mount --net --pid --uts --ipc --cgroup --fork --kill-child=KILL --mount-proc"
# How long a server may say nothing.
PATIENCE = 600


def main(command):
    """Both uses."""
    if not command:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        with socket.socket(fileno=DOOR) as door:
            socket.send_fds(door, [b"+"], [listener.fileno()])
        print(listener.getsockname()[1])
        return 0
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        # A terminal tells everybody, and what runs in there decides.
        signal.signal(number, lambda *_: None)
    ours, theirs = socket.socketpair()
    os.dup2(theirs.fileno(), DOOR)
    theirs.close()
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rootless.sh")
    words = ["setpriv", "--pdeathsig=KILL", "unshare", *NAMESPACES.split(), "sh", script]
    try:
        child = subprocess.Popen([*words, *command], pass_fds=[DOOR])
    except OSError as error:
        sys.exit(str(error))
    os.close(DOOR)
    with ours:
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
    for number in listeners:
        threading.Thread(target=serve, args=[socket.socket(fileno=number)], daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def serve(listener):
    """Takes connections for ever."""
    while True:
        connection, address = listener.accept()
        threading.Thread(target=answer, args=[connection, address], daemon=True).start()


def answer(connection, address):
    """One connection, which is one request. What breaks it is the client's to see."""
    with connection, contextlib.suppress(OSError):
        connection.settimeout(PATIENCE)
        Proxy(connection, address, None)


class Proxy(BaseHTTPRequestHandler):
    """What a client asks its proxy, done here or by the next proxy."""

    # Nothing that follows the head is read with it.
    rbufsize = 0

    def do_CONNECT(self):
        """A tunnel."""
        far, login = self.dial("https", f"//{self.path}", 443)
        if login is not None:
            send_head(far, [f"CONNECT {self.path} HTTP/1.1", f"Host: {self.path}", *login])
        else:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        exchange(self.connection, far)

    def do_GET(self):
        """One request in the clear. Connections are not used twice, because the next one may go elsewhere."""
        far, login = self.dial("http", self.path, 80)
        url = urllib.parse.urlsplit(self.path)
        own = url._replace(scheme="", netloc="", path=url.path or "/").geturl()
        target = own if login is None else self.path
        hops = ("connection", "keep-alive", "proxy-connection", "proxy-authorization")
        kept = [f"{name}: {value}" for name, value in self.headers.items() if name.lower() not in hops]
        send_head(far, [f"{self.command} {target} HTTP/1.1", *kept, "Connection: close", *(login or [])])
        exchange(self.connection, far)

    do_HEAD = do_POST = do_PUT = do_GET

    def dial(self, scheme, url, port):
        """A connection to where `url` is, and what the next proxy's head says besides: `None` where it is no proxy."""
        self.close_connection = True
        try:
            return connect(scheme, urllib.parse.urlsplit(url), port)
        except (OSError, ValueError) as error:
            self.send_error(502, f"{self.path}: {error}")
            raise ConnectionError from error

    def log_message(self, *_):
        """Clients tell what went wrong."""


def connect(scheme, url, port):
    """To the host of a URL, or to the proxy that this environment has for it."""
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass_environment(url.netloc, proxies):
        return socket.create_connection((url.hostname, url.port or port), PATIENCE), None
    proxy = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if proxy.scheme not in ("http", "https"):
        raise ValueError(f"a proxy that speaks {proxy.scheme}")
    encrypted = proxy.scheme == "https"
    far = socket.create_connection((proxy.hostname, proxy.port or (443 if encrypted else 80)), PATIENCE)
    if encrypted:
        far = ssl.create_default_context().wrap_socket(far, server_hostname=proxy.hostname)
    if proxy.username is None:
        return far, []
    login = urllib.parse.unquote(f"{proxy.username}:{proxy.password or ''}")
    return far, [f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}"]


def send_head(far, lines):
    """The head of a request."""
    far.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))


def exchange(near, far):
    """Both ways, until one of them has ended."""
    with far:
        there = threading.Thread(target=pump, args=[near, far], daemon=True)
        there.start()
        pump(far, near)
        there.join()


def pump(source, sink):
    """One way, after whose end there is no other."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
