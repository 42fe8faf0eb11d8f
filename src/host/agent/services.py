"""Start, stop and look at what a release runs, by kind."""

import contextlib
import glob
import os
import re

# One class a kind. `look` tells [{"name", "state", "detail"}] with state running, starting, stopped, failed or unknown;
# it judges by what is said and what runs, never by an exit status alone.


THROUGH_CURRENT = (".hostout", "supervisord")  # below a release


class NoServices:
    """kind = none."""

    REVIVED = True  # whether something may start anew what has stopped
    BLIND = False  # whether nothing tells what runs

    def __init__(self, release, table, log=None, homes=None):
        self.release, self.table, self.log, self.homes = release, table, log, homes or {}
        self.user = runtime_user(os.path.dirname(os.path.dirname(release)))

    def start(self):
        """Nothing to start."""

    def stop(self):
        """Nothing to stop."""

    def look(self):
        return []

    def log_tail(self, _troubled=()):
        """What was last said, by programs that are known to be in trouble above all."""
        return []

    def rolls(self):
        """Whether its programs can be stopped and started one by one, from one release to another (`Roll`)."""
        return False

    def script(self, name, *arguments, timeout=60, log=None):
        release = self.homes.get(name, self.release)
        return run([os.path.join(release, "bin", name), *arguments], release, timeout, log, user=self.user)


