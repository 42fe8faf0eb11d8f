"""Calls one hook of a build backend (PEP 517).

hook.py requires|wheel BACKEND ANSWER WHEELS [BACKEND-PATH...]

The current directory is the egg's; the hook's answer goes to the file ANSWER as JSON, because backends print.
"""

import importlib
import json
import os
import sys

hook, backend, answer, wheels, *backend_path = sys.argv[1:]
os.umask(0o022)
# in the place of this script's own folder
sys.path[:1] = [os.path.abspath(path) for path in backend_path]

module, _, attributes = backend.partition(":")
target = importlib.import_module(module)
for attribute in filter(None, attributes.split(".")):
    target = getattr(target, attribute)

if hook == "requires":
    ask = getattr(target, "get_requires_for_build_wheel", None)
    result = list(ask()) if ask else []
else:
    result = target.build_wheel(wheels)

with open(answer, "w", encoding="utf-8") as file:
    json.dump(result, file)
