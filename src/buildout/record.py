"""Runs buildout's main() and writes down every distribution it uses, where each came from, and what went wrong first.

usage: record.py REQUEST.json    (in the buildout directory)

The request names the configuration, the parts whose recipes are loaded but not run, the project's own distributions, further
indexes, and the file for the answer. Works with zc.buildout 4.1.4 to 6.0.1.
"""
import json
import netrc
import os
import re
import shutil
import sys
import urllib.parse
import zipfile

import zc.buildout
import zc.buildout.buildout as bo
import zc.buildout.easy_install as ei

with open(sys.argv[1]) as file:
    request = json.load(file)
host_parts = set(request['host_parts'])
project = set(request['project'])
answer = dict(dists={}, fetched={}, spellings={}, parts={}, used={}, failure=None)
doing = ['buildout']
# zc.buildout 4.1.4 uses setuptools' index, later ones a copy of it
package_index = sys.modules[ei.AllowHostsPackageIndex.__mro__[2].__module__]


def canonical(name):
    return re.sub('[-_.]+', '-', name).lower()


def clean(url):
    """Without user info and fragment; what is no URL stays."""
    parts = urllib.parse.urlsplit(url)
    if not parts.netloc:
        return url
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition('@')[2], fragment=''))


def fail(kind, requirement, **more):
    """The first failure is the cause, later ones follow from it."""
    answer['failure'] = answer['failure'] or dict(kind=kind, requirement=str(requirement), part=doing[-1], **more)


def wrap(owner, name):
    """Replaces owner.name by a function that is given the original first."""
    def decorate(function):
        original = getattr(owner, name)
        setattr(owner, name, lambda *args, **kwargs: function(original, *args, **kwargs))
    return decorate


def within(name):
    class Within:
        def __enter__(self):
            doing.append(name)

        def __exit__(self, *error):
            doing.pop()
    return Within()


# What is used

def use(found):
    """By the part that is at work."""
    used = answer['used'].setdefault(doing[-1], [])
    used += sorted({canonical(dist.project_name) for dist in found}.difference(used))


@wrap(ei.Installer, 'install')
def install(original, self, specs, working_set=None):
    found = original(self, specs, working_set)
    use(found)
    for dist in found:
        if '_vendor' not in dist.location.split(os.sep):
            seen = answer['dists'].setdefault(canonical(dist.project_name), [])
            known = dict(name=dist.project_name, version=dist.version, location=dist.location)
            if known not in seen:
                seen.append(known)
    return found


@wrap(ei.Installer, '_fetch')
def fetch(original, self, dist, tmp, download_cache):
    got = original(self, dist, tmp, download_cache)
    key = canonical(dist.project_name) + ' ' + str(dist.version)
    answer['fetched'].setdefault(key, dict(file=got.location, url=clean(dist.location)))
    return got


@wrap(ei.Installer, '_constrain')
def constrain(original, self, requirement):
    name = requirement.project_name
    spellings = answer['spellings'].setdefault(canonical(name), [])
    if name not in spellings:
        spellings.append(name)
    try:
        return original(self, requirement)
    except ei.IncompatibleConstraintError:
        fail('conflict', requirement, wanted_by=wanted_by(self, name))
        raise


@wrap(ei.Installer, '_get_dist')
def get_dist(original, self, requirement, ws):
    try:
        return original(self, requirement, ws)
    except ei.MissingDistribution as error:
        fail('missing', error.data[0], wanted_by=wanted_by(self, requirement.project_name))
        raise


@wrap(ei.Installer, 'build')
def build(original, self, spec, build_ext):
    fail('custom', spec, wanted_by=[])
    raise zc.buildout.UserError('%s is built with options of its own' % spec)


def wanted_by(installer, name):
    """The requirements that led to a name, as buildout keeps them for its own messages."""
    lines = [line for line in installer._requirements_and_constraints
             if re.search(r': ["\']?%s\b' % re.escape(name), line, re.I)]
    return [line.partition('Requirement of ')[2].partition(':')[0] for line in lines if 'Requirement of' in line]


