"""What the agent's tests share: a host, a small real project, real wheels."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import types
import zipfile

HOST = pathlib.Path(__file__).resolve().parents[2] / "src" / "host"
BOOT = ("import sys;s=sys.stdin.buffer.read(int(sys.argv.pop(1)));"
        "exec(compile(s,'agent','exec'),{'__name__':'__main__','SOURCE':s})")
PINS = {
    "6": ["zc.buildout==6.0.1", "zc.recipe.egg==6.0.0", "setuptools==81.0.0", "pip==26.0", "wheel==0.46.3",
          "packaging==25.0", "platformdirs==4.5.1", "supervisor==4.3.0", "collective.recipe.supervisor==2.0.0",
          "waitress==3.0.2"],
    "5": ["zc.buildout==5.2.0", "zc.recipe.egg==4.0.0", "setuptools==81.0.0", "pip==26.0", "wheel==0.46.3",
          "packaging==25.0", "waitress==3.0.2"],
    "4": ["zc.buildout==4.1.12", "zc.recipe.egg==3.0.0", "setuptools==81.0.0", "pip==26.0", "wheel==0.46.3",
          "packaging==25.0", "waitress==3.0.2"],
}


def joined():
    """The agent's one script, of the parts that `Agent::SOURCE` names in their order."""
    names = re.search(r"SOURCE: .*? = joined!\((.*?)\);", (HOST / "agent.rs").read_text(), re.DOTALL)[1]
    parts = [(HOST / "agent" / f"{name}.py").read_bytes() for name in re.findall(r'"(\w+)"', names)]
    assert len(parts) == len(list((HOST / "agent").glob("*.py"))), "a part of the agent is not joined"
    return b"".join(part + b"\n\n" for part in parts)


SOURCE = joined()


def load():
    """The agent as a module, for the tests of its pure functions."""
    module = types.ModuleType("agent")
    exec(compile(SOURCE, "agent", "exec"), module.__dict__)
    return module


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def wheelhouse(buildout, pins=None):
    """Real third-party wheels, downloaded once into a folder that later runs find again: what a small project needs
    with zc.buildout `buildout`, or just `pins`."""
    pins = pins or PINS[buildout]
    name = f"hostout-wheelhouse-{os.getuid()}"
    root = pathlib.Path(os.environ.get("HOSTOUT_WHEELHOUSE") or os.path.join(tempfile.gettempdir(), name))
    folder = root / sha256(" ".join(pins).encode())[:16]
    if not folder.is_dir():
        root.mkdir(mode=0o700, exist_ok=True)
        partial = tempfile.mkdtemp(dir=root)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:",
                        "--disable-pip-version-check", "-d", partial, *pins], check=True)
        with contextlib.suppress(OSError):  # another run was first
            os.rename(partial, folder)
    return sorted(folder.glob("*.whl"))


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_wheel(name, version, files, tag="py3-none-any", metadata=""):
    """A wheel's bytes."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
             f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"}
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return data.getvalue()


def make_tar(members, mode="w:gz"):
    """A tar's bytes from (name, bytes) pairs or ready TarInfos."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size, info.mode = len(member[1]), 0o644
            archive.addfile(info, io.BytesIO(member[1]))
    return data.getvalue()


def hello(version, status="200 OK", served=None):
    """A WSGI application's wheel."""
    code = (f"def app(environ, start_response):\n"
            f"    start_response({status!r}, [('X-Hostout-Release', {served or version!r})])\n"
            f"    return [b'hello {version}']\n")
    return f"hello-{version}-py3-none-any.whl", make_wheel("hello", version, {"hello.py": code})


def toml(value):
    return json.dumps(value, ensure_ascii=False)  # strings and lists of strings are the same in both


class Release:
    """A release as a client would make it: a manifest, and the artifacts that it names."""

    def __init__(self, version, egg, pins, files, tables):
        self.version, self.artifacts, self.files = version, {}, files
        tarball = make_tar([(f"demo-{version}/{name}", text.encode()) for name, text in files.items()])
        self.tarball = self.add(tarball)
        lines = ["format = 1", f"version = {toml(version)}", f"commit = {toml('c' * 40)}",
                 f"release-commit = {toml('d' * 40)}", 'time = "2026-01-01T00:00:00Z"', 'tool = "test"',
                 'targets = []', "[project]", 'name = "demo"', f"id = {toml('e' * 40)}", "[tarball]",
                 f'name = "demo-{version}.tar.gz"', f"sha256 = {toml(self.tarball)}",
                 f"size = {len(tarball)}", f"tar-sha256 = {toml('0' * 64)}", "[[buildout]]", 'name = "default"',
                 'config = "prod.cfg"', 'run = "hostout.cfg"', 'python = ">=3.9"', tables]
        lines += ["[[egg]]", 'name = "hello"', f"version = {toml(egg[0].split('-')[1])}", *self.wheel(*egg, "egg")]
        for path in pins:
            name, pinned = path.name.split("-")[:2]
            lines += ["[[pin]]", f"name = {toml(name.replace('zc_', 'zc.'))}", f"version = {toml(pinned)}",
                      'buildouts = ["default"]', 'origin = "index"', *self.wheel(path.name, path.read_bytes(), "pin")]
        self.manifest = "\n".join(lines) + "\n"
        self.digest = sha256(self.manifest.encode())

    def wheel(self, file, data, kind):
        return [f"[[{kind}.artifacts]]", f"file = {toml(file)}", f"sha256 = {toml(self.add(data))}",
                f"size = {len(data)}"]

    def add(self, data):
        self.artifacts[sha256(data)] = data
        return sha256(data)