class Supervisor(NoServices):
    """kind = supervisor: collective.recipe.supervisor. Started anew each time, or it would run the old release."""

    STATES = {"RUNNING": "running", "STARTING": "starting", "BACKOFF": "starting", "STOPPING": "starting",
              "STOPPED": "stopped", "EXITED": "failed", "FATAL": "failed", "UNKNOWN": "unknown"}

    def start(self):
        code, said = run([self.through_current()], self.release, 120, self.log, user=self.user)
        if code != 0:
            raise Failed("start", f"bin/supervisord {ending(code, 120)}", None, last_lines(said))
        if not wait_until(lambda: self.pid() and alive(self.pid(), "supervisord"), 10):
            raise Failed("start", "bin/supervisord left no running process", None, last_lines(said))
        # Two buildouts on one host easily share supervisor's default port: ask who answers there.
        _, said = self.script("supervisorctl", "pid")
        if said.split()[-1:] != [str(self.pid()).encode()]:
            raise Failed("start", "another supervisor answers bin/supervisorctl", "give each its own port or socket",
                         last_lines(said))

    def stop(self):
        pid = self.pid()
        if not pid or not alive(pid, "supervisord"):
            return
        programs = descendants(pid)
        self.script("supervisorctl", "shutdown", log=self.log)
        if not end_process(pid, "supervisord", self.patience()):
            raise Failed("stop", f"supervisord (process {pid}) does not stop")
        # What outlives it would be a second instance beside the new release's.
        if not end_orphans(programs):
            raise Failed("stop", f"programs of supervisord (process {pid}) do not stop")

    def through_current(self):
        """`bin/supervisord` as it reads its configuration through `current`: the live release's, whichever that will
        be when it is told to read it again."""
        script, own = os.path.join(self.release, "bin", "supervisord"), os.path.join(self.release, *THROUGH_CURRENT)
        current = os.path.join(os.path.dirname(os.path.dirname(self.release)), "current")
        parts = os.path.join(self.release, "parts") + os.sep
        with open(script, encoding="utf-8") as file:
            text = file.read()
        conf = re.search(re.escape(parts) + r"[^/\"']+/supervisord\.conf", text)
        if not conf or not os.path.exists(current) or not os.path.samefile(current, self.release):
            return script
        through = os.path.join(current, os.path.relpath(conf[0], self.release))
        try:
            write_whole(own, text.replace(conf[0], through).encode(), 0o755)
        except OSError:  # a full disk keeps no site down: it can't be taken over one by one, that is all
            return script
        return own

    def up(self):
        pid = self.pid()
        return bool(pid and alive(pid, "supervisord"))

    def rolls(self):
        """supervisord must read its configuration through `current`, and be found there by every release."""
        files = [self.conf("pidfile", "var/supervisord.pid"),
                 *(os.path.join(self.release, parser.get("unix_http_server", "file"))
                   for parser in self.configurations() if parser.has_option("unix_http_server", "file"))]
        outside = all(os.path.commonpath([os.path.realpath(file), os.path.realpath(self.release)]) !=
                      os.path.realpath(self.release) for file in files)
        return outside and self.up() and alive(self.pid(), os.path.join(*THROUGH_CURRENT))

    def pids(self, name):
        """The processes of a program; supervisor has a group of its name for each."""
        if name == "supervisord":
            return [self.pid()] if self.up() else []
        looks = [look for look in self.look() if look["name"].partition(":")[0] == name]
        return [int(pid) for look in looks for pid in re.findall(r"pid (\d+)", look["detail"])]

    def stop_one(self, name):
        self.script("supervisorctl", "stop", f"{name}:*", timeout=self.patience(), log=self.log)
        if self.pids(name):
            raise Failed("stop", f"{name} does not stop")

    def start_one(self, name):
        """`update` reads the configuration again, and takes over what it says of this program alone."""
        _, said = self.script("supervisorctl", "update", name, log=self.log)
        _, more = self.script("supervisorctl", "start", f"{name}:*", timeout=120, log=self.log)
        if not wait_until(lambda: self.pids(name) or "ERROR" in more.decode("utf-8", "replace"), START_SECONDS, 0.25) \
                or not self.pids(name):
            raise Failed("start", f"{name} does not run after start", None, last_lines(said + more))

    def drop_one(self, name):
        self.script("supervisorctl", "update", name, log=self.log)

    def look(self):
        pid = self.pid()
        if not pid or not alive(pid, "supervisord"):
            return [{"name": "supervisord", "state": "stopped", "detail": "not running"}]
        code, said = self.script("supervisorctl", "status")
        programs = []
        for line in said.decode("utf-8", "replace").splitlines():
            words = line.split(None, 2)
            if len(words) >= 2 and words[1] in self.STATES:
                programs.append({"name": words[0], "state": self.STATES[words[1]],
                                 "detail": words[2] if len(words) > 2 else ""})
        # A program with autostart=false is meant to be stopped, as long as others run.
        running = any(program["state"] == "running" for program in programs)
        programs = [p for p in programs if not (running and p["detail"] == "Not started")]
        if not programs and code != 0:
            return [{"name": "supervisord", "state": "unknown", "detail": " ".join(last_lines(said, 1))}]
        return programs

    def log_tail(self, _troubled=()):
        """Of the programs that don't run; where all run, of all."""
        programs = [program for program in self.look() if program["name"] != "supervisord"]
        lines = []
        for program in [p for p in programs if p["state"] != "running"] or programs:
            for channel in ("stdout", "stderr"):
                code, said = self.script("supervisorctl", "tail", "-4000", program["name"], channel)
                lines += [f"{program['name']}: {line}" for line in last_lines(said, 20)] if code == 0 else []
        return lines or tail_of(self.conf("logfile", "var/log/supervisord.log"), 20)

    def patience(self):
        """How long its programs may take to stop, one after the other, before it kills them itself; in seconds."""
        seconds = [parser.get(section, "stopwaitsecs", fallback="10") for parser in self.configurations()
                   for section in parser.sections() if section.partition(":")[0] in ("program", "fcgi-program")]
        return 20 + sum(int(text) for text in seconds if text.isdigit())

    def pid(self):
        try:
            with open(self.conf("pidfile", "var/supervisord.pid"), encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def conf(self, key, default):
        """A file that supervisord.conf names."""
        for parser in self.configurations():
            if parser.has_option("supervisord", key):
                return os.path.join(self.release, parser.get("supervisord", key))
        return os.path.join(self.release, default)

    def configurations(self):
        """Its supervisord.conf, from whichever part made it."""
        import configparser
        for path in sorted(glob.glob(os.path.join(glob.escape(self.release), "parts", "*", "supervisord.conf"))):
            parser = configparser.RawConfigParser(inline_comment_prefixes=(";", " #"), strict=False)
            with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
                parser.read(path, encoding="utf-8")
                yield parser


class Zope(NoServices):
    """kind = zope: control scripts of zope2instance and zeoserver. Their exit status means nothing."""

    REVIVED = False

    def __init__(self, release, table, log=None, homes=None):
        super().__init__(release, table, log, homes)
        self.seen = {}  # running ones: {name: (process, when it was started, what its script said)}

    def start(self):
        for name in self.table["scripts"]:
            self.start_one(name)

    def stop(self):
        for name in reversed(self.table["scripts"]):
            self.stop_one(name)

    def start_one(self, name):
        _, said = self.script(name, "start", timeout=120, log=self.log)
        if not wait_until(lambda: self.state(name)["state"] == "running", START_SECONDS, 0.5):
            raise Failed("start", f"bin/{name} does not run after start", None, last_lines(said))

    def stop_one(self, name):
        self.script(name, "stop", timeout=120, log=self.log)
        if wait_until(lambda: self.state(name)["state"] == "stopped", STOP_SECONDS, 0.5):
            return
        pid = self.pid(self.state(name))
        if not pid or not end_process(pid, "", patience=0):
            raise Failed("stop", f"bin/{name} does not stop")

    def drop_one(self, name):
        """A script that is not called any more is gone."""

    def up(self):
        return any(self.pids(name) for name in self.table["scripts"])

    def rolls(self):
        return True

    def pids(self, name):
        pid = self.pid(self.state(name))
        return [pid] if pid else []

    def look(self):
        return [self.state(name) for name in self.table["scripts"]]

    def state(self, name):
        """A control script takes a second of a processor, which the Zope that starts beside it needs: a process that
        was seen to run is only looked for."""
        pid, since, detail = self.seen.get(name, (None, None, ""))
        if since is None or born(pid)[1] != since:
            code, said = self.script(name, "status")
            detail = " ".join(last_lines(said, 1))
        if "program running; pid=" in detail:
            # A manager can miss the end of a program that dies at once, and calls it running for good.
            state = "running" if exists(self.pid({"detail": detail})) else "starting"
        elif "daemon process not running" in detail:  # its manager is about to start it again
            state = "starting"
        else:
            state = "stopped" if "not running" in detail else "unknown" if code == 0 else "failed"
        look = {"name": name, "state": state, "detail": detail}
        pid = self.pid(look)
        self.seen[name] = (pid, born(pid)[1] if pid else None, detail)
        return look

    @staticmethod
    def pid(look):
        found = re.search(r"pid=(\d+)", look["detail"])
        return int(found[1]) if found else None

    def log_tail(self, troubled=()):
        logs = {name: tail_of(os.path.join(self.release, "var", "log", f"{name}.log"), 20)
                for name in self.table["scripts"]}
        said = {name: self.last_words(name) for name in troubled}
        return [f"{name}: {line}" for found in (logs, said) for name, lines in found.items() for line in lines]

    def last_words(self, name):
        """What a daemon says before its log is open goes nowhere: in the foreground it dies the same way, aloud."""
        self.script(name, "stop", timeout=120, log=self.log)
        _, said = self.script(name, "fg", timeout=LAST_WORDS_SECONDS, log=self.log)
        self.script(name, "start", timeout=120, log=self.log)  # as it was found: it may be kept by choice
        return last_lines(said, 20)


class Commands(NoServices):
    """kind = command: the user's own, each given to `sh -c` in the release directory."""

    def __init__(self, release, table, log=None, homes=None):
        super().__init__(release, table, log, homes)
        self.BLIND = not table.get("status")

    def shell(self, key, timeout=120):
        return run(["sh", "-c", self.table[key]], self.release, timeout, self.log if key != "status" else None,
                   user=self.user)

    def start(self):
        code, said = self.shell("start")
        if code != 0:
            raise Failed("start", f"the start command {ending(code, 120)}", None, last_lines(said))

    def stop(self):
        code, said = self.shell("stop")
        stopped = lambda: self.look()[0]["state"] == "stopped"  # noqa: E731
        if not self.table.get("status"):
            if code != 0:
                raise Failed("stop", f"the stop command {ending(code, 120)}", None, last_lines(said))
        elif not wait_until(stopped, STOP_SECONDS, 0.5):
            raise Failed("stop", "the status command says that it runs on after stop",
                         "let the stop command wait for its end, and kill what doesn't end", last_lines(said))

    def look(self):
        if not self.table.get("status"):
            return [{"name": "command", "state": "unknown", "detail": "there is no status command"}]
        code, said = self.shell("status", 30)
        return [{"name": "command", "state": "stopped" if code else "running",
                 "detail": " ".join(last_lines(said, 1))}]

    def log_tail(self, _troubled=()):
        return tail_of(os.path.join(self.release, self.table["log"]), 20) if self.table.get("log") else []


KINDS = {"none": NoServices, "supervisor": Supervisor, "zope": Zope, "command": Commands}


def services_of(release, settings, log=None, homes=None):
    table = (settings or {}).get("buildout", {}).get("services", {"kind": "none"})
    if table["kind"] not in KINDS:
        raise Failed("newer-format", f"services of kind {table['kind']} are not known to this agent")
    return KINDS[table["kind"]](release, table, log, homes)
