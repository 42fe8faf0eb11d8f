"""What is said on stdout, and the one exception that ends a verb."""

import errno
import json
import os
import re
import sys
import threading
import time


FULL = (errno.ENOSPC, errno.EDQUOT)  # what says that there is no room
MAKE_ROOM = "make room, or remove old releases (git hostout prune)"


class Failed(Exception):
    """Ends a verb: a kind for programs, a message that says what is the matter, a hint where there is a remedy."""

    def __init__(self, kind, message, hint=None, output=(), **more):
        super().__init__(message)
        self.kind, self.message, self.hint, self.output, self.more = kind, message, hint, list(output), more

    def answer(self):
        answer = {"end": "failed", "kind": self.kind, "message": redact(self.message), "hint": self.hint,
                  "output": self.output}
        return {**answer, **self.more}


def failed_by_system(error):
    """An operating system's no as an answer; a full disk is told apart."""
    place = f"{error.filename}: " if error.filename else ""
    full = error.errno in FULL
    return Failed("disk-full" if full else "io", f"{place}{error.strerror or error}",
                  MAKE_ROOM if full else None)


def a_bug(error, output=()):
    """An exception that nobody foresaw, as an answer; its traceback goes to stderr, without a module's help, which may be
    what is missing."""
    sys.excepthook(type(error), error, error.__traceback__)
    return Failed("bug", f"a bug in the agent: {error!r}", output=output)


def failure_of(error, output=()):
    """Whatever was raised, as what ends a verb."""
    if isinstance(error, Failed):
        return error
    return failed_by_system(error) if isinstance(error, OSError) else a_bug(error, output)


class Events:
    """What a verb says while it works; where to is `line`'s to decide. `gone` says that nobody listens any more."""

    gone = False

    def line(self, value):
        raise NotImplementedError

    def step(self, step, detail=""):
        self.line({"event": "step", "step": step, "detail": redact(detail)})

    def progress(self, step, done, total):
        self.line({"event": "progress", "step": step, "done": done, "total": total})

    def warning(self, message):
        self.line({"event": "warning", "message": redact(message)})

    def alive(self):
        """A sign of life, where somebody waits for one."""


class Answers(Events):
    """JSON lines on stdout. A reader who has gone is no error for the work that is being done."""

    def __init__(self, stream):
        self.stream, self.mutex, self.last = stream, threading.Lock(), time.monotonic()

    def line(self, value):
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
        with self.mutex:
            self.last = time.monotonic()
            if self.gone:
                return
            try:
                self.stream.write(text + b"\n")
                self.stream.flush()
            except (BrokenPipeError, ConnectionResetError):
                self.gone = True

    def alive(self):
        if time.monotonic() - self.last >= ALIVE_SECONDS:
            self.line({"event": "alive"})


def redact(text):
    """`text` without user info in addresses. It is looked for up to the next blank, or up to the quote that an address
    stands in: a password may hold every other sign, also those that should have been escaped."""
    done, at, end = [], 0, 0
    while (found := text.find("://", at)) >= 0:
        begin = found + 3
        if begin > end:
            scheme = SCHEME.match(text[max(at, found - 40):found][::-1]).end()
            quote = text[found - scheme - 1:found - scheme]
            blank = BLANK_OR_QUOTE[quote if quote in BLANK_OR_QUOTE else ""].search(text, begin)
            end = blank.start() if blank else len(text)
        length = user_info(text[begin:end])
        done += [text[at:begin], "***"] if length else [text[at:begin]]
        at = begin + length
    return "".join([*done, text[at:]])


SCHEME = re.compile(r"[\w+.-]*")
BLANK_OR_QUOTE = {quote: re.compile(rf"[\s{quote}]") for quote in ("", "'", '"', "`")}
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?/")
NAMES = {False: re.compile("/@@?"), True: re.compile("/@@")}  # what begins one in a path, behind a host or a host and port


def user_info(address):
    """How long the user info is that `address` begins with, which comes after its scheme: up to its last `@`. That may be
    in a path only where a host comes first and it begins a name there: `host/@scope`, `host:8080/site/@@view`."""
    host, last = HOST.match(address), address.rfind("@")
    if last < 0 or (host and "@" not in NAMES[bool(host[1])].sub("", address)):
        return 0
    return last


def printable(line):
    """A line without what commands a terminal."""
    plain = line.replace("\t", "").isprintable()
    return line if plain else "".join(c if c.isprintable() or c == "\t" else "?" for c in line)


def clean_lines(data):
    """The lines of some bytes that may be anything, printable and without passwords."""
    return [redact(printable(line)) for line in data.decode("utf-8", "replace").splitlines()]


def last_lines(data, count=OUTPUT_LINES):
    """The last lines of some bytes that may be anything, as clean text."""
    return [line[:2000] for line in clean_lines(data[-65536:])[-count:]]


def raised(data):
    """What a program of python says of its end after all of where it was, as the end of a sentence."""
    lines = last_lines(data, 500)
    return f": {lines[-1]}" if any(line.endswith("Traceback (most recent call last):") for line in lines) else ""


def brief(text, most=200):
    """As much of a line as fits into a sentence."""
    return text if len(text) <= most else f"{text[:most - 1]}…"


def tail_of(path, count=OUTPUT_LINES):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
            return last_lines(file.read(), count)
    except OSError:
        return []
