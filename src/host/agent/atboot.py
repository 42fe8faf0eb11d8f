"""While a job changes what is live, the host's next start is told to put right what it would cut off."""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import sys
import tempfile

SYSTEMD = "/etc/systemd/system"
EMPTIED = ("/tmp/", "/run/", "/dev/shm/")  # nothing there outlives a start
UNIT = """[Unit]
Description=git-hostout puts right what was cut off
After=network.target

[Service]
Type=oneshot
User=root
ExecStart={command}
KillMode=process
SuccessExitStatus=3

[Install]
WantedBy=multi-user.target
"""


class AtBoot:
    """For root where systemd is: a unit, enabled by its link. Else a line in the user's crontab, where cron runs. It
    calls `recover`, which is nothing to do where a job has ended."""

    def __init__(self, layout):
        self.path = layout.path
        self.argv = [sys.executable, "-I", layout.own("agent"), "--path", layout.path, "recover"]
        self.name = f"git-hostout-recover-{hashlib.sha256(layout.path.encode()).hexdigest()[:16]}"
        self.unit = os.path.join(SYSTEMD, f"{self.name}.service")
        self.wanted = os.path.join(SYSTEMD, "multi-user.target.wants", f"{self.name}.service")

    def write(self):
        """Where it stands then; None where nothing here would do anything at a start."""
        if f"{self.path}/".startswith(EMPTIED):
            return None
        if by_systemd():
            write_whole(self.unit, UNIT.format(command=unit_command(self.argv)).encode())
            os.makedirs(os.path.dirname(self.wanted), 0o755, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.symlink(self.unit, self.wanted)
            sync_folder(os.path.dirname(self.wanted))
            return self.unit
        if by_cron():
            self.edit_crontab([f"@reboot {crontab_command(self.argv)} >/dev/null 2>&1 # {self.name}"])
            return "crontab"
        return None

    def remove(self):
        for path in (self.wanted, self.unit):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        if by_cron():
            self.edit_crontab([])

    def edit_crontab(self, ours):
        """Puts lines in the place of those that are ours; one of two stages of a user after the other."""
        home = os.open(pwd.getpwuid(os.getuid()).pw_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(home, fcntl.LOCK_EX)
            code, said = run(["crontab", "-l"], "/", 30, keep=None)
            if code != 0 and b"no crontab for" not in said:
                raise Failed("io", f"crontab -l {ending(code, 30)}", None, last_lines(said))
            before = said.decode("utf-8", "surrogateescape").splitlines() if code == 0 else []
            after = [line for line in before if not line.endswith(f"# {self.name}")] + ours
            if after != before:
                write_crontab(after)
        finally:
            os.close(home)


def by_systemd():
    return os.geteuid() == 0 and os.path.isdir("/run/systemd/system")


def by_cron():
    """Whether a line would be run: cron is there, and runs."""
    def name(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
            return file.read().strip()

    return bool(shutil.which("crontab", path=PATH)) and any(name(pid) in ("cron", "crond")
                                                            for pid in os.listdir("/proc") if pid.isdigit())


def write_crontab(lines):
    if not lines:
        code, said = run(["crontab", "-r"], "/", 30)
    else:
        text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            code, said = run(["crontab", file.name], "/", 30)
    if code != 0:
        raise Failed("io", f"the crontab could not be written: crontab {ending(code, 30)}", None, last_lines(said))


def unit_command(argv):
    """A command line of a unit that means `argv`; systemd.service(5), "Command lines"."""
    def quoted(word):
        for mark, meant in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("%", "%%"), ("$", "$$")):
            word = word.replace(mark, meant)
        return f'"{word}"'

    return " ".join(map(quoted, argv))


def crontab_command(argv):
    """The same for a line of a crontab, which a shell reads after cron has taken `%`; crontab(5)."""
    line = shlex.join(argv).replace("%", "\\%")
    if "\n" in line:
        raise Failed("io", "a crontab can't name a path with a line break")
    return line
