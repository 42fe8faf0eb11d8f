"""Starts a conversation with the agent: `python3 -c THIS LENGTH SHA256 --path PATH serve`.

When the agent that is installed below PATH is the one with this SHA256, it is run, from its compiled form where that is
there. Else the caller is told, who then sends LENGTH bytes of source after the first request; nothing is written."""

import hashlib
import marshal
import os
import sys

length, digest, path = int(sys.argv[1]), sys.argv[2], os.path.expanduser(sys.argv[4])
del sys.argv[1:3]


def kept(name):
    try:
        with open(os.path.join(path, ".hostout", name), "rb") as file:
            return file.read()
    except OSError:
        return b""


source, first = kept("agent"), b""
if hashlib.sha256(source).hexdigest() != digest:
    first = sys.stdin.buffer.readline()
    first += sys.stdin.buffer.read(int(first.split()[0]))
    print('{"event": "source"}', flush=True)
    source = sys.stdin.buffer.read(length)
key, compiled = f"{digest} {sys.version}\n".encode(), kept("agent.code")
if compiled.startswith(key):
    code = marshal.loads(compiled[len(key):])
else:
    code = compile(source, "agent", "exec")
    compiled = key + marshal.dumps(code)
exec(code, {"__name__": "__main__", "SOURCE": source, "FIRST": first, "CODE": compiled})
