"""One verb a run, or a conversation; whatever happens becomes the last line."""

import os
import shlex
import sys


def answer(path, verb, arg, stream, answers):
    """Runs one verb; whatever happens becomes the last line."""
    try:
        if verb not in VERBS:
            raise Failed("bad-request", f"this agent ({AGENT_VERSION}) has no verb {verb!r}")
        if LIMITED and verb not in SERVED:
            raise only_deploys(path, f", and not {verb}")
        return VERBS[verb](Layout(path), arg, stream, answers)
    except Exception as error:  # the end marker must come: without it the client can't tell a bug from a lost line
        return failure_of(error).answer()


def only_deploys(path, what=""):
    return Failed("refused", f"this key may only deploy to {path} what is signed{what}",
                  "log in with an ordinary key for that")


def limited(path, answers):
    """A conversation for a key that sshd limits to this command, whatever the client's own would be; False where that
    is no conversation about this path."""
    global LIMITED
    LIMITED = True
    words = shlex.split(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    at = words.index("--path") + 1 if "--path" in words else len(words)
    if words[at + 1:] != ["serve"] or Layout(words[at]).path != Layout(path).path:
        answers.line(only_deploys(path).answer())
        return False
    serve(path, sys.stdin.buffer, answers)
    return True


def main():
    import argparse
    os.umask(0o022)
    parser = argparse.ArgumentParser(prog="agent", description="git-hostout's agent on a host")
    parser.add_argument("--path", required=True)
    parser.add_argument("verb", choices=["limited", "serve", *sorted(VERBS)])
    parser.add_argument("arg", nargs="?")
    arguments = parser.parse_args()
    answers = Answers(sys.stdout.buffer)
    if arguments.verb == "serve":
        serve(arguments.path, sys.stdin.buffer, answers)
        return 0
    if arguments.verb == "limited":
        return 0 if limited(arguments.path, answers) else 3
    last = answer(arguments.path, arguments.verb, arguments.arg, sys.stdin.buffer, answers)
    answers.line(last)
    return 0 if last["end"] == "ok" else 3


if __name__ == "__main__":
    sys.exit(main())
