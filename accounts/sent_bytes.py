"""Limits how many bytes a customer may send in a day, because rows of the ledger are stored
permanently and are in each backup.

A payment with 16 KiB of metadata needs, with its indexes, eight times that space in the database.
Therefore the bytes of request bodies are counted, for pages and the API. A process counts up to a
megabyte in memory before it updates the table of counters, so most requests need no query. If a
small body creates many rows, bytes are added for the rows: LINE bytes for each payment of a list
and for each line of a file, and LEAST bytes for each payment whose category is changed by a search.
The lines of a refused file from another bank are also counted, because it takes as long to read
them as to read the lines of an accepted file.
"""

from http import HTTPStatus
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from accounts.models import AttemptCount, User
from accounts.sign_in.limits import DAY, Limit, key_of
from ledger.db.ids import pk_of
from ledger.web.database_errors import turned_away
from ledger.web.running_requests import known_person
from ledger.web.uploads import content_length

# Bytes that count for a small row, and for a request with an empty body, which may also store rows
LEAST = 250
# Bytes that count for a line. Until it is paid, a line needs, in tables and indexes, 860 bytes in a
# payment file, 430 in a batch, 590 in an imported file. Measured with 5,000 lines without texts,
# because texts are counted with the body.
LINE = 1000
MAX_UNCOUNTED_BYTES = 1024**2  # per user and process, before the table is updated
MAX_KNOWN = 10_000  # people counted in memory
AGAIN = 60 * 60  # seconds
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
TOO_MUCH = (
    "You have sent more data today than one person may send, so we did not read this request. "
    "Nothing was changed. Send the request again tomorrow, or ask the bank."
)


class SentBytes:
    """The bytes that each user has sent since this process last updated the table of counters."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent = dict[Any, int]()

    def add(self, person: Any, size: int, most: int) -> bool:
        """Adds `size` bytes. Returns False if the user has reached the daily limit of `most`
        kilobytes.
        """
        with self._lock:
            if len(self._sent) > MAX_KNOWN:
                self._sent.clear()
            sent = self._sent.get(person, 0) + size
            is_small = sent < MAX_UNCOUNTED_BYTES
            self._sent[person] = sent if is_small else 0
        if is_small:
            return True
        if self._count(person, most, sent // 1024) <= most:
            return True
        with self._lock:
            self._sent[person] = MAX_UNCOUNTED_BYTES  # the next request checks the table again
        return False

    def _count(self, person: Any, most: int, kilobytes: int) -> int:
        limit = Limit("kilobytes_a_day", most, DAY)
        key = key_of(limit, str(person))
        used = AttemptCount.objects.count_up([(key, limit.seconds)], by=0)[key]
        if used <= most:
            used = AttemptCount.objects.count_up([(key, limit.seconds)], by=kilobytes)[key]
        return used


_sent = SentBytes()


def count_stored(person: User | UUID, size: int) -> None:
    """Counts the bytes of rows that a user's request has inserted or deleted. Above the limit, the
    next request of the user is refused.
    """
    if most := settings.LEDGER_MEGABYTES_A_DAY * 1024:
        _sent.add(pk_of(person), size, most)


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """Counts the body of a customer's request before its view reads the body. Returns a response
    with status 429 if the customer has sent LEDGER_MEGABYTES_A_DAY, otherwise None.
    """
    most = settings.LEDGER_MEGABYTES_A_DAY * 1024
    if not most or request.method in SAFE:
        return None
    person = known_person(request)
    if person is None or person.is_staff:
        return None
    if _sent.add(person.pk, max(LEAST, content_length(request)), most):
        return None
    status, title = HTTPStatus.TOO_MANY_REQUESTS, "Too much for today"
    return turned_away(request, status, "too-much-today", title, TOO_MUCH, AGAIN)