CONFIG = """[buildout]
parts = {parts}
develop =
eggs =
    hello
    waitress
[app]
recipe = zc.recipe.egg
eggs = ${{buildout:eggs}}
scripts = waitress-serve
[late]
recipe = zc.recipe.egg
eggs = waitress
scripts = waitress-serve=late-serve
[supervisor]
recipe = collective.recipe.supervisor
http-socket = unix
file = ${{buildout:directory}}/var/s.sock
programs = 10 hello (startsecs=1) ${{buildout:directory}}/bin/waitress-serve [--listen=127.0.0.1:{port} hello:app]
[versions]
{versions}
"""


def project(version, port, buildout="6", parts="app supervisor", tables="", egg=None):
    """A release of a small project; its egg serves the release's version."""
    pins = wheelhouse(buildout)
    egg = egg or hello(version)
    versions = [f"hello = {egg[0].split('-')[1]}"]
    versions += [f"{pin.split('==')[0]} = {pin.split('==')[1]}" for pin in PINS[buildout]]
    config = CONFIG.format(parts=parts, port=port, versions="\n".join(versions))
    services = f"""parts = {toml(parts.split())}
[buildout.services]
kind = {toml("supervisor" if "supervisor" in parts else "none")}
[buildout.health]
http = "http://127.0.0.1:{port}/"
timeout = 20
[buildout.data]
kind = "none"
[buildout.shared]
paths = ["var"]
files = []
"""
    files = {"hostout.cfg": config, "var/README": "seeded\n", "etc/note.txt": version}
    return Release(version, egg, pins, files, tables or services)


class Host:
    """A host below a temporary folder, spoken to as a client does: requests on stdin, JSON lines on stdout."""

    def __init__(self, name="hôst"):
        self.root = tempfile.mkdtemp(prefix="ho-")
        self.path = os.path.join(self.root, name)
        self.events = []

    def at(self, *names):
        return pathlib.Path(self.path, *names)

    def remove(self):
        subprocess.run(["chmod", "-R", "u+rwX", self.root], check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    def ask(self, verb, request=None, *arguments, data=None, user=None):
        """The end of one verb; everything before it is in `events`. Another user may not find this interpreter."""
        python = shutil.which("python3", path="/usr/bin:/bin") if user else sys.executable
        data = json.dumps({"format": 1, **(request or {})}).encode() if data is None else data
        if self.at(".hostout", "agent").exists():
            argv = [python, "-I", str(self.at(".hostout", "agent"))]
        else:
            source = SOURCE
            argv, data = [python, "-IS", "-c", BOOT, str(len(source))], source + data
        done = subprocess.run([*argv, "--path", self.path, verb, *arguments], input=data, capture_output=True,
                              check=False, timeout=120, user=user, cwd="/")
        lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
        assert lines and "end" in lines[-1], (done.stdout, done.stderr)
        *self.events, end = lines
        assert done.returncode == (0 if end["end"] == "ok" else 3), (done.returncode, end)
        assert not [line for line in self.events if "end" in line], lines
        return end

    def steps(self):
        return [event["step"] for event in self.events if event.get("event") == "step"]

    def send(self, release):
        missing = self.ask("have", {"sha256": list(release.artifacts)})["missing"]
        tar = make_tar([(name, release.artifacts[name]) for name in missing], "w")
        return self.ask("put", data=tar)

    def prepare(self, release, name="a1", token="t1", **more):
        return self.ask("prepare", {
            "manifest": release.manifest, "manifest-sha256": release.digest, "signature": "", "buildout": "default",
            "stage": "demo", "id": name, "version": release.version, "keep-lock": True,
            "lock": {"token": token, "by": "Ann", "from": "laptop", "pid": 1, "lease": 60}, **more})

    def activate(self, release, expected, name="a1", token="t1", **more):
        return self.ask("activate", {
            "version": release.version, "manifest-sha256": release.digest, "id": name, "entry": "state",
            "stage": "demo", "signature": "", "expected": expected, "token": token, "keep": 5, "intent": "deploy",
            **more})

    def deploy(self, release, expected, name, **more):
        self.send(release)
        prepared = self.prepare(release, name, f"token-{name}")
        assert prepared["end"] == "ok", prepared
        return self.activate(release, expected, name, f"token-{name}", **more)
