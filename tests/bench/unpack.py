"""Unpacks wheels as the agent does, and compares the eggs with those that buildout made of the same wheels.

    python unpack.py AGENT WHEELS PATH [EGGS]     with EGGS only the wheels that are there
"""

import glob
import hashlib
import io
import os
import runpy
import sys
import time

# What an installer writes down about itself, and byte code.
OWN = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json")


def files(egg):
    """{relative path: bytes} of an egg, without what may differ."""
    found = {}
    for folder, _, names in os.walk(egg):
        for name in names:
            path = os.path.join(folder, name)
            if name not in OWN and not name.endswith(".pyc"):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, egg)] = file.read()
    return found


def main():
    script, wheels, path, *eggs = sys.argv[1:]
    agent = runpy.run_path(script, run_name="agent")
    names = [os.path.join(wheels, name) for name in sorted(os.listdir(wheels))]
    if eggs:
        there = set(os.listdir(eggs[0]))
        names = [name for name in names if agent["Wheel"](name).base() + ".egg" in there]
    layout = agent["Layout"](path)
    layout.make()
    pairs = []
    for name in names:
        with open(name, "rb") as file:
            pairs.append((hashlib.sha256(file.read()).hexdigest(), name))
    start = time.monotonic()
    made = agent["make_eggs"](layout, pairs, sys.executable, agent["Answers"](io.BytesIO()), None)
    print(f"{len(made)} of {len(names)} wheels unpacked and compiled in {time.monotonic() - start:.2f} s, "
          f"{len(names) - len(made)} left to buildout")
    differ = [egg for sha256, egg in made.items()
              if eggs and files(os.path.join(layout.eggs, sha256, egg)) != files(os.path.join(eggs[0], egg))]
    if eggs:
        print(f"other trees than buildout's: {', '.join(differ) or 'none'} of {len(made)}")


main()
