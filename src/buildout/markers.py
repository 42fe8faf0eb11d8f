"""Which requirements hold on another machine and not here: by their markers (PEP 508).

Reads {"python": "3.13.99", "system": …, "machine": …, "dists": {name: [requirement, …]}} and prints
[[requirement, name of who wants it], …] of what is not among the names.
"""
import json
import re
import sys

from pip._vendor.packaging.markers import default_environment
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement


def canonical(name):
    return re.sub('[-_.]+', '-', name).lower()


def read(text):
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None  # pip and buildout pass it over, too


request = json.load(sys.stdin)
here = default_environment()
there = dict(
    here, python_version='.'.join(request['python'].split('.')[:2]), python_full_version=request['python'],
    implementation_version=request['python'], platform_machine=request['machine'], platform_release='', platform_version='',
    sys_platform=request['system'].lower(), platform_system=request['system'])
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


ours = {canonical(requirement.name) for requirement, _ in wanted(here)}
missing = {}
for requirement, name in wanted(there):
    key = canonical(requirement.name)
    if key not in dists and key not in ours:
        missing.setdefault(key, [f'{requirement.name}{requirement.specifier}', spelled[name]])
json.dump(list(missing.values()), sys.stdout)
