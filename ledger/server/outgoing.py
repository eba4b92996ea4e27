"""What of an answer a client has not read yet.

A thread does not wait for a client that reads slowly: what the kernel does not take stays here, and
the loop that waits for all connections at once sends it. Only a stream over `MOST_KEPT`, or an
answer for which there is no `Room`, waits in its thread, and only `few_of` the threads do.
"""

import errno
import selectors
import socket
import struct
import threading
from typing import Any, NoReturn

from ledger.server.arrival import Pace

MOST_KEPT = 512 * 1024  # bytes of a stream; no static file is larger
MOST_KEPT_IN_ALL = 64 * 1024 * 1024  # of all clients of a process
# What the kernel may take of it before its client has: by itself it takes megabytes, and holds them
# for a client that reads nothing. 64 KiB (which Linux doubles) in 0.1 s, far away, are 1 MB/s.
MOST_IN_KERNEL = 64 * 1024
# Closing throws away what the kernel has not sent, in place of sending it for minutes.
AT_ONCE = struct.pack("ii", 1, 0)


def few_of(threads: int) -> int:
    """How many threads may wait for clients that read slowly; as many more for clients that send
    slowly, and three for the mail server (`ledger.web.mail`). The others serve pages.
    """
    return max(1, threads // 4)


class Room:
    """The bytes that a process keeps for all its clients, and how many threads may wait."""

    def __init__(self, threads: int) -> None:
        self._lock, self._kept = threading.Lock(), 0
        self.waiting = threading.BoundedSemaphore(few_of(threads))

    def change(self, size: int) -> None:
        with self._lock:
            self._kept += size

    @property
    def is_full(self) -> bool:
        return self._kept >= MOST_KEPT_IN_ALL


class Outgoing:
    """A client's socket for gunicorn: what is sent by it, is sent in this order."""

    def __init__(self, sock: Any, room: Room) -> None:
        self._sock, self._room = sock, room
        self._kept = bytearray()
        self._pace: Pace | None = None
        self._sent = 0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_IN_KERNEL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    @property
    def has_rest(self) -> bool:
        """Whether the client has to take more."""
        return bool(self._kept)

    @property
    def is_late(self) -> bool:
        """Whether the client took too long: see `Pace`, by the bytes of this answer."""
        return self._pace is not None and self._pace.seconds_left() <= 0

    def begin(self) -> None:
        """A new answer begins. Its time runs from when the client has to take some of it."""
        self._pace, self._sent = None, 0

    def sendall(self, data: bytes) -> None:
        """Sends, or keeps, all of it. Raises ConnectionResetError for a client that is too slow."""
        self.send_rest()
        if len(self._kept) >= MOST_KEPT or (self._kept and self._room.is_full):
            self._wait()
        self._keep(data)
        self.send_rest()

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def send_rest(self) -> None:
        """Sends what the kernel takes, without waiting."""
        while self._kept:
            try:
                sent = self._sock.send(self._kept, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._pace = self._pace or _pace_after(self._sent)
                return
            del self._kept[:sent]
            self._room.change(-sent)
            self._sent += sent
            if self._pace:
                self._pace.count(sent)

    def cut(self) -> None:
        """Closes at once, and forgets the rest."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.close()

    def close(self) -> None:
        self._forget()
        self._sock.close()

    def _keep(self, data: bytes) -> None:
        self._kept += data
        self._room.change(len(data))

    def _forget(self) -> None:
        self._room.change(-len(self._kept))
        self._kept.clear()

    def _wait(self) -> None:
        """Waits, in a thread, until the client has taken half of what is kept."""
        if not self._room.waiting.acquire(blocking=False):
            self._give_up()
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._sock, selectors.EVENT_WRITE)
                while len(self._kept) > MOST_KEPT // 2 or (self._kept and self._room.is_full):
                    left = self._pace.seconds_left() if self._pace else 0
                    if left <= 0 or not selector.select(left):
                        self._give_up()
                    self.send_rest()
        finally:
            self._room.waiting.release()

    def _give_up(self) -> NoReturn:
        self._forget()
        raise ConnectionResetError(errno.ECONNRESET, "the client reads too slowly")


def _pace_after(sent: int) -> Pace:
    pace = Pace()
    pace.count(sent)
    return pace
