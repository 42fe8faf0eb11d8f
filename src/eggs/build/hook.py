"""Calls the hooks of a build backend (PEP 517) that make a wheel.

hook.py ask|build BACKEND ANSWER WHEELS [BACKEND-PATH...]

`ask` asks what else the build needs, and builds where that is nothing; `build` builds. The current directory is the egg's;
the answer goes to the file ANSWER as JSON, because backends print: {"requires": [...]} or {"wheel": FILE}.
"""

import importlib
import json
import os
import sys

step, backend, answer, wheels, *backend_path = sys.argv[1:]
os.umask(0o022)
# in the place of this script's own folder
sys.path[:1] = [os.path.abspath(path) for path in backend_path]

module, _, attributes = backend.partition(":")
target = importlib.import_module(module)
for attribute in filter(None, attributes.split(".")):
    target = getattr(target, attribute)


def tell(**result):
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(result, file)


def asks():
    """Asks in a process of its own, as the PEP wants: a hook may leave anything behind in it. Whether that was all."""
    if not hasattr(target, "get_requires_for_build_wheel"):
        return False
    sys.stdout.flush()
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            sys.exit(1)
        with open(answer, encoding="utf-8") as file:
            return bool(json.load(file)["requires"])
    tell(requires=list(target.get_requires_for_build_wheel()))
    return True


if step == "build" or not asks():
    tell(wheel=target.build_wheel(wheels))
