"""One wheel to one egg directory, exactly as buildout would."""

import contextlib
import glob
import os
import re
import secrets
import shutil
import stat
import sysconfig

MANY_FILES = 200  # that are worth several processes to compile them

PEP440 = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<pre_n>\d*))?"
    r"(?P<post>-(?P<post_1>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_2>\d*))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_n>\d*))?(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\Z", re.IGNORECASE)


def normal_version(text):
    """`text` as PEP 440 normalises it, or None."""
    found = PEP440.match(text)
    if not found:
        return None
    out = f"{int(found['epoch'])}!" if int(found["epoch"] or 0) else ""
    out += ".".join(str(int(number)) for number in found["release"].split("."))
    if found["pre"]:
        letter = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
        pre = found["pre"].lower()
        out += letter.get(pre, pre) + str(int(found["pre_n"] or 0))
    if found["post"]:
        out += f".post{int(found['post_1'] or found['post_2'] or 0)}"
    if found["dev"]:
        out += f".dev{int(found['dev_n'] or 0)}"
    if found["local"]:
        parts = re.split(r"[-_.]", found["local"].lower())
        out += "+" + ".".join(str(int(part)) if part.isdigit() else part for part in parts)
    return out


def canonical(name):
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rank_of(file, ranks):
    """How well a wheel file (PEP 427) fits this interpreter: 0 is best, None not at all."""
    parts = file[:-4].split("-") if file.endswith(".whl") else []
    if len(parts) not in (5, 6):
        return None
    pythons, abis, platforms = (part.split(".") for part in parts[-3:])
    found = [ranks[t] for t in (f"{p}-{a}-{o}" for p in pythons for a in abis for o in platforms) if t in ranks]
    return min(found, default=None)


def egg_base(name, version):
    """What buildout 5 and 6 call the egg of a wheel, without `.egg` (easy_install.make_egg_after_pip_install)."""
    name, version = name.replace("-", "_"), version.replace("-", "_")
    return f"{name}-{version}-py{python_series()}-{sysconfig.get_platform()}"


class Wheel:
    """A wheel in the store, opened to be unpacked as buildout 5 and 6 would: `pip install -t`, then an egg."""

    def __init__(self, path):
        import email.parser
        import zipfile
        self.zip = zipfile.ZipFile(path)
        self.names = [info.filename for info in self.zip.infolist() if not info.is_dir()]
        infos = {name.split("/")[0] for name in self.names if name.split("/")[0].endswith(".dist-info")}
        if len(infos) != 1:
            raise ValueError("no single .dist-info folder")
        self.info = infos.pop()
        self.data = self.info[:-len(".dist-info")] + ".data"
        self.read = lambda name: self.zip.read(f"{self.info}/{name}").decode("utf-8", "replace")
        self.name = email.parser.HeaderParser().parsestr(self.read("METADATA"))["Name"]
        self.version = normal_version(self.info[:-len(".dist-info")].partition("-")[2])

    def base(self):
        return egg_base(self.name, self.version)

    def plain(self):
        """Whether unpacking is all that buildout would do; what is not plain is left to it."""
        if not self.name or not self.version:
            return False
        for name in self.names:
            top, _, rest = name.partition("/")
            unsafe = name.startswith("/") or ".." in name.split("/") or "\\" in name
            namespace = name == f"{self.info}/namespace_packages.txt" or name.endswith("-nspkg.pth")
            unknown = top.endswith(".data") and (top != self.data or rest.split("/")[0] not in
                                                 ("purelib", "platlib", "scripts", "data", "headers"))
            # pip installs scripts to bin/, and buildout removes that folder with whatever else is in it
            if unsafe or namespace or unknown or top == "bin" or name == f"{self.data}/purelib/bin":
                return False
        return not any(self.declares_namespace(name) for name in self.lonely_inits())

    def console_scripts(self):
        """Programs that pip makes: (name, `module:function`) of each (entry points specification)."""
        if f"{self.info}/entry_points.txt" not in self.names:
            return []
        import configparser
        table = configparser.RawConfigParser(delimiters=("=",), strict=False)
        table.optionxform = str
        table.read_string(self.read("entry_points.txt"))
        found = table.items("console_scripts") if table.has_section("console_scripts") else []
        return [(name, value.partition("[")[0].strip()) for name, value in found]

    def lonely_inits(self):
        """`__init__.py` files that are alone in their folder: buildout drops those that declare a namespace."""
        folders = {}
        for name in self.names:
            folder, _, file = name.rpartition("/")
            folders.setdefault(folder, []).append(file)
        return [f"{folder}/__init__.py" for folder, files in folders.items() if files == ["__init__.py"]]

    def declares_namespace(self, name):
        text = self.zip.read(name)
        return b"declare_namespace" in text or b"extend_path" in text

    def place(self, name):
        """Where a member goes below the egg; None = buildout's eggs don't have it."""
        top, _, rest = name.partition("/")
        if top == self.info:
            return f"{self.base()}.dist-info/{rest}"
        if top == self.data:
            kind, _, rest = rest.partition("/")
            return rest if kind in ("purelib", "platlib") else None
        return name

    def unpack(self, folder):
        """Unpacks into `folder`/NAME-VERSION-pyX.Y-PLATFORM.egg, and says what that is called."""
        egg = os.path.join(folder, self.base() + ".egg")
        os.makedirs(egg)
        for info in self.zip.infolist():
            place = None if info.is_dir() else self.place(info.filename)
            if not place:
                continue
            path = os.path.join(egg, *place.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with self.zip.open(info) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file)
            if (info.external_attr >> 16) & 0o111:
                os.chmod(path, 0o755)
        return os.path.basename(egg)


