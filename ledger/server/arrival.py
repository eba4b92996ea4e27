"""How much of a request has come, and until when the rest may take."""

import re
import time

from django.conf import settings

# A head without an end, and a body of announced length, are each gathered up to here, and what is
# longer is read by a thread. The forms of the site stay far below.
MOST_GATHERED = 64 * 1024
BYTES_PER_SECOND = 8 * 1024
# gunicorn refuses a line that ends without a carriage return at once: nothing more has to come.
HEAD_END = re.compile(rb"\r\n\r\n|(?<!\r)\n")
LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r$", re.IGNORECASE | re.M)
# The length is unknown, or the client waits for an answer before it sends the body.
READ_LATER = re.compile(rb"^(transfer-encoding|expect)[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Pace:
    """When all must have come: after `LEDGER_READ_TIMEOUT` seconds, and one more for each 8 KiB
    that has come. A client that sends a byte now and then gains nothing.
    """

    def __init__(self) -> None:
        self.ends = time.monotonic() + settings.LEDGER_READ_TIMEOUT

    def count(self, size: int) -> None:
        """`size` bytes have come."""
        self.ends += size / BYTES_PER_SECOND

    def seconds_left(self) -> float:
        return self.ends - time.monotonic()


class Arrival:
    """The bytes of one request so far, and perhaps the beginning of the next."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.pace = bytearray(), Pace()
        self.head_size: int | None = None
        self.is_long = False  # a thread has to read more of it from the client
        self._size = 0
        self.add(data)

    def add(self, piece: bytes) -> None:
        searched = max(0, len(self.data) - 3)
        self.data += piece
        self.pace.count(len(piece))
        if self.head_size is None and (end := HEAD_END.search(self.data, searched)):
            self.head_size = end.end()
            self._read_head(bytes(self.data[: self.head_size]))

    @property
    def is_ready(self) -> bool:
        """Whether a thread can take it: it is here, or too long to gather."""
        if self.head_size is None:
            return len(self.data) >= MOST_GATHERED
        return self.is_long or len(self.data) >= self._size

    def _read_head(self, head: bytes) -> None:
        lengths = LENGTH.findall(head)
        self._size = len(head)
        if READ_LATER.search(head):
            self.is_long = True
        elif len(lengths) == 1:  # gunicorn refuses several, and those that are no number
            length = int(lengths[0])
            self._size += length
            self.is_long = length > MOST_GATHERED
