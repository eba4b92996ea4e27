"""Adds Ledger's headers to gunicorn's error responses, and removes gunicorn's name from all
responses.

gunicorn itself answers requests that it cannot parse, and has no settings for the headers of these
responses.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from gunicorn.http import wsgi

from ledger.web.headers import HeadersMiddleware


def add_headers(worker: Any) -> None:
    """Adds Ledger's headers to the responses with which this gunicorn worker refuses requests. Also
    removes the header `Server` from all responses, because this header helps attackers.
    """
    wsgi.Response = NamelessResponse
    refuse, headers = worker.handle_error, _headers()

    def handle_error(request: Any, client: Any, address: Any, error: Any) -> None:
        refuse(request, RefusedClient(client, headers), address, error)

    worker.handle_error = handle_error


class NamelessResponse(wsgi.Response):  # type: ignore[misc]
    """A gunicorn response without the header `Server`."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


class RefusedClient:
    """A wrapper for a client's socket that inserts Ledger's headers after the status line of a
    response.
    """

    def __init__(self, sock: Any, headers: bytes) -> None:
        self._sock, self._headers = sock, headers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        status, end, rest = data.partition(b"\r\n")
        self._sock.sendall(status + end + self._headers + rest)


def _headers() -> bytes:
    """Returns Ledger's headers as bytes, one line per header, from the middleware that sets these
    headers.
    """
    headers = HeadersMiddleware(lambda _request: HttpResponse())(HttpRequest()).headers
    del headers["Content-Type"]
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items())