def make_eggs(layout, wheels, python, answers, output):
    """The egg of each (sha256, path): made once in `eggs/<sha256>`, compiled, read-only. {sha256: egg's name}"""
    eggs, fresh = {}, {}
    partial = os.path.join(layout.eggs, f".tmp-{secrets.token_hex(8)}")
    try:
        for sha256, path in wheels:
            there = glob.glob(os.path.join(glob.escape(layout.eggs), sha256, "*.egg"))
            if there and made_for_this_python(there[0]):
                eggs[sha256] = os.path.basename(there[0])
                continue
            with contextlib.suppress(*damage()):  # pip's words on these are better
                wheel = Wheel(path)
                if not wheel.plain():
                    continue
                os.makedirs(os.path.join(partial, sha256))
                eggs[sha256] = fresh[sha256] = wheel.unpack(os.path.join(partial, sha256))
                answers.progress("eggs", len(eggs), len(wheels))
        if fresh:
            compile_eggs(partial, layout.eggs, python, output)
            for sha256 in fresh:
                read_only(os.path.join(partial, sha256, fresh[sha256]))
                remove_tree(layout, os.path.join(layout.eggs, sha256))
                os.rename(os.path.join(partial, sha256), os.path.join(layout.eggs, sha256))
    finally:
        remove_tree(layout, partial)
    return eggs


def made_for_this_python(egg):
    return egg.endswith(f"-py{python_series()}-{sysconfig.get_platform()}.egg")


def compile_eggs(folder, final, python, output):
    """Byte code that is never compared with its source: the eggs are read-only and named by their hash."""
    files = sum(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)
    argv = [python, "-IS", "-W", "ignore", "-m", "compileall", "-q", "-j", "0" if files > MANY_FILES else "1",
            "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", final, folder]
    # Status 1 = some file is no python of this version, such as a template; that is the egg's business.
    run(argv, folder, 1800, output)


def read_only(egg):
    for folder, _, files in os.walk(egg, topdown=False):
        for name in files:
            path = os.path.join(folder, name)
            os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & 0o555)
        os.chmod(folder, 0o555)
