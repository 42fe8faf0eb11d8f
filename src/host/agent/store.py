"""Artifacts by sha256, and the upload."""

import contextlib
import hashlib
import os
import secrets


def missing(layout, digests):
    return [d for d in digests if not os.path.isfile(layout.object(checked(SHA256, d, "sha256")))]


def put_one(layout, sha256, stream, size=None):
    """Takes one artifact from `stream`. What doesn't hash to its name never gets one."""
    final = layout.object(checked(SHA256, sha256, "sha256"))
    folder = os.path.dirname(final)
    os.makedirs(folder, 0o755, exist_ok=True)
    partial = os.path.join(folder, f".part-{os.getpid()}-{secrets.token_hex(4)}")
    digest, taken = hashlib.sha256(), 0
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
                taken += len(block)
                if size is not None and taken > size:
                    raise Failed("wrong-hash", f"{sha256} is longer than announced")
                file.write(block)
            if digest.hexdigest() != sha256 or size not in (None, taken):
                raise Failed("wrong-hash", f"what came as {sha256} is {digest.hexdigest()} ({taken} bytes)",
                             "it was damaged on the way; try again")
            os.fchmod(file.fileno(), 0o444)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, final)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    sync_folder(folder)
    return taken


def put_many(layout, stream, answers):
    """Takes a tar stream with one regular member for each artifact, named by its sha256."""
    import tarfile
    count = size = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if not member.isreg():
                    raise Failed("bad-request", f"{member.name!r} is no regular file")
                size += put_one(layout, member.name, archive.extractfile(member), member.size)
                count += 1
                answers.line({"event": "progress", "step": "put", "done": count, "total": None, "bytes": size})
    except tarfile.TarError as error:
        raise Failed("bad-request", f"the upload is no whole tar stream: {error}", "try again") from error
    return count, size


def verified(layout, artifact):
    """The path of an artifact whose bytes are what its name says, now."""
    path = layout.object(checked(SHA256, artifact["sha256"], "sha256"))
    if not os.path.isfile(path):
        raise Failed("missing-artifact", f"{artifact['file']} was not sent", missing=[artifact["sha256"]])
    if sha256_of(path) != artifact["sha256"]:
        os.unlink(path)
        raise Failed("missing-artifact", f"{artifact['file']} was damaged in the store; removed",
                     "deploy again: it will be sent anew", missing=[artifact["sha256"]])
    return path
