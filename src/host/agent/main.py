"""One verb a run, or a conversation; whatever happens becomes the last line."""

import argparse
import os
import sys
import traceback


def answer(path, verb, arg, stream, answers):
    """Runs one verb; whatever happens becomes the last line."""
    try:
        if verb not in VERBS:
            raise Failed("bad-request", f"this agent ({AGENT_VERSION}) has no verb {verb!r}")
        return VERBS[verb](Layout(path), arg, stream, answers)
    except Failed as failure:
        return failure.answer()
    except OSError as error:
        return failed_by_system(error).answer()
    except Exception as error:  # the end marker must come: without it the client can't tell a bug from a lost line
        traceback.print_exc()
        return Failed("bug", f"a bug in the agent: {error!r}").answer()


def main():
    os.umask(0o022)
    parser = argparse.ArgumentParser(prog="agent", description="git-hostout's agent on a host")
    parser.add_argument("--path", required=True)
    parser.add_argument("verb", choices=["serve", *sorted(VERBS)])
    parser.add_argument("arg", nargs="?")
    arguments = parser.parse_args()
    answers = Answers(sys.stdout.buffer)
    if arguments.verb == "serve":
        serve(arguments.path, sys.stdin.buffer, answers)
        return 0
    last = answer(arguments.path, arguments.verb, arguments.arg, sys.stdin.buffer, answers)
    answers.line(last)
    return 0 if last["end"] == "ok" else 3


if __name__ == "__main__":
    sys.exit(main())
