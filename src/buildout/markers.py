"""Which requirements hold on another machine and not here: by their markers (PEP 508).

Reads {"python": "3.13.99", "system": …, "machine": …, "dists": {name: [requirement, …]}} and prints
[[requirement, name of who wants it], …] of what is not among the names.

Without a machine, {"pythons": [specifier, …], "dists": …}, it prints what holds on any one that is not like this, whose
python fulfils one of the specifiers: [{"requirement": …, "marker": …, "by": name of who wants it}, …]. What markers say of
extras is settled here.
"""
import json
import re
import sys

from pip._vendor.packaging.markers import default_environment
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.specifiers import SpecifierSet

MINORS = range(6, 30)
MACHINES = [('Linux', machine) for machine in ('x86_64', 'aarch64', 'i686', 'armv7l', 'ppc64le', 's390x', 'riscv64')]
MACHINES += [('Darwin', machine) for machine in ('arm64', 'x86_64')]


def canonical(name):
    return re.sub('[-_.]+', '-', name).lower()


def read(text):
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None  # pip and buildout pass it over, too


request = json.load(sys.stdin)
here = default_environment()


def environment(python, system, machine):
    return dict(
        here, python_version='.'.join(python.split('.')[:2]), python_full_version=python, implementation_version=python,
        platform_machine=machine, platform_release='', platform_version='', sys_platform=system.lower(),
        platform_system=system)


dists = {canonical(name): [found for found in map(read, lines) if found] for name, lines in request['dists'].items()}
spelled = {canonical(name): name for name in request['dists']}
extras = {name: {''} for name in dists}


def holds(requirement, name, environment):
    return not requirement.marker or any(
        requirement.marker.evaluate(dict(environment, extra=extra)) for extra in sorted(extras[name]))


def wanted(environment):
    """Every requirement that holds, as (requirement, who wants it); extras that are asked for count from then on."""
    while True:
        found = [(requirement, name) for name, all_of_it in dists.items() for requirement in all_of_it
                 if holds(requirement, name, environment)]
        before = sum(map(len, extras.values()))
        for requirement, _ in found:
            extras.get(canonical(requirement.name), set()).update(requirement.extras)
        if sum(map(len, extras.values())) == before:
            return found


def missing():
    """What one other machine wants."""
    ours = {canonical(requirement.name) for requirement, _ in wanted(here)}
    found = {}
    for requirement, name in wanted(environment(request['python'], request['system'], request['machine'])):
        key = canonical(requirement.name)
        if key not in dists and key not in ours:
            found.setdefault(key, [f'{requirement.name}{requirement.specifier}', spelled[name]])
    return list(found.values())


def without_extras(node, active):
    """A marker's text without what it says of extras, which is true or false by now."""
    if isinstance(node, tuple):
        if 'extra' in (str(node[0]), str(node[2])):
            return any(str(side).strip('"') in active for side in (node[0], node[2]) if str(side) != 'extra')
        return ' '.join(part.serialize() for part in node)
    groups = [[]]
    for item in node:
        if item == 'or':
            groups.append([])
        elif item != 'and':
            groups[-1].append(without_extras(item, active))
    groups = [[text for text in group if text is not True] for group in groups if False not in group]
    if not groups or [] in groups:
        return bool(groups)
    return ' or '.join(' and '.join(f'({text})' if ' or ' in text else text for text in group) for group in groups)


def conditional():
    """What other machines want, and on which condition."""
    wanted(here)
    specifiers = [SpecifierSet(text) for text in request['pythons']]
    pythons = [f'3.{minor}.{patch}' for minor in MINORS for patch in (0, 99)]
    pythons = [python for python in pythons if any(python in specifier for specifier in specifiers)]
    there = [environment(python, *machine) for python in pythons for machine in MACHINES]
    found = []
    for name, all_of_it in dists.items():
        for requirement in all_of_it:
            if holds(requirement, name, here) or not any(holds(requirement, name, other) for other in there):
                continue
            marker = without_extras(requirement.marker._markers, extras[name])
            if isinstance(marker, str):
                entry = {'requirement': f'{requirement.name}{requirement.specifier}', 'marker': marker, 'by': spelled[name]}
                if entry not in found:
                    found.append(entry)
    return sorted(found, key=lambda entry: (canonical(entry['by']), entry['requirement'], entry['marker']))


json.dump(missing() if 'python' in request else conditional(), sys.stdout)
