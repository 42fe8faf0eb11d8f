"""A conversation: one request after another, for as long as somebody asks."""

import io


class Body:
    """The bytes of one request, as a stream that ends where they do."""

    def __init__(self, stream, length):
        self.stream, self.left = stream, length

    def read(self, size=-1):
        size = self.left if size is None or size < 0 else min(size, self.left)
        data = self.stream.read(size)
        self.left = self.left - len(data) if len(data) == size else 0  # it was cut off
        return data

    def drain(self):
        """What a verb left unread: the next request comes after it."""
        while self.left:
            self.read(min(self.left, 1 << 16))


def serve(path, stream, answers):
    """Answers requests until there are no more, or nobody to read the answers.

    Each is a line `LENGTH VERB [ARG]`, then LENGTH bytes, which are what the verb gets on stdin when it is called by
    itself; so are the lines that answer it, up to the one that has "end".
    """
    for requests in (io.BytesIO(globals().get("FIRST", b"")), stream):
        for line in iter(requests.readline, b""):
            length, verb, *arg = line.decode().split()
            body = Body(requests, int(length))
            answers.line(answer(path, verb, arg[0] if arg else None, body, answers))
            if answers.gone:
                return
            body.drain()
