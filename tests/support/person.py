"""A person at a real terminal: types each answer as soon as its prompt is seen, and prints all that was seen.

An answer SIGTERM is sent as the signal. Whoever waits for something for five minutes gives up.

usage: person.py PROMPT ANSWER [PROMPT ANSWER]... -- PROGRAM [ARGUMENT]...
"""
import os
import pty
import signal
import sys
import termios

cut = sys.argv.index("--")
words, argv = sys.argv[1:cut], sys.argv[cut + 1:]
answers = list(zip(words[::2], words[1::2]))
pid, fd = pty.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as a shell would have it
    os.execvp(argv[0], argv)
seen, start = b"", 0


def give_up(*_):
    sys.exit("(nothing happens after this)\n" + seen.decode(errors="replace"))


signal.signal(signal.SIGALRM, give_up)
signal.alarm(300)
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        more = b""
    if not more:
        break
    seen += more
    if answers and answers[0][0].encode() in seen[start:]:
        start = len(seen)
        answer = answers.pop(0)[1]
        if answer == "SIGTERM":
            os.kill(pid, signal.SIGTERM)
        else:
            os.write(fd, answer.encode())
sys.stdout.buffer.write(seen.replace(b"\r\n", b"\n"))
if not termios.tcgetattr(fd)[3] & termios.ECHO:
    print("(and what is typed is not shown any more)")
sys.stdout.flush()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
