"""Prints what buildout sees in a configuration, as JSON: nothing is installed, no extension or recipe is loaded, nothing is fetched.

usage: look.py CONFIG    (in the buildout directory)
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
# Buildout logs to standard output.
answer, sys.stdout = sys.stdout, sys.stderr

buildout = bo.Buildout(os.path.abspath(sys.argv[1]), [], use_user_defaults=False)
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

json.dump(dict(
    directory=directory,
    parts=parts,
    develop=develop,
    develop_missing=missing,
    versions=sections.get(options.get('versions') or '', {}),
    sections=sections,
    unresolved=sorted(unresolved),
), answer)
