"""gunicorn's thread worker, with a limit on how long a client may say nothing.

gunicorn waits for the rest of a request without end: a few clients that promise a body and send
none would hold every thread. A proxy that buffers requests protects against slow clients too.
"""

from typing import Any

from django.conf import settings
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """Reads from the client, at most `LEDGER_READ_TIMEOUT` seconds for each piece."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece. Raises NoMoreData, as if the client had gone, if none comes in time."""
        before = self.sock.gettimeout()
        if before is None:
            self.sock.settimeout(settings.LEDGER_READ_TIMEOUT)
        try:
            piece: bytes = super().chunk(size_hint)
        except TimeoutError:
            raise NoMoreData from None
        finally:
            self.sock.settimeout(before)
        return piece


class TimedWorker(ThreadWorker):  # type: ignore[misc]
    """A thread worker that reads by TimedUnreader."""

    def handle(self, conn: Any) -> Any:
        if not conn.initialized:
            conn.init = _timed(conn)
        return super().handle(conn)


def _timed(conn: Any) -> Any:
    """The connection's `init`, which afterwards sets the reader. gunicorn calls it once a request,
    and it works the first time only.
    """
    init = conn.init

    def init_once() -> None:
        is_new = not conn.initialized
        init()
        if is_new and not conn.is_http2:
            conn.parser.unreader = TimedUnreader(conn.sock)

    return init_once
