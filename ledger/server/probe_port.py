"""Answers only probes and metrics on a second port, with separate threads.

Requests for pages may wait for a thread. If probes had to wait too, load balancers would replace
servers that are healthy but busy.
"""

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from ledger.server.ports import family_of
from ledger.web.request_counts import EARLY

App = Callable[[dict[str, Any], Any], Iterable[bytes]]
SECONDS = 5  # time limit for each part of a request that a client sends
# /readyz and /metrics may wait for the database. /healthz does not wait for it.
THREADS, USING_DATABASE, MAX_WAITING = 6, 3, 32
SECONDS_TO_WAIT = 2
WITHOUT_DATABASE = "/healthz"


def start(app: App, host: str, port: int) -> WSGIServer:
    """Starts a server on this port and returns the server, which runs until the process ends.
    Several processes of one system user may use the same port. The kernel then chooses a process
    for each connection.

    Raises OSError if another program uses the port.
    """
    server = ProbeServer((host, port), QuietHandler)
    server.set_app(only_probes(app))
    Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def only_probes(app: App) -> App:
    """Returns an app that serves only probes and metrics. The app limits how many requests use the
    database in parallel, so that threads stay free for other probes.
    """
    using_database = BoundedSemaphore(USING_DATABASE)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path not in EARLY:
            return _empty("404 Not Found", start_response)
        if path == WITHOUT_DATABASE:
            return app(environ, start_response)
        if not using_database.acquire(timeout=SECONDS_TO_WAIT):
            return _empty("503 Service Unavailable", start_response)
        try:
            return app(environ, start_response)
        finally:
            using_database.release()

    return answer


def _empty(status: str, start_response: Any) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


class ProbeServer(WSGIServer):
    """A server on a port that it may share with the probe servers of other processes."""

    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = family_of(address[0])
        super().__init__(address, handler)
        self.threads = ThreadPoolExecutor(THREADS, "probe")
        self.room = BoundedSemaphore(THREADS + MAX_WAITING)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.room.acquire(blocking=False):
            self.threads.submit(self._answer, request, client_address)
        else:
            self.shutdown_request(request)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request(request, client_address)
        finally:
            self.room.release()

    def server_bind(self) -> None:
        """Binds the socket without a DNS query for the name of this host."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(OSError):  # the client has closed the connection
            super().finish_request(request, client_address)


class QuietHandler(WSGIRequestHandler):
    timeout = SECONDS
    server_version, sys_version = "Ledger", ""

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing, because Django already logs requests."""
