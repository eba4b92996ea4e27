"""Limits downloads that run at once. Each holds a thread of the server for as long as its client
takes to read it, or until its file is made, and the others have to stay free for pages.

Note [Slow downloads]: a file of 100,000 rows takes half a minute, and two people who download one
again and again would leave no turn to others, nor to batches of payments, whose answers are streams
too. So whose download was slow leaves the last turn to others for an hour.
"""

import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Condition
from time import monotonic

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ledger.web import database_errors

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
SLOW_AFTER, SLOW_FOR = 10.0, 3600.0  # seconds, see Note [Slow downloads]
MOST_KNOWN = 1000  # people with a slow download whom a process remembers
READING = frozenset({"GET", "HEAD"})


class TooManyDownloads(Exception):
    """A file is not made now; the message says why."""


@dataclass(frozen=True, slots=True)
class _DownloadTurn:
    """A download that runs or waits. One that writes, as a batch of payments, is never slow."""

    reads: bool
    is_slow: bool
    began: float


class Downloads:
    """Those that run in this process, one for each person at most."""

    def __init__(self, at_once: int) -> None:
        self._changed, self._free, self._free_for_slow = Condition(), at_once, max(1, at_once - 1)
        self._turns: dict[Hashable, _DownloadTurn] = {}  # of people
        self._slow_until: dict[Hashable, float] = {}

    def begin(self, response: HttpResponseBase, person: Hashable, *, reads: bool = True) -> str:
        """Counts it until it is closed. Why it may not begin, as a sentence; empty if it may."""
        if not (why := self._take(person, reads=reads)):
            # Closing ends it, once; so does forgetting it, where nobody closes it.
            _closers(response).append(weakref.finalize(response, self._end, person))
        return why

    @contextmanager
    def making(self, person: Hashable) -> Iterator[None]:
        """Counts the block. Raises TooManyDownloads."""
        if why := self._take(person, reads=True):
            raise TooManyDownloads(why)
        try:
            yield
        finally:
            self._end(person)

    def _take(self, person: Hashable, *, reads: bool) -> str:
        with self._changed:
            if person in self._turns:
                return "Another download of yours is still running. Wait until it has ended."
            is_slow = reads and self._slow_until.get(person, 0.0) > monotonic()
            self._turns[person] = _DownloadTurn(reads, is_slow, monotonic())
            if not self._changed.wait_for(lambda: self._is_free(is_slow), SECONDS):
                del self._turns[person]
                return "Too many downloads are running at once. Try again in a minute."
            self._count(-1, is_slow)
        return ""

    def _is_free(self, is_slow: bool) -> bool:
        return self._free > 0 and (self._free_for_slow > 0 or not is_slow)

    def _count(self, change: int, is_slow: bool) -> None:
        self._free += change
        self._free_for_slow += change * is_slow

    def _end(self, person: Hashable) -> None:
        with self._changed:
            turn, now = self._turns.pop(person), monotonic()
            self._count(1, turn.is_slow)
            if turn.reads and now - turn.began > SLOW_AFTER:
                if len(self._slow_until) >= MOST_KNOWN:
                    self._slow_until.clear()
                self._slow_until[person] = now + SLOW_FOR
            self._changed.notify_all()


_downloads = Downloads(AT_ONCE)


def making_file(person: Hashable) -> AbstractContextManager[None]:
    """Counts a file that is made before it is sent, as a download. Raises TooManyDownloads, which
    DownloadLimitMiddleware answers.
    """
    return _downloads.making(person)


class DownloadLimitMiddleware:
    """Answers with status 429 in place of a download above the limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.streaming:
            return response
        why = _downloads.begin(response, request.user.pk, reads=request.method in READING)
        if not why:
            return response
        for close in _closers(response):  # `response.close` would also tell that the request ended
            close()
        return refused(request, why)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answers TooManyDownloads of a view."""
        return refused(request, str(error)) if isinstance(error, TooManyDownloads) else None


def _closers(response: HttpResponseBase) -> list[Callable[[], object]]:
    """What runs when Django closes the response, which is when its last byte is sent."""
    return response._resource_closers  # type: ignore[attr-defined, no-any-return]


def refused(request: HttpRequest, why: str) -> HttpResponse:
    again = request.get_full_path() if request.method == "GET" else None
    return database_errors.page("No download yet", why, again, status=429)
