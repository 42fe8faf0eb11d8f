"""Which wheels the indexes have, as pip itself reads their pages (PEP 503, PEP 691): its settings, its login, its cache.

Reads {"names": [name, ...]} and prints {name: [{"file": ..., "sha256": ..., "size": ...}, ...], ...}: of each file the
first index that has it counts. Files without a sha256, and those that were yanked (PEP 592), are left out. Works with pip
22.3 and newer.
"""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from pip._internal.commands import create_command
from pip._internal.models.link import Link

AT_ONCE = 8  # pages; most of the time is waiting

sizes = {}
read_json = getattr(Link, 'from_json', None)


def from_json(data, page_url):
    """pip passes over what PEP 700 says of sizes."""
    link = read_json(data, page_url)
    if link and isinstance(data.get('size'), int):
        sizes[link.url_without_fragment] = data['size']
    return link


if read_json:
    Link.from_json = staticmethod(from_json)


def sha256(link):
    hashes = getattr(link, '_hashes', None) or {}
    return hashes.get('sha256') or (link.hash if link.hash_name == 'sha256' else None)


def wheels(finder, name):
    """pip is not let choose: what fits this machine is of no interest."""
    page, found, evaluator = [], {}, finder.make_link_evaluator(name)
    finder.evaluate_links = lambda link_evaluator, links: page.extend(links) or []
    sources = finder._link_collector.collect_sources(
        name, candidates_from_page=lambda link: finder.process_project_url(link, evaluator))
    for source in sources.index_urls:
        if source:
            list(source.page_candidates())
    for link in page:
        digest = sha256(link)
        if link.filename.endswith('.whl') and digest and not link.is_yanked:
            found.setdefault(link.filename, {
                'file': link.filename, 'sha256': digest.lower(), 'size': sizes.get(link.url_without_fragment)})
    return list(found.values())


command = create_command('download')
options, _ = command.parse_args([])
options.find_links = []


def ask(name):
    session = command.get_default_session(options)
    return wheels(command._build_package_finder(options=options, session=session), name)


names = json.load(sys.stdin)['names']
with command.main_context(), ThreadPoolExecutor(AT_ONCE) as pool:
    command.get_default_session(options)
    answers = dict(zip(names, pool.map(ask, names)))
json.dump(answers, sys.stdout)
