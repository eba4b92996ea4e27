"""Slow clients in front of nginx with the configuration of compose.yaml: no page waits for them."""

import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from ledger.server.gunicorn_settings import threads, workers
from tests.attacks.expected_headers import wrong_headers
from tests.ledger.own_site import Site, own_site
from tests.ledger.processes import LONG, wait_until
from tests.nginx import NEEDS_NGINX, nginx_of_containers

pytestmark = NEEDS_NGINX
# With a token in a cookie, the CSRF check reads the body to compare it.
SLOW_HEAD = (
    b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
)
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
# Sixty answers of 285 KB, of which it reads none.
UNREAD = b"GET /static/admin/js/vendor/jquery/jquery.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 60
KINDS = (
    SLOW_HEAD,
    SLOW_HEAD + FORM + b"Content-Length: 1000\r\n\r\na=",
    SLOW_HEAD + FORM + b"Content-Length: 1000000\r\n\r\na=",
    SLOW_HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\nffff\r\na",
    SLOW_HEAD + FORM + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
    UNREAD,
    # It has its answer, but does not close.
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
)
TIMEOUTS = ("client_header_timeout", "client_body_timeout", "send_timeout")
ONE_SECOND, TEN_MINUTES = dict.fromkeys(TIMEOUTS, "1s"), dict.fromkeys(TIMEOUTS, "10m")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_site(LEDGER_GRACE="5") as found:
        yield found


def test_slow_clients_of_every_kind_hold_no_page_back(site: Site) -> None:
    """However long the pages take: nginx cuts nobody off meanwhile."""
    with nginx_of_containers(site.port, **TEN_MINUTES) as port, slow_clients(port) as clients:
        with trickling(clients):
            for _ in range(2 * workers):  # so that each worker is asked
                assert answer(port, "GET", "/healthz").status == 200
                upload = b"a=" + b"b" * 100_000
                assert answer(port, "POST", "/account/login/", upload).status == 413
        assert not any(map(is_cut_off, clients[: len(KINDS) - 1]))


def test_slow_clients_of_every_kind_are_cut_off(site: Site) -> None:
    with nginx_of_containers(site.port, **ONE_SECOND) as port, slow_clients(port) as clients:
        wait_until(lambda: all(map(is_cut_off, clients)))


class FewThreads(HTTPServer):
    """A server of two threads, whose answers have 20 MB: more than the kernel keeps of one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), LargeAnswer)
        self.pool, self.ended = ThreadPoolExecutor(2), list[int]()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.pool.submit(self._answer, request, client_address)

    def _answer(self, request: Any, client_address: Any) -> None:
        self.finish_request(request, client_address)
        self.shutdown_request(request)
        self.ended.append(1)


class LargeAnswer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 20000000\r\n\r\n" + bytes(20_000_000))

    def log_message(self, *_record: object) -> None:
        """Writes nothing."""


def test_answers_that_nobody_reads_hold_no_thread() -> None:
    with FewThreads() as server, ExitStack() as stack:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        stack.callback(serving.join)
        stack.callback(server.shutdown)
        port = stack.enter_context(nginx_of_containers(server.server_port))
        for _ in range(6):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: len(server.ended) == 6)


def test_an_answer_through_it_has_our_headers_and_no_version(site: Site) -> None:
    with nginx_of_containers(site.port) as port:
        headers = CaseInsensitiveMapping(dict(answer(port, "GET", "/healthz").headers.items()))
        assert wrong_headers(headers) == ["Server"]
        assert headers["Server"] == "nginx"
        assert answer(port, "POST", "/", b"a" * 34 * 1024**2).headers["Server"] == "nginx"


@contextmanager
def slow_clients(port: int) -> Iterator[list[socket.socket]]:
    """Twice as many as there are threads, of each kind."""
    with ExitStack() as stack:
        clients = []
        for start in KINDS * 2 * workers * threads:
            clients.append(stack.enter_context(socket.socket()))
            if start is UNREAD:
                clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            clients[-1].connect(("127.0.0.1", port))
            clients[-1].sendall(start)
        yield clients


@contextmanager
def trickling(clients: list[socket.socket]) -> Iterator[None]:
    """They send one byte more now and then."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.2):
            for each in clients:
                with suppress(OSError):
                    each.send(b"a")

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()


def answer(port: int, method: str, path: str, body: bytes | None = None) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=LONG / 2)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": "localhost"}
        connection.request(method, path, body, headers)
        found = connection.getresponse()
        found.read()
        return found
    finally:
        connection.close()


def is_cut_off(client: socket.socket) -> bool:
    """Whether the server has ended it. Reads nothing, because then it were no slow reader."""
    poll = select.poll()
    poll.register(client, getattr(select, "POLLRDHUP", select.POLLHUP))
    return bool(poll.poll(0))
