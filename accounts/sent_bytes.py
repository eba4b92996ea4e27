"""Limits how much a customer may send in a day: rows of the books stay for ever, in each backup.

A payment with 16 KiB of metadata is eight times as large in the database, with its indexes. So the
bytes of bodies are counted, of pages and of the API. A process takes its count to the table of
counters by the megabyte, so that an ordinary request asks no database; what a process has not taken
there yet is less than that. Where few bytes become rows, the rows count in addition: LINE for a
payment of a list, or a line of a file, also of another bank's file that is refused, because it
takes as long to read; LEAST for a payment whose category a change of all payments of a search
gives.
"""

from collections.abc import Callable
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
from ledger.web.middleware import content_length
from ledger.web.running_requests import known_person

LEAST = 250  # bytes, of a request, as an empty body may store something too, and of a small row
# A line of a payment file takes 860 bytes in tables and indexes until it is paid, a payment of a
# batch 430 and a line of an imported file 590, each of 5,000 without texts, which the body counts.
LINE = 1000
AT_ONCE = 1024**2  # bytes that a process counts by itself
MOST_KNOWN = 10_000  # people whom a process remembers
AGAIN = 60 * 60  # seconds
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
TOO_MUCH = (
    "You have sent more in a day than one person may, so this changed nothing. Send it again "
    "tomorrow, or ask the bank."
)


class SentBytes:
    """What the people of this process have sent since it was last taken to the table."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent = dict[Any, int]()

    def add(self, person: Any, size: int, most: int) -> bool:
        """Counts so many bytes. Returns False if the `most` kilobytes of the day are used up."""
        with self._lock:
            if len(self._sent) > MOST_KNOWN:
                self._sent.clear()
            sent = self._sent.get(person, 0) + size
            is_small = sent < AT_ONCE
            self._sent[person] = sent if is_small else 0
        if is_small:
            return True
        if self._count(person, most, sent // 1024) <= most:
            return True
        with self._lock:
            self._sent[person] = AT_ONCE  # asks again at the next request
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
    """Counts the bytes of rows that a person's request has written or deleted. Above the limit, the
    person's next request is refused.
    """
    if most := settings.LEDGER_MEGABYTES_A_DAY * 1024:
        _sent.add(pk_of(person), size, most)


class SentBytesMiddleware:
    """Answers with status 429 in place of what a customer sends above LEDGER_MEGABYTES_A_DAY."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: Any, _view: object, _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        """Called before the body is read, once the person is known."""
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
