"""The interpreter that runs buildout, shared by releases."""

import hashlib
import json
import os
import platform
import re

# What the venv holds; eggs that need one of these get it from there, as buildout itself does.
BOOTSTRAP = ("zc.buildout", "setuptools", "pip", "wheel", "packaging", "platformdirs")


def venv_of(layout, bootstrap):
    """What a venv is made of, and so its name: this interpreter and the bootstrap wheels. The interpreter counts by
    major and minor version, as in wheel tags and egg names: a venv outlives the distribution's security updates."""
    made_of = {"python": python_series(), "executable": base_python(),
               "wheels": sorted([wheel["file"], wheel["sha256"]] for wheel in bootstrap)}
    name = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]
    return {"path": os.path.join(layout.venvs, name), **made_of}


def venv_runs(venv):
    """Whether its interpreter runs and is the one it was made from."""
    python = os.path.join(venv["path"], "bin", "python")
    if not os.path.exists(os.path.join(venv["path"], ".complete")):
        return False
    code, output = run([python, "-I", "-c", "import sys, zc.buildout; print('%d.%d' % sys.version_info[:2])"], "/", 60)
    return code == 0 and output.decode("ascii", "replace").split()[-1:] == [venv["python"]]


def ensure_venv(layout, venv, output):
    """Makes the venv unless it is there and runs. Offline, from the wheels in the store, by the shipped pip itself."""
    if venv_runs(venv):
        return False
    remove_tree(layout, venv["path"])
    python = os.path.join(venv["path"], "bin", "python")
    check_interpreter_line(python)
    code, said = run([venv["executable"], "-I", "-m", "venv", "--without-pip", venv["path"]], "/", 300, output)
    if code != 0:
        raise Failed("venv", f"{venv['executable']} can't make a virtual environment",
                     "install python's venv module (Debian: python3-venv)", last_lines(said))
    with scratch(layout, "bootstrap") as folder:
        files = []
        for file, sha256 in venv["wheels"]:
            files.append(os.path.join(folder, checked_file(file)))
            os.symlink(verified(layout, {"file": file, "sha256": sha256}), files[-1])
        pip = next((f for f in files if os.path.basename(f).startswith("pip-")), None)
        if not pip:
            raise Failed("refused", "the manifest pins no pip", "release again")
        argv = [python, os.path.join(pip, "pip"), "install", "--no-index", "--no-deps", "--no-compile",
                "--no-cache-dir", "--disable-pip-version-check", "--no-warn-script-location", *files]
        code, said = run(argv, folder, 600, output, buildout_env(folder, folder))
    if code != 0:
        raise Failed("venv", "the bootstrap wheels can't be installed", None, last_lines(said))
    write_json(os.path.join(venv["path"], ".complete"), venv)
    return True


def check_interpreter_line(python):
    """Scripts start with `#!<interpreter>`, which the kernel cuts at blanks and at a length (execve(2))."""
    major, minor = (int(number) for number in re.findall(r"\d+", platform.release())[:2])
    limit = 255 if (major, minor) >= (5, 1) else 127
    if re.search(r"\s", python):
        raise Failed("refused", f"the path {python} has blanks, which #! lines can't hold", "choose another path")
    if len(os.fsencode(f"#!{python}\n")) > limit:
        raise Failed("refused", f"the path {python} is too long for #! lines ({limit} bytes)", "choose a shorter path")


def checked_file(name):
    if os.path.basename(name) != name or name.startswith(".") or not name:
        raise Failed("bad-request", f"{name!r} is no file name")
    return name
