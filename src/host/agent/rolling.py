"""One program after the other from one release to another, while those beside it serve."""

import contextlib
import os

LISTENS = "0A"  # the state of a socket that takes connections; proc(5)


class Homes:
    """`.hostout/homes`: the release that a program runs from, where that isn't the live one: supervisord and what was
    not started anew live on across releases. Without the file all run from the live release."""

    def __init__(self, layout):
        self.layout, self.path = layout, layout.own("homes")

    def read(self):
        return (read_json(self.path) or {}).get("programs", {})

    def write(self, homes):
        if homes:
            write_json(self.path, {"format": FORMAT, "programs": homes})
        else:
            self.forget()

    def forget(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def folders(self):
        """The folder of each program's release."""
        return {name: self.layout.release(version) for name, version in self.read().items()}


def services_here(layout, version, settings, log=None):
    """The services of a release of `layout`, each program where it runs from."""
    return services_of(layout.release(version), settings, log, Homes(layout).folders())


class Roll:
    """Takes the programs of an activation from release to release. The plan says which: each with "name", "client",
    "was" (the old release has it), "is" (the new one has it) and "restart". Clients answer visitors; each must answer
    by itself before the next one is stopped. `current` names the target already: scripts and supervisor's
    configuration are read through it. A host whose programs are all down starts them all at once."""

    def __init__(self, activation, programs):
        self.activation, self.programs, self.homes = activation, programs, Homes(activation.layout)

    def to(self, version):
        """Forward to the activation's new release, or back to its old one."""
        back = version == self.activation.old
        has, other = ("was", "is") if back else ("is", "was")
        homes = self.where(version)
        services = self.activation.services(version)
        if not services.up():
            self.activation.start(version)
            return
        for program in reversed(self.programs) if back else self.programs:
            name, there = program["name"], bool(services.pids(program["name"]))
            if there and program[has] and (not program["restart"] or homes.get(name, version) == version):
                continue
            if not there and not program[has]:
                continue
            self.one(version, program, program[has], back)
            homes = self.homes.read()
        self.homes.write({name: home for name, home in homes.items() if home != version})

    def where(self, version):
        """Every program's release, written down before the first one moves: from here on the live one tells nothing."""
        homes = self.homes.read()
        old, new = self.activation.old, self.activation.new
        before = new if version == old else old
        if not homes or not all(program["name"] in homes for program in self.programs):
            homes = {**{program["name"]: before for program in self.programs}, **homes}
            self.homes.write(homes)
        return homes

    def one(self, version, program, wanted, back):
        activation, name = self.activation, program["name"]
        services = activation.services(version)
        places = self.listening(services.pids(name)) if program["client"] else []
        alike = self.places_of_a_client(services) if program["client"] else 0
        if program["client"]:
            self.hook(back, "before-stop", name)
        activation.step("stop", name)
        services.stop_one(name)
        if not wait_until(lambda: all(refusal(place, 2) for place in places), 10, 0.25):
            raise Failed("stop", f"{' and '.join(places)} still answers after {name} was stopped",
                         "find out who else serves it")
        self.homes.write({**self.homes.read(), name: version})
        if not wanted:
            services.drop_one(name)
            return
        activation.step("start", f"{name} of {version}")
        activation.services(version).start_one(name)
        if program["client"]:
            self.probe(version, name, alike)
            self.hook(back, "after-start", name)

    def hook(self, back, hook, name):
        """On the way back a hook stops nothing."""
        if back:
            self.activation.spared(self.activation.hook, hook, HOSTOUT_PROGRAM=name)
        else:
            self.activation.hook(hook, HOSTOUT_PROGRAM=name)

    def places_of_a_client(self, services):
        """In how many places one listens: they are alike, and this one may be down."""
        clients = [program["name"] for program in self.programs if program["client"]]
        return max(len(self.listening(services.pids(name))) for name in clients)

    def listening(self, pids):
        """Where processes are reached, which only whoever they run as may see."""
        return in_runtime(self.activation.layout, "listening", pids=pids)

    def probe(self, version, name, count):
        """A client is asked where it listens, in `count` places at least, for what the release as a whole is asked for."""
        asked = self.activation.request.get("health") if version == self.activation.new else None
        checks, services = self.activation.checks(version, asked), Only(self.activation.services(version), name)
        places = []

        def listens():
            places[:] = self.listening(services.pids())
            return len(places) >= count

        if not wait_until(listens, checks.table.get("timeout", 60), 0.25):
            dead = [look["name"] for look in services.look() if look["state"] != "running"]
            raise Failed("unhealthy", f"{name} of {version} runs and takes no connections",
                         "what takes none by TCP can't be taken over alone: strategy = \"all-at-once\"",
                         services.log_tail(dead)[-20:])
        for place in places or [""]:
            self.activation.step("probe", f"{name} {place}".strip())
            table = {key: value for key, value in checks.table.items() if key not in ("http", "tcp", "command")}
            table["http"] = at_place(checks.http, place)
            self.activation.probe_with(services, Checks(table, version, checks.release, checks.env), 0)


class Only:
    """One program of some services."""

    def __init__(self, services, name):
        self.services, self.name, self.REVIVED, self.BLIND = services, name, services.REVIVED, services.BLIND

    def look(self):
        return [look for look in self.services.look() if look["name"].partition(":")[0] == self.name]

    def pids(self):
        return self.services.pids(self.name)

    def log_tail(self, troubled=()):
        return self.services.log_tail(troubled)


def at_place(address, place):
    """The same page of another server; nothing where that isn't plain HTTP."""
    import urllib.parse
    parts = urllib.parse.urlsplit(address or "")
    return urllib.parse.urlunsplit(parts._replace(netloc=place)) if place and parts.scheme == "http" else None


def listening(pids):
    """Where processes and those below them take TCP connections, as `HOST:PORT`."""
    everyone = {process for pid in pids for process in (pid, *descendants(pid))}
    inodes = {inode for pid in everyone for inode in sockets_of(pid)}
    return {place for inode, place in listeners() if inode in inodes}


def sockets_of(pid):
    found = set()
    with contextlib.suppress(OSError):
        for handle in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                name = os.readlink(f"/proc/{pid}/fd/{handle}")
                if name.startswith("socket:["):
                    found.add(name[8:-1])
    return found


def listeners():
    """Every socket that takes connections: its inode, and where it is reached from here; proc_net_tcp.txt of Linux."""
    for family in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/net/{family}", encoding="ascii") as file:
            for line in file:
                words = line.split()
                if len(words) > 9 and words[3] == LISTENS:
                    host, _, port = words[1].partition(":")
                    yield words[9], place_of_hex(host, int(port, 16))


def place_of_hex(text, port):
    import ipaddress
    data = bytes.fromhex(text)
    address = ipaddress.ip_address(b"".join(data[n:n + 4][::-1] for n in range(0, len(data), 4)))
    if address.is_unspecified:
        address = "127.0.0.1" if address.version == 4 else "::1"
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
