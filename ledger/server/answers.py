"""What gunicorn itself writes: with our headers, and without its name.

gunicorn refuses a request that it cannot read before Django sees it.
"""

from functools import cache, partial
from typing import Any

from gunicorn.http import wsgi


class NamelessResponse(wsgi.Response):  # type: ignore[misc]
    """A response without the header `Server`, which would tell attackers what to look for. A file
    is read here: the kernel, sending it by itself, would wait for the client.
    """

    def can_sendfile(self) -> bool:
        return False

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


class RefusedClient:
    """A client's socket, which puts the headers of every response below the status line."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        status, end, rest = data.partition(b"\r\n")
        self._sock.sendall(status + end + _headers() + rest)


@cache
def _headers() -> bytes:
    """As lines, from the middleware that gives them to the responses of Django."""
    # gunicorn loads its worker before anything says which settings to take.
    from csp.middleware import CSPMiddleware
    from django.http import HttpRequest, HttpResponse

    from ledger.web.headers import HeadersMiddleware

    policy = CSPMiddleware(lambda _request: HttpResponse())
    with_policy = partial(policy.process_response, response=HttpResponse())
    headers = HeadersMiddleware(with_policy)(HttpRequest()).headers
    del headers["Content-Type"]
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items())
