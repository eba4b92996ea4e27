"""A receiver of webhooks on this machine, which answers as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[[BaseHTTPRequestHandler], int | None]


@dataclass(frozen=True)
class ReceivedHook:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def place(self) -> tuple[str, int]:
        """The account and the number of the event."""
        data = self.content["data"]
        return data["account"], data["number"]


@dataclass
class Receiver:
    """`answer` gets the handler of a request and returns a status, or None to answer nothing more
    than it has sent itself.
    """

    port: int = 0
    answer: Answering = lambda _handler: 200
    received: list[ReceivedHook] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_for(self, count: int, seconds: float = 60) -> list[ReceivedHook]:
        """What has come, once there is as much. Fails after a time that no test needs."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.received) >= count, seconds)
            return list(self.received)

    def note(self, request: ReceivedHook) -> None:
        with self.came:
            self.received.append(request)
            self.came.notify_all()


@contextmanager
def receiving(answer: Answering | None = None) -> Iterator[Receiver]:
    """A receiver while the block runs."""
    receiver = Receiver()
    if answer is not None:
        receiver.answer = answer

    class HookHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.note(ReceivedHook(self.path, headers, body))
            status = receiver.answer(self)
            if status is not None:
                self.send_response(status)
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    class HookServer(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A sender that has hung up is part of the test."""

    server = HookServer(("127.0.0.1", 0), HookHandler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
