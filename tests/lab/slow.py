"""Passes frames between two network devices later than they came, slower, or not at all.

slow.py ONE OTHER SECONDS LOSS RATE: each direction is SECONDS late, loses LOSS (0 to 1) of the frames, and lets RATE
bytes a second through (0: as many as come). It ends with its standard input; each byte there is answered by how often
so far somebody behind ONE had something to say after somebody behind OTHER had, over ssh: the round trips of whoever talks
to the host ONE.

Kernels have netem for that, but not each of them; this needs packet sockets only. Frames keep their virtio header, in
which a sender leaves segmenting and checksums to the device: so 64 KB pass as one frame (linux/virtio_net.h).
"""

import collections
import random
import select
import socket
import sys
import time

SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
EVERY_PROTOCOL = 3
LARGEST = 1 << 17
HEADER = 10  # bytes of virtio's
SSH = 22


class Turns:
    """Counts who speaks: a SYN is the first word."""

    def __init__(self):
        self.count, self.asked = 0, False

    def see(self, frame, answers):
        ip = frame[HEADER + 14:HEADER + 94]
        if len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != socket.IPPROTO_TCP:
            return
        tcp = ip[(ip[0] & 15) * 4:]
        ports = int.from_bytes(tcp[0:2], "big"), int.from_bytes(tcp[2:4], "big")
        payload = int.from_bytes(ip[2:4], "big") - (ip[0] & 15) * 4 - (tcp[12] >> 4) * 4
        if SSH not in ports or (payload <= 0 and not tcp[13] & 2):
            return
        self.count += answers and self.asked
        self.asked = not answers


class Direction:
    """Frames on their way from one device to another."""

    def __init__(self, source, target, late, loss, rate, see):
        self.source, self.target, self.see = source, target, see
        self.late, self.loss, self.rate = late, loss, rate
        self.waiting = collections.deque()
        self.free = 0.0  # when the line has passed everything that came so far

    def take(self):
        """Takes what has come."""
        while True:
            try:
                frame = self.source.recv(LARGEST)
            except BlockingIOError:
                return
            self.see(frame)
            if random.random() < self.loss:
                continue
            self.free = max(self.free, time.monotonic())
            if self.rate:
                self.free += len(frame) / self.rate
            self.waiting.append((self.free + self.late, frame))

    def give(self):
        """Passes on what is due."""
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            frame = self.waiting.popleft()[1]
            try:
                self.target.send(frame)
            except OSError:
                pass  # a full or dead device loses frames


def device(name):
    """A packet socket on a device, which sees what comes in only."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
    sock.setblocking(False)
    sock.bind((name, EVERY_PROTOCOL))
    return sock


def main(one, other, late, loss, rate):
    one, other = device(one), device(other)
    line = float(late), float(loss), float(rate)
    turns = Turns()
    directions = [Direction(one, other, *line, lambda frame: turns.see(frame, True)),
                  Direction(other, one, *line, lambda frame: turns.see(frame, False))]
    print("ready", flush=True)
    while True:
        due = [direction.waiting[0][0] for direction in directions if direction.waiting]
        pause = max(0.0, min(due) - time.monotonic()) if due else None
        ready = select.select([sys.stdin, one, other], [], [], pause)[0]
        if sys.stdin in ready:
            if not sys.stdin.buffer.raw.read(1):
                return
            print(turns.count, flush=True)
        for direction in directions:
            direction.take()
            direction.give()


main(*sys.argv[1:])