# Which part is at work, and those that must not be

@wrap(bo.Options, 'initialize')
def initialize(original, self):
    answer['parts'][self.name] = self.get('recipe')
    with within(self.name):
        original(self)
    watch_eggs(sys.modules.get('zc.recipe.egg.egg'))


def watch_eggs(module):
    """That recipe remembers what it found for one part, and doesn't ask again for another."""
    if module and not hasattr(module, 'watched'):
        module.watched = True

        @wrap(module.Eggs, 'working_set')
        def working_set(original, self, *args, **kwargs):
            requirements, found = original(self, *args, **kwargs)
            use(found)
            return requirements, found


@wrap(bo.Options, '_call')
def call(original, self, function):
    if self.name in host_parts:
        return ()
    with within(self.name):
        return original(self, function)


# Where things come from

@wrap(ei.AllowHostsPackageIndex, 'obtain')
def obtain(original, self, requirement, installer=None):
    """An exact pin that lies in the download cache needs no index; a project's own name is never looked up in one."""
    own = canonical(requirement.project_name) in project
    exact = len(requirement.specs) == 1 and requirement.specs[0][0] == '=='
    if own or exact:
        for dist in self[requirement.project_name]:
            if dist in requirement and os.path.dirname(dist.location) == ei.Installer._download_cache:
                return dist
    return None if own else original(self, requirement, installer)


@wrap(ei.AllowHostsPackageIndex, 'find_packages')
def find_packages(original, self, requirement):
    original(self, requirement)
    for index in request['extra_indexes']:
        self.scan_url(index.rstrip('/') + '/' + canonical(requirement.project_name) + '/')


@wrap(ei.AllowHostsPackageIndex, 'scan_all')
def scan_all(original, self, *args):
    """For a name without a page buildout reads the list of all packages, on a public index some 30 MB. It helps with folders only."""
    if not self.index_url.startswith('http'):
        original(self, *args)


@wrap(package_index.PyPIConfig, 'find_credential')
def find_credential(original, self, url):
    found = original(self, url)
    if found is None:
        try:
            login = netrc.netrc(os.environ.get('NETRC')).authenticators(urllib.parse.urlsplit(url).hostname or '')
        except (OSError, netrc.NetrcParseError):
            login = None
        if login:
            found = package_index.Credential(login[0], login[2])
    return found


if hasattr(ei, 'index_url'):
    @wrap(ei, 'index_url')
    def index_url(original, setting=None):
        """pip gets the index through its environment: buildout would put it, password and all, on a command line."""
        if setting:
            before = os.environ.get('PIP_EXTRA_INDEX_URL', '').split()
            os.environ['PIP_EXTRA_INDEX_URL'] = ' '.join(before + [setting])
        return ''


# Buildout 5 and 6 start pip for every wheel, 0.4 s each. Unzipping gives the same files.

@wrap(ei, 'call_pip_install')
def call_pip_install(original, spec, dest, *editable, **more):
    if not str(spec).endswith('.whl') or any(editable) or any(more.values()):
        return original(spec, dest, *editable, **more)
    with zipfile.ZipFile(spec) as wheel:
        names = wheel.namelist()
        data = {name.split('/')[1] for name in names if name.partition('/')[0].endswith('.data')}
        if not data <= {'purelib', 'platlib', 'scripts'}:
            return original(spec, dest)
        wheel.extractall(dest)
    for name in os.listdir(dest):
        if name.endswith('.data'):
            for lib in data - {'scripts'}:
                shutil.copytree(os.path.join(dest, name, lib), dest, dirs_exist_ok=True)
            shutil.rmtree(os.path.join(dest, name))
    info, = (name for name in os.listdir(dest) if name.endswith('.dist-info'))
    return ei.make_egg_after_pip_install(dest, info)


os.umask(0o022)
try:
    bo.main(['-c', request['config']])
finally:
    with open(request['answer'], 'w') as file:
        json.dump(answer, file)
