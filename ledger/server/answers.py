"""What gunicorn itself writes: with our headers, and without its name.

gunicorn refuses a request that it cannot read before Django sees it, and has no setting for either.
"""

from functools import partial
from typing import Any

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from gunicorn.http import wsgi

from ledger.web.headers import HeadersMiddleware


def add_headers(worker: Any) -> None:
    """Adds ours to all that this worker of gunicorn refuses, and removes `Server` from all answers,
    which would tell attackers what to look for.
    """
    wsgi.Response = NamelessResponse
    refuse, headers = worker.handle_error, _headers()

    def handle_error(request: Any, client: Any, address: Any, error: Any) -> None:
        refuse(request, RefusedClient(client, headers), address, error)

    worker.handle_error = handle_error


class NamelessResponse(wsgi.Response):  # type: ignore[misc]
    """A response without the header `Server`."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


class RefusedClient:
    """A client's socket, which puts the headers of every response below the status line."""

    def __init__(self, sock: Any, headers: bytes) -> None:
        self._sock, self._headers = sock, headers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        status, end, rest = data.partition(b"\r\n")
        self._sock.sendall(status + end + self._headers + rest)


def _headers() -> bytes:
    """As lines, from the middleware that gives them to the responses of Django."""
    policy = CSPMiddleware(lambda _request: HttpResponse())
    with_policy = partial(policy.process_response, response=HttpResponse())
    headers = HeadersMiddleware(with_policy)(HttpRequest()).headers
    del headers["Content-Type"]
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items())
