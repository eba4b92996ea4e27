"""gunicorn's thread worker, which slow clients cannot stop.

gunicorn gives a connection a thread before its request has come, and waits for the rest, and for
the client to read the answer, without end. Here the loop that waits for all connections at once
gathers the request, a thread takes it when it is whole, and the loop sends what the client has not
read by then. Bodies over 64 KiB, and those of unknown length, are read by a quarter of the threads
at most: see `LongBodies`. For plain HTTP/1.1, as `WebServer` starts it.
"""

import math
import socket
import time
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

from ledger.server.answers import NamelessResponse, RefusedClient
from ledger.server.arrival import MOST_GATHERED, Arrival, Pace
from ledger.server.long_bodies import LongBodies
from ledger.server.outgoing import Outgoing, Room

# A client that has its answer closes its side; until then, or for this long, what it still sends is
# thrown away. Closing at once could destroy the answer on its way.
SECONDS_TO_LEAVE = 2.0
# While the process stops, for a client that has connected and sent nothing yet.
SECONDS_TO_BEGIN = 5.0
# And for a connection that had begun when the kernel was told to take no more: it is complete, and
# can be accepted, when the client's answer to the handshake has come.
SECONDS_TO_CONNECT = 0.25


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """Gives what has been gathered, then reads from the client at its pace."""

    def begin(self, arrival: Arrival) -> None:
        self.unread(bytes(arrival.data))
        self.may_read = arrival.is_long
        self.pace = Pace()

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next piece. Raises NoMoreData, as if the client had gone, if it comes too late."""
        left = self.pace.seconds_left()
        if not self.may_read or left <= 0:
            raise NoMoreData
        before = self.sock.gettimeout()
        self.sock.settimeout(left if before is None else min(before, left))
        try:
            piece: bytes = super().chunk(size_hint)
        except TimeoutError:
            raise NoMoreData from None
        finally:
            self.sock.settimeout(before)
        self.pace.count(len(piece))
        return piece


class TimedWorker(ThreadWorker):  # type: ignore[misc]
    """Gathers requests in the main thread, which alone uses the attributes below."""

    # Until when it waits for who has connected and not sent yet; named when it begins to stop. The
    # signal may come in the middle of the loop, which closes what is late once more before that.
    lingers_until = math.inf

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arriving: set[Any] = set()
        self.sending: dict[Any, Any] = {}  # the result of the thread
        self.leaving: dict[Any, float] = {}  # until when
        self.long_bodies = LongBodies(self.cfg.threads)
        self.room = Room(self.cfg.threads)

    def init_process(self) -> None:
        wsgi.Response = NamelessResponse  # gunicorn has no setting for it
        super().init_process()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        super().handle_error(req, RefusedClient(client), addr, exc)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also called when it begins to stop: then takes who has connected or is about to, and
        listens no more. gunicorn would reset them at the end; whoever comes later is refused.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        began = time.monotonic()
        self.lingers_until = began + SECONDS_TO_BEGIN
        with DefaultSelector() as coming:
            for listener in self.sockets:
                coming.register(listener, EVENT_READ)
            while ready := coming.select(max(0.0, began + SECONDS_TO_CONNECT - time.monotonic())):
                for key, _ in ready:
                    self.accept(key.fileobj)
                if time.monotonic() > self.lingers_until:  # others keep the socket open
                    break
        for listener in self.sockets:
            listener.close()

    def enqueue_req(self, conn: Any) -> None:
        """Waits for a new connection's request, or the next one of a connection that was kept."""
        rest = conn.parser.unreader.take_buffered() if conn.parser else b""
        if not isinstance(conn.sock, Outgoing):
            conn.sock = Outgoing(conn.sock, self.room)
        conn.arrival = Arrival(rest)
        if conn.arrival.is_ready:
            self._take(conn)
            return
        conn.sock.setblocking(False)
        self.arriving.add(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_piece, conn))

    def on_piece(self, conn: Any, _sock: Any) -> None:
        piece = _received(conn.sock)
        if piece is None:
            return
        conn.arrival.add(piece)
        if piece and not conn.arrival.is_ready:
            return
        self.poller.unregister(conn.sock)
        self.arriving.remove(conn)
        if piece:
            self._take(conn)
        else:
            self._close(conn)

    def handle(self, conn: Any) -> Any:
        """Runs in a thread."""
        conn.sock.setblocking(True)
        conn.sock.begin()
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = TimedUnreader(conn.sock)
        conn.parser.unreader.begin(conn.arrival)
        return super().handle(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        if conn.arrival.is_long and (following := self.long_bodies.end(conn)) is not None:
            super().enqueue_req(following)
        if conn.sock.has_rest:
            conn.sock.setblocking(False)
            self.sending[conn] = fs
            self.poller.register(conn.sock, EVENT_WRITE, partial(self.on_writable, conn))
        else:
            self._go_on(conn, fs)

    def on_writable(self, conn: Any, _sock: Any) -> None:
        try:
            conn.sock.send_rest()
        except OSError:  # it has gone
            self._cut(conn)
        else:
            if not conn.sock.has_rest:
                self.poller.unregister(conn.sock)
                self._go_on(conn, self.sending.pop(conn))

    def _go_on(self, conn: Any, fs: Any) -> None:
        """The client has, or the kernel takes, the whole answer."""
        if fs.cancelled() or fs.exception() or not fs.result():
            self._leave(conn)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Closes what took too long. gunicorn calls it once a second, also while it stops."""
        for conn in [each for each in self.arriving if self._is_late(each)]:
            self.arriving.remove(conn)
            self.poller.unregister(conn.sock)
            self._close(conn)
        waiting = self.long_bodies.waiting
        for conn in [each for each in waiting if each.arrival.pace.seconds_left() <= 0]:
            waiting.remove(conn)
            self._close(conn)
        for conn in [each for each in self.sending if each.sock.is_late]:
            self._cut(conn)
        now = time.monotonic()
        for conn in [each for each, until in self.leaving.items() if until <= now]:
            self._left(conn)

    def _is_late(self, conn: Any) -> bool:
        is_stopping = not self.alive and time.monotonic() > self.lingers_until
        is_idle = is_stopping and not conn.arrival.data
        return is_idle or conn.arrival.pace.seconds_left() <= 0

    def _take(self, conn: Any) -> None:
        """Gives it a thread, or a place in the queue for the threads that read long bodies."""
        if not conn.arrival.is_long or self.long_bodies.begin(conn):
            super().enqueue_req(conn)

    def _leave(self, conn: Any) -> None:
        """Says that no more comes, and waits in the loop until the client closes, too."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_leaving, conn))
        except (OSError, ValueError):  # it has gone
            self._close(conn)
        else:
            self.leaving[conn] = time.monotonic() + SECONDS_TO_LEAVE

    def on_leaving(self, conn: Any, _sock: Any) -> None:
        if _received(conn.sock) == b"":
            self._left(conn)

    def _left(self, conn: Any) -> None:
        del self.leaving[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _cut(self, conn: Any) -> None:
        """It has taken too long to read its answer, or has gone."""
        del self.sending[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.sock.cut()

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _received(sock: Any) -> bytes | None:
    """None if nothing has come, b"" if the client has gone."""
    try:
        return bytes(sock.recv(MOST_GATHERED))
    except BlockingIOError:
        return None
    except OSError:
        return b""
