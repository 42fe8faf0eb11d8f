"""Shows what is written into logs as `tail -F` does, and takes up files that appear: `python3 -c THIS LINES PATTERN…`.

A program that is started anew may write into a file with another name. It ends when nobody reads what it shows."""

import contextlib
import glob
import os
import select
import sys
import time

lines, patterns = int(sys.argv[1]), sys.argv[2:]
files, shown, begun = {}, None, False
closed = select.poll()
closed.register(1, 0)


def newest(file):
    """Goes to the last lines of a file."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - (1 << 20)))
    kept = file.read().splitlines(True)[-lines:] if lines else []
    file.seek(size - sum(map(len, kept)))


def found():
    names = (name for pattern in patterns for name in sorted(glob.glob(pattern)))
    return dict.fromkeys(os.path.realpath(name) for name in names if os.path.isfile(name))


def show(path, text):
    global shown
    if path != shown:
        gap = "\n" if shown else ""
        os.write(1, f"{gap}==> {path} <==\n".encode("utf-8", "surrogateescape"))
        shown = path
    while text:
        text = text[os.write(1, text):]


def is_same(file, path):
    with contextlib.suppress(OSError):
        there, ours = os.stat(path), os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
    return False


with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
    while not closed.poll(0):
        for path in found():
            if path not in files:
                with contextlib.suppress(OSError):
                    files[path] = open(path, "rb", buffering=0)
                    if not begun:
                        newest(files[path])
        begun = True
        for path, file in list(files.items()):
            for text in iter(lambda: file.read(1 << 16), b""):
                show(path, text)
            if not is_same(file, path):
                files.pop(path).close()
            elif os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)
        time.sleep(0.3)
