"""Wheels that a host fetches itself: by the pip that was sent, as the host's pip is configured, with the manifest's hashes."""

import os
import re

# As ensurepip runs a pip that is not installed: out of its wheel.
PIP = ("import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
       "runpy.run_module('pip', run_name='__main__', alter_sys=True)")
FETCH_SECONDS = 3600
NAME = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?\Z")


def fetch_wheels(layout, wheels, pip, answers):
    """Takes those of `wheels` that are not in the store from the host's index. What has another hash is not taken."""
    absent = {w["sha256"]: w for w in wheels if not os.path.isfile(layout.object(w["sha256"]))}
    if not absent:
        return
    answers.step("fetch", f"{len(absent)} wheels")
    with scratch(layout, "fetch") as folder:
        wanted, fetched = os.path.join(folder, "wanted.txt"), os.path.join(folder, "fetched")
        os.mkdir(fetched)
        write_whole(wanted, "".join(requirement(wheel) for wheel in absent.values()).encode())
        argv = [base_python(), "-I", "-c", PIP, verified(layout, pip), "download", "--quiet", "--no-input", "--no-deps",
                "--no-cache-dir", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes",
                "--dest", fetched, "--requirement", wanted]
        code, said = run(argv, folder, FETCH_SECONDS, None, pip_env())
        for name in os.listdir(fetched):
            path = os.path.join(fetched, name)
            sha256 = sha256_of(path)
            if absent.pop(sha256, None):
                with open(path, "rb") as file:
                    put_one(layout, sha256, file)
    if absent:
        files = ", ".join(sorted(wheel["file"] for wheel in absent.values()))
        raise Failed("missing-artifact", f"pip {ending(code, FETCH_SECONDS)} and did not fetch {files}",
                     "pip's configuration on the host says which index it asks; or take `fetch` out of the stage, and all"
                     " is sent", last_lines(said), missing=sorted(absent))


def requirement(wheel):
    """A line of pip's requirements. Names and versions come from a manifest, and a line may hold options."""
    version = normal_version(wheel["version"])
    if not version:
        raise Failed("bad-request", f"{wheel['version']!r} is no version")
    return f"{checked(NAME, wheel['name'], 'name')}=={version} --hash=sha256:{checked(SHA256, wheel['sha256'], 'sha256')}\n"


def pip_env():
    """What pip sees: its own settings, and how to reach the network."""
    network = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
    return service_env({key: value for key, value in os.environ.items()
                        if key.startswith("PIP_") or key.upper() in network})
