"""Tells what buildout sees in configurations: nothing is installed, no extension or recipe is loaded, nothing is fetched.

usage: look.py CONFIG ANSWER OUTPUT...    (in the buildout directory)

Each is looked at in a process of its own, which writes JSON to the file ANSWER, and to OUTPUT what is printed meanwhile.
"""
import glob
import json
import os
import sys

import zc.buildout
import zc.buildout.buildout as bo

UNKNOWN = (zc.buildout.UserError, KeyError)


def substitute(self, template, seen):
    """Reference by reference, so that one that only a recipe could answer stays as written and the others don't."""
    parts = self._template_split(template)
    for index in range(1, len(parts), 2):
        try:
            parts[index] = original_sub(self, parts[index], list(seen))
        except UNKNOWN:
            unresolved.add((self.name, seen[0][1] if seen else ''))
    return ''.join(parts)


unresolved = set()
original_sub = bo.Options._sub
bo.Options._sub = substitute
# In place of installing, loading and calling the recipe.
bo.Options.initialize = lambda self: None
# Buildout makes its directories and caches as it starts; some may be absolute.
os.makedirs = os.mkdir = lambda *args, **kwargs: None

todo = sys.argv[1:]
while True:
    config, answer, output, *todo = todo
    if not todo or not os.fork():
        break
    os.wait()
os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT, 0o600), 1)
os.dup2(1, 2)

buildout = bo.Buildout(os.path.abspath(config), [], use_user_defaults=False)
options = buildout['buildout']
directory = options['directory']

for part in options.get('parts', '').split():
    try:
        buildout[part]
    except UNKNOWN:
        unresolved.add((part, ''))
parts = list(buildout._parts)

sections = {}
for name in buildout:
    try:
        section = buildout[name]
    except UNKNOWN:
        unresolved.add((name, ''))
        continue
    sections[name] = {key: section.get(key) for key in section.keys()}

develop, missing = [], []
for item in options.get('develop', '').split():
    found = sorted(glob.glob(os.path.join(directory, item)))
    develop += [os.path.relpath(path, directory) for path in found]
    if not found:
        missing.append(item)

seen = json.dumps(dict(
    directory=directory,
    parts=parts,
    develop=develop,
    develop_missing=missing,
    versions=sections.get(options.get('versions') or '', {}),
    sections=sections,
    unresolved=sorted(unresolved),
))
with open(answer, 'w') as file:
    file.write(seen)
