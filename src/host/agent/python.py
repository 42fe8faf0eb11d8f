"""This interpreter, and the wheel tags it takes."""

import contextlib
import glob
import importlib.util
import os
import re
import struct
import subprocess
import sys
import sysconfig


def glibc():
    """glibc's version as (major, minor), or None."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        import platform
        text = " ".join(platform.libc_ver())
    found = re.match(r"glibc (\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def musl():
    """musl's version as (major, minor), or None. Its loader prints it when it is run without a program."""
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run([loader], stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)
            found = re.search(rb"Version (\d+)\.(\d+)", said.stderr)
            if found:
                return int(found[1]), int(found[2])
    return None


def machine():
    """The architecture of this interpreter as sysconfig spells it."""
    arch = sysconfig.get_platform().split("-", 1)[-1].replace("-", "_").replace(".", "_")
    if struct.calcsize("P") == 4:  # a 32 bit python on a 64 bit kernel
        return {"x86_64": "i686", "aarch64": "armv7l"}.get(arch, arch)
    return arch


def platform_tags():
    """Wheel platforms this host takes, best first: PEP 600 (manylinux), PEP 656 (musllinux), linux."""
    arch, tags, libc = machine(), [], glibc()
    legacy = {17: "manylinux2014"}
    if arch in ("x86_64", "i686"):
        legacy.update({12: "manylinux2010", 5: "manylinux1"})
    if libc and libc[0] == 2:
        for minor in range(libc[1], (5 if arch in ("x86_64", "i686") else 17) - 1, -1):
            tags.append(f"manylinux_2_{minor}_{arch}")
            if minor in legacy:
                tags.append(f"{legacy[minor]}_{arch}")
    version = musl() if not libc else None
    if version:
        tags += [f"musllinux_{version[0]}_{minor}_{arch}" for minor in range(version[1], -1, -1)]
    return tags + [f"linux_{arch}"]


def wheel_tags():
    """Every wheel tag this interpreter takes, best first, as in the platform compatibility tags specification."""
    major, minor = sys.version_info[:2]
    threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    name = {"cpython": "cp", "pypy": "pp"}.get(sys.implementation.name, sys.implementation.name)
    me, platforms = f"{name}{major}{minor}", platform_tags()
    abi = f"{me}t" if threaded else me
    if name != "cp":
        abi = (sysconfig.get_config_var("SOABI") or "none").replace(".", "_").replace("-", "_")
    tags = [f"{me}-{abi}-{p}" for p in platforms]
    if name == "cp" and not threaded:
        tags += [f"{me}-abi3-{p}" for p in platforms]
    tags += [f"{me}-none-{p}" for p in platforms]
    if name == "cp" and not threaded:
        tags += [f"cp{major}{m}-abi3-{p}" for m in range(minor - 1, 1, -1) for p in platforms]
    generic = [f"py{major}{minor}", f"py{major}"] + [f"py{major}{m}" for m in range(minor - 1, -1, -1)]
    tags += [f"{py}-none-{p}" for py in generic for p in platforms]
    return tags + [f"{me}-none-any"] + [f"{py}-none-any" for py in generic]


def python_facts():
    return {"version": python_version(), "executable": base_python(),
            "implementation": sys.implementation.name, "tags": wheel_tags(), "venv": has_venv()}


def target():
    return f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform_tags()[0]}"


def base_python():
    """The interpreter that venvs are made from; never one inside a venv."""
    return getattr(sys, "_base_executable", None) or sys.executable


def python_version():
    return sys.version.split()[0]


def python_series():
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def has_venv():
    return importlib.util.find_spec("venv") is not None


def parse_toml(layout, text):
    """A TOML document. Python has a parser since 3.11; older ones borrow the one inside the shipped pip."""
    try:
        import tomllib
    except ImportError:
        tomllib = borrowed_tomli(layout)
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise Failed("bad-request", f"the manifest is not TOML: {error}") from error


def borrowed_tomli(layout):
    import zipfile
    if LIMITED:  # whoever may only upload must not bring the parser
        raise Failed("refused", f"python {python_version()} has no TOML parser, which a limited key needs here",
                     "python 3.11 or newer has one")
    for path in glob.glob(os.path.join(glob.escape(layout.store), "*", "*")):
        try:
            with zipfile.ZipFile(path) as wheel:
                wheel.getinfo("pip/_vendor/tomli/__init__.py")
        except (zipfile.BadZipFile, KeyError, OSError):
            continue
        sys.path.insert(0, path)
        try:
            from pip._vendor import tomli
            return tomli
        finally:
            sys.path.remove(path)
    raise Failed("missing-artifact", f"python {python_version()} has no TOML parser and no pip was sent",
                 "use python 3.11 or newer for the stage")
