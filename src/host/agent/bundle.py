"""The project's ledger and releases as one git bundle, for the day when clone and remote are lost: this host gives them back.

There need be no git here. A bundle (gitformat-bundle(5)) is a header, which names references, and a pack. What a deployment
brings is a bundle of what is new since the one that lies here; of two packs one is made by putting their objects one after
the other, for an object names another by its id, or by how far back it stands in the same pack (gitformat-pack(5))."""

import base64
import hashlib
import io
import os
import shutil
import struct
import tempfile

HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
MAX_HEADER = 16 << 20
LEFT = 64 << 20  # what is left free on the disk beside a bundle that is written: a job goes on meanwhile


class Bundle:
    """A bundle as its header tells it; `stream` stands at its start."""

    def __init__(self, stream):
        self.stream, self.refs, self.needs, self.format = stream, {}, [], "sha1"
        self.length = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if stream.readline(64) not in (b"# v2 git bundle\n", b"# v3 git bundle\n"):
            raise ValueError("it is no git bundle")
        for line in iter(lambda: stream.readline(4096), b"\n"):
            if not line.endswith(b"\n") or stream.tell() > MAX_HEADER:
                raise ValueError("its header has no end")
            self.header(line[:-1].decode())
        self.start = stream.tell()
        self.hash = HASHES[self.format]
        magic, version, self.count = struct.unpack(">4sII", stream.read(12))
        if magic != b"PACK" or version != 2:
            raise ValueError("its pack is of another version")
        self.end = self.length - self.hash().digest_size

    def header(self, line):
        if line.startswith("@"):
            name, _, value = line[1:].partition("=")
            if name != "object-format" or value not in HASHES:
                raise ValueError(f"it needs {line[1:]}")
            self.format = value
        elif line.startswith("-"):
            self.needs.append(line[1:].partition(" ")[0])
        else:
            number, _, name = line.partition(" ")
            self.refs[name] = number

    def tip(self):
        """The ledger's branch, and its newest entry."""
        return next(((name, number) for name, number in self.refs.items() if name.startswith("refs/heads/")), (None, None))

    def check(self):
        """Its pack is whole."""
        self.stream.seek(self.start)
        digest = self.hash()
        copy(self.stream, self.end - self.start, digest.update)
        if self.stream.read() != digest.digest():
            raise ValueError("its pack was damaged on the way")

    def objects(self, write):
        self.stream.seek(self.start + 12)
        copy(self.stream, self.end - self.start - 12, write)


def copy(stream, length, write):
    while length:
        block = stream.read(min(length, 1 << 20))
        if not block:
            raise ValueError("it was cut off")
        write(block)
        length -= len(block)


def kept_bundle(layout):
    """The bundle that lies here; None where there is none that can be read."""
    try:
        with open(layout.bundle, "rb") as file:
            return Bundle(file)
    except (OSError, ValueError, struct.error):
        return None


def bundle_shown(layout):
    """For status."""
    kept = kept_bundle(layout)
    if not kept:
        return None
    branch, tip = kept.tip()
    tags = sorted(name[len("refs/tags/"):] for name in kept.refs if name.startswith("refs/tags/"))
    return {"branch": branch and branch[len("refs/heads/"):], "tip": tip, "tags": tags, "bytes": kept.length}


def keep_bundle(layout, stream, after):
    """Puts what `stream` brings to what lies here, where that ends at entry `after`; None = it stands for itself."""
    os.makedirs(layout.tmp, 0o700, exist_ok=True)
    with tempfile.TemporaryFile(dir=layout.tmp) as brought:
        shutil.copyfileobj(stream, brought, 1 << 20)
        new = Bundle(brought)
        new.check()
        try:
            file = open(layout.bundle, "rb")
        except FileNotFoundError:
            file = io.BytesIO()
        with file:
            old = Bundle(file) if after else None
            if (old and old.tip()[1]) != after or bool(new.needs) != bool(after):
                raise ValueError("it does not follow the one that is there")
            write_bundle(layout, [bundle for bundle in (old, new) if bundle])


def write_bundle(layout, bundles):
    refs = {}
    for bundle in bundles:
        refs.update(bundle.refs)
    kind, digest = bundles[-1].format, bundles[-1].hash()
    head = "# v2 git bundle\n" if kind == "sha1" else f"# v3 git bundle\n@object-format={kind}\n"
    head += "".join(f"{number} {name}\n" for name, number in sorted(refs.items())) + "\n"
    room = os.statvfs(layout.private)
    if room.f_bavail * room.f_frsize < sum(bundle.length for bundle in bundles) + LEFT:
        raise ValueError("there is too little room")
    partial = os.path.join(layout.tmp, f"bundle-{os.getpid()}")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            def write(data):
                digest.update(data)
                file.write(data)

            file.write(head.encode())
            write(struct.pack(">4sII", b"PACK", 2, sum(bundle.count for bundle in bundles)))
            for bundle in bundles:
                bundle.objects(write)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, layout.bundle)
    finally:
        remove(partial)
    sync_folder(os.path.dirname(layout.bundle))


def take_bundle(layout, request, answers):
    """What came with a deployment. It must not fail for this: the host has a copy less, and says so."""
    try:
        keep_bundle(layout, io.BytesIO(base64.b64decode(request["data"])), request.get("after"))
    except (OSError, ValueError, LookupError, struct.error) as error:
        answers.warning(f"project.bundle is as it was, and lacks this deployment: {error}")
