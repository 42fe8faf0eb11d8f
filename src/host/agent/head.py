"""The host's half of git-hostout: one fixed script, standard library only, python >= 3.9.

It is given data (manifest, settings, signed entry) and never code. Run as

    python3 -I <path>/.hostout/agent --path <path> VERB [ARG]

or, as clients do, by `boot.py`: one process that answers many requests, installed or not. It never relies on `__file__`.
A request is one JSON object on stdin; an answer is JSON lines on stdout. The last line always has "end": "ok" or
"failed" and proves that the verb ended; exit status 0 goes with ok, 3 with failed.

It is written in parts, which `Agent::SOURCE` joins in this order, so that a part uses what stands above it; each
opens with the modules that it needs, but for those that take long to import and that only some verbs use: these are
imported there, since a look at a host must not wait for them:

    answers       what is said on stdout, and the one exception that ends a verb
    layout        every path below <path>
    files         atomic writes, removing, copying, hashing
    python        this interpreter, and the wheel tags it takes
    store         artifacts by sha256, the upload
    tarball       the buildout files, unpacked without trusting them
    wheels        one wheel to one egg directory, exactly as buildout would
    processes     children with a decided environment, nothing they can hang
    lock          who may change the host, by token and lease
    trust         whom this host believes: keys, roles, policy, what it took already
    bundle        the project's ledger and releases, kept for the day when they are lost elsewhere
    venv          the interpreter that runs buildout, shared by releases
    fetch         wheels that the host takes from an index itself
    prepare       everything that outsiders can't notice
    services      start, stop and look at what a release runs, by kind
    health        processes and http, judged by effect
    rolling       programs from one release to another, one by one
    journal       what a job did, for those who were not connected
    snapshot      the scripts of collective.recipe.backup
    postgresql    pg_dump, and back in one transaction
    backup        the data as it was before: made, hashed, sealed, pruned
    restore       a deployment's own backup put back
    runtime       what is done as the runtime user
    atboot        what the host's next start is told while a job runs
    activation    the job: backup, stop, switch, start, probe, or all of it back
    job           the job outlives its connection
    preparation   preparing as such a job
    reversal      a job that ended well is taken back
    recovery      a job that was cut off is put right
    prune         what may go
    status        what is there; writes nothing
    operator      a shared file into its place; where the logs are
    verbs         requests to the above
    serve, main   one of them, or many

Files on a host, their owners and modes: the contract's "On a host". Which release is good or older is never read from a
modification time or the order of a listing: the record says it. Writers hold `.hostout/lock`; the order of an activation
is in `Activation.forward`, its undoing in `Activation.undo`.
"""

import re

AGENT_VERSION = "1"
FORMAT = 1  # of requests, answers and the files below .hostout
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,127}\Z")
IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}\Z")
MAX_REQUEST = 64 << 20
LIMITED = False  # whether this run is for a key that may only deploy what is signed
OUTPUT_LINES = 40
START_SECONDS = 20  # that a control script's daemon may take to appear
LAST_WORDS_SECONDS = 30  # that a service which died may take to die again, in the foreground
STOP_SECONDS = 30  # that a service may take to stop, where nothing else is said
COPY_SECONDS = 24 * 3600  # that a backup, or putting it back, may take
ALIVE_SECONDS = 1  # a quiet verb says that it lives, for the client's stall clock
