"""The interpreter that runs buildout, shared by releases."""

import glob
import hashlib
import json
import os
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
    """Whether its interpreter runs and is the one it was made from. buildout is only looked for: importing it and its
    setuptools costs more than everything else that a deployment does."""
    python = os.path.join(venv["path"], "bin", "python")
    buildout = os.path.join(venv["path"], "lib", f"python{venv['python']}", "site-packages", "zc", "buildout", "__init__.py")
    if not all(os.path.exists(file) for file in (os.path.join(venv["path"], ".complete"), buildout)):
        return False
    code, output = run([python, "-IS", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], "/", 60)
    return code == 0 and output.decode("ascii", "replace").split()[-1:] == [venv["python"]]


def ensure_venv(layout, venv, output):
    """Makes the venv unless it is there and runs. Offline, from the wheels in the store."""
    if venv_runs(venv):
        return False
    remove_tree(layout, venv["path"])
    python = os.path.join(venv["path"], "bin", "python")
    check_interpreter_line(python)
    code, said = run([venv["executable"], "-I", "-m", "venv", "--without-pip", venv["path"]], "/", 300, output)
    if code != 0:
        raise Failed("venv", f"{venv['executable']} can't make a virtual environment",
                     "install python's venv module (Debian: python3-venv)", last_lines(said))
    try:
        for file, sha256 in venv["wheels"]:
            install_wheel(verified(layout, {"file": checked_file(file), "sha256": sha256}), venv["path"])
    except damage() as error:
        raise Failed("venv", f"the bootstrap wheels can't be installed: {file}: {error}", "release again") from error
    write_json(os.path.join(venv["path"], ".complete"), venv)
    return True


def install_wheel(path, root):
    """Installs a wheel into the venv at `root` as pip would, but for what pip writes for itself (RECORD, INSTALLER):
    pip takes three seconds for these six, and this a quarter of one."""
    site, = glob.glob(os.path.join(glob.escape(root), "lib", "*", "site-packages"))
    python, scripts = os.path.join(root, "bin", "python"), os.path.join(root, "bin")
    wheel = Wheel(path)
    kinds = {"purelib": site, "platlib": site, "scripts": scripts, "data": root}
    for info in wheel.zip.infolist():
        folder, name, data = site, info.filename, wheel.zip.read(info)
        if name.startswith(wheel.data + "/"):
            kind, _, name = name[len(wheel.data) + 1:].partition("/")
            folder = kinds.get(kind)
        if info.is_dir() or not folder:
            continue
        target = os.path.join(folder, *below(name))
        if folder == scripts and data.startswith(b"#!python"):
            data = f"#!{python}\n".encode() + data.partition(b"\n")[2]
        write_file(target, data, folder == scripts or (info.external_attr >> 16) & 0o111)
    for name, function in wheel.console_scripts():
        module, _, attribute = function.partition(":")
        script = (f"#!{python}\nimport sys\nfrom {module} import {attribute.partition('.')[0]}\n"
                  f"if __name__ == '__main__':\n    sys.exit({attribute}())\n")
        write_file(os.path.join(scripts, *below(name)), script.encode(), True)


def write_file(path, data, executable):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755 if executable else 0o644)


def check_interpreter_line(python):
    """Scripts start with `#!<interpreter>`, which the kernel cuts at blanks and at a length (execve(2))."""
    major, minor = (int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
    limit = 255 if (major, minor) >= (5, 1) else 127
    if re.search(r"\s", python):
        raise Failed("refused", f"the path {python} has blanks, which #! lines can't hold", "choose another path")
    if len(os.fsencode(f"#!{python}\n")) > limit:
        raise Failed("refused", f"the path {python} is too long for #! lines ({limit} bytes)", "choose a shorter path")


def checked_file(name):
    if os.path.basename(name) != name or name.startswith(".") or not name:
        raise Failed("bad-request", f"{name!r} is no file name")
    return name
