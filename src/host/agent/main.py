"""One verb a run; whatever happens becomes the last line."""

import argparse
import os
import sys
import traceback


def answer(arguments, stream, answers):
    """Runs one verb; whatever happens becomes the last line."""
    try:
        layout = Layout(arguments.path)
        return VERBS[arguments.verb](layout, arguments.arg, stream, answers)
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
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("arg", nargs="?")
    arguments = parser.parse_args()
    answers = Answers(sys.stdout.buffer)
    last = answer(arguments, sys.stdin.buffer, answers)
    answers.line(last)
    return 0 if last["end"] == "ok" else 3


if __name__ == "__main__":
    sys.exit(main())
