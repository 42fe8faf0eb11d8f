"""What counts as healthy, asked of real servers, connections and commands."""

import contextlib
import http.server
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support

agent = support.load()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every request as its server was told."""

    def do_GET(self):
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        """Nothing."""


class Asked(unittest.TestCase):
    def serve(self, status, body=b"", **headers):
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        server.status, server.body = status, body
        server.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/x?y"

    @staticmethod
    def checks(**table):
        return agent.Checks(table, "1", "/", {"HOSTOUT_RELEASE": "1"})

    def complaint(self, **table):
        return self.checks(**table).complaint()


class Http(Asked):
    def test_the_status_must_be_the_expected_one(self):
        self.assertIsNone(self.complaint(http=self.serve(200), status=[200, 299]))
        self.assertIsNone(self.complaint(http=self.serve(401), status=[401, 401]))
        self.assertIn("answers 404", self.complaint(http=self.serve(404), status=[200, 299]))
        self.assertIn("refused", self.complaint(http=f"http://127.0.0.1:{support.free_port()}/"))
        self.assertIn("answers 200", self.complaint(http=self.serve(200), status=[401, 401]))

    def test_a_redirect_to_a_login_page_is_not_healthy_unless_it_is_meant(self):
        place = self.serve(302, Location="https://shop/login?came_from=s3cret")
        complaint = self.complaint(http=place, status=[200, 299])
        self.assertIn("redirects to https://shop/login (status 302)", complaint)
        self.assertIn("status = 302", complaint)
        self.assertNotIn("s3cret", complaint)
        self.assertIsNone(self.complaint(http=place, status=[200, 399]))

    def test_releases_from_before_statuses_are_asked_as_they_were(self):
        self.assertIsNone(self.complaint(http=self.serve(302, Location="/login")))

    def test_another_releases_answer_does_not_count(self):
        self.assertIsNone(self.complaint(http=self.serve(200, X_Hostout_Release="1")))
        self.assertIn("release 0", self.complaint(http=self.serve(200, X_Hostout_Release="0")))

    def test_the_text_must_be_in_the_body(self):
        place = self.serve(200, "Grüße".encode())
        self.assertIsNone(self.complaint(http=place, text="Grüße"))
        self.assertIn("without the text 'Welcome'", self.complaint(http=place, text="Welcome"))

    def test_the_header_must_match(self):
        place = self.serve(200, X_Site="shop")
        self.assertIsNone(self.complaint(http=place, header="x-site:shop"))
        self.assertIn("without the header X-Site: blog", self.complaint(http=place, header="X-Site: blog"))
        self.assertIn("without the header X-Nothing", self.complaint(http=place, header="X-Nothing: shop"))

    def test_an_address_that_is_none_is_a_complaint(self):
        for address in ("http://127.0.0.1:99999/", "http://[::1/", "http://127.0.0.1/a b"):
            self.assertTrue(self.complaint(http=address), address)


def saying(test, text):
    """The address of one who answers a request with `text`, and hangs up."""
    server = socket.create_server(("127.0.0.1", 0))

    def say():
        with contextlib.suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(text)

    threading.Thread(target=say, daemon=True).start()
    test.addCleanup(server.close)
    return f"127.0.0.1:{server.getsockname()[1]}"


def dripping(test, first):
    """The address of one who says `first`, and then a byte of a header or page at a time, for ever."""
    server = socket.create_server(("127.0.0.1", 0))

    def drip():
        with contextlib.suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.sendall(first)
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.1)

    threading.Thread(target=drip, daemon=True).start()
    test.addCleanup(server.close)
    return f"127.0.0.1:{server.getsockname()[1]}"


class Others(Asked):
    def test_a_port_must_take_connections(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            self.assertIsNone(self.complaint(tcp=address))
            self.assertEqual(self.checks(tcp=address).served(), [address])
        self.assertIn(f"{address} accepts no connection", self.complaint(tcp=address))
        self.assertEqual(self.checks(tcp=address).served(), [])

    def test_a_command_must_end_with_0(self):
        command = lambda script, timeout=9: {"argv": ["sh", "-c", script], "timeout": timeout}  # noqa: E731
        self.assertIsNone(self.complaint(command=command("test $HOSTOUT_RELEASE = 1")))
        self.assertEqual(self.complaint(command=command("echo no disk; exit 3")),
                         "sh -c 'echo no disk; exit 3' ended with status 3: no disk")
        self.assertEqual(self.complaint(command=command("sleep 600", 1)),
                         "sh -c 'sleep 600' did not end within 1 s and was killed")
        long = self.complaint(command=command("printf %5000d 1 # '\n'\nexit 3"))
        self.assertTrue(long.endswith("…") and "\\n" in long, long)
        self.assertLess(len(long), 500)
        self.assertIn("nowhere", self.complaint(command={"argv": ["nowhere"], "timeout": 1}))

    def test_an_answer_that_never_ends_is_waited_for_no_longer_than_one_that_never_comes(self):
        for first in (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"):
            address = f"http://{dripping(self, first)}/"
            since, answer = time.monotonic(), agent.ask(address, 1)
            self.assertLess(time.monotonic() - since, 30)
            self.assertEqual((answer.status, answer.error, answer.served), (None, "timed out", True))

    def test_an_answer_that_is_cut_off_is_none(self):
        ok, length = b"HTTP/1.1 200 OK\r\n", b"Content-Length: 100000\r\n"
        for text in (ok, ok + length + b"X-Half", ok + length + b"X-Whole: x\r\n", ok + length + b"\r\n",
                     ok + length + b"\r\npage", ok + b"Transfer-Encoding: chunked\r\n\r\n8\r\npage",
                     ok + b"Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n"):
            address = f"http://{saying(self, text)}/"
            self.assertEqual(self.complaint(http=address), f"{address}: the answer was cut off", text)
        for text in (ok + b"\r\npage", ok + b"Content-Length: 4\r\n\r\npage", ok + b"Content-Length: 0\r\n\r\n",
                     b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n",
                     ok + b"Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n"):
            self.assertIsNone(self.complaint(http=f"http://{saying(self, text)}/"), text)

    def test_who_still_answers_is_told_from_a_proxy_in_front(self):
        self.assertEqual(self.checks(http=self.serve(502)).served(), [])
        self.assertEqual(len(self.checks(http=self.serve(404)).served()), 1)
        self.assertEqual(self.checks(http=f"http://127.0.0.1:{support.free_port()}/").served(), [])

    def test_a_server_that_hangs_is_still_there(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"http://127.0.0.1:{server.getsockname()[1]}/"
            self.assertEqual(self.checks(http=address).served(), [address])

    def test_other_checks_for_once(self):
        layout, settings = agent.Layout("/srv/x"), {"buildout": {"health": {"tcp": "a:1", "text": "x", "stable": 9}}}
        self.assertFalse(agent.checks_of(layout, "1", settings, "none"))
        other = agent.checks_of(layout, "1", settings, "http://b/")
        self.assertEqual(other.table, {"http": "http://b/", "status": (200, 299), "stable": 9})


class Services:
    """Processes as a test tells them: one look after the other, the last one again and again."""

    REVIVED, BLIND = True, False

    def __init__(self, *looks):
        self.looks, self.seen = list(looks), 0

    def look(self):
        state, _, detail = self.looks[min(self.seen, len(self.looks) - 1)].partition(" ")
        self.seen += 1
        return [{"name": "web", "state": state, "detail": detail}]

    @staticmethod
    def log_tail(troubled):
        return ["the last words", *troubled]


class Probing(Asked):
    def setUp(self):
        before = agent.LOOK_SECONDS
        agent.LOOK_SECONDS = 0
        self.addCleanup(setattr, agent, "LOOK_SECONDS", before)

    def probe(self, services, stable=0, seconds=10, **table):
        agent.probe(services, self.checks(interval=0, **table), seconds, stable)

    def unhealthy(self, *looks, **more):
        with self.assertRaises(agent.Failed) as caught:
            self.probe(Services(*looks), **more)
        self.assertEqual(caught.exception.kind, "unhealthy")
        self.assertEqual(caught.exception.output[:1], ["the last words"])
        self.troubled = caught.exception.output[1:]
        return caught.exception.message

    def test_what_is_not_known_is_no_good_sign_where_it_could_be(self):
        self.assertIn("web unknown no socket", self.unhealthy("unknown no socket", seconds=0.1))
        blind = Services("unknown there is no status command")
        blind.BLIND = True
        self.probe(blind)

    def test_processes_must_be_the_same_ones_twice(self):
        services = Services("running pid 1", "running pid 2", "running pid 3", "running pid 3")
        self.probe(services)
        self.assertEqual(services.seen, 4)

    def test_a_crash_loop_is_counted_by_restarts(self):
        looks = [f"running pid {number // 2}" for number in range(2, 10)]
        self.assertIn("web crashes in a loop: it was started anew 3 times", self.unhealthy(*looks, stable=3600))
        self.assertEqual(self.troubled, ["web"])

    def test_one_that_dies_in_the_window_is_found_out(self):
        looks = ["running pid 1"] * 4 + ["failed exited"]
        self.assertIn("web failed exited", self.unhealthy(*looks, stable=3600))

    def test_one_that_nothing_starts_anew_is_not_waited_for(self):
        services = Services("starting", "running pid 1", "stopped daemon manager not running")
        services.REVIVED = False
        with self.assertRaises(agent.Failed) as caught:
            self.probe(services, stable=3600, seconds=3600)
        self.assertIn("web stopped", caught.exception.message)

    def test_it_must_be_healthy_as_often_as_is_asked(self):
        services = Services("running pid 1", "running pid 1", "starting", "running pid 1")
        self.probe(services, successes=3)
        self.assertEqual(services.seen, 7, "what is wrong in between begins it anew")

    def test_what_never_gets_healthy_ends_with_its_last_complaint(self):
        self.assertIn("web starting", self.unhealthy("starting", seconds=0))
        self.assertEqual(self.troubled, ["web"])

    def test_what_runs_and_does_not_answer_is_in_no_trouble_of_its_own(self):
        nobody = f"http://127.0.0.1:{support.free_port()}/"
        self.assertIn("refused", self.unhealthy("running pid 1", seconds=0.1, http=nobody))
        self.assertEqual(self.troubled, [])

    def test_where_nothing_runs_and_nothing_is_asked_there_is_nothing_to_wait_for(self):
        agent.probe(agent.NoServices("/", {}), self.checks(), 10, 3600)


if __name__ == "__main__":
    unittest.main()
