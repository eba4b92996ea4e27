"""Limits how many downloads run in parallel. A download occupies a thread of the web server until
its client has read it, and some threads must stay free for pages.

Note [Slow downloads]: a file of 100,000 rows takes half a minute. Two people who repeat such a
download, or a batch of payments, could block other users. Therefore, for an hour after a slow
download, its user may not start a download if only one more download may run.
"""

import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Condition
from time import monotonic

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ledger.web import database_errors

MAX_PARALLEL = 2  # a web process has eight threads
SECONDS = 0.5  # the longest wait before a download, because waiting occupies a thread too
SLOW_AFTER, SLOW_FOR = 10.0, 3600.0  # seconds, see Note [Slow downloads]
MAX_KNOWN = 1000  # maximum number of users with slow downloads that a process remembers
READING = frozenset({"GET", "HEAD"})


class TooManyDownloads(Exception):
    """An error for a file that cannot be created now. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class _DownloadTurn:
    """A running or waiting download. A download that writes, such as a batch of payments, never
    counts as slow.
    """

    reads: bool
    is_slow: bool
    began: float


class Downloads:
    """The running downloads of this process. Each user can have only one running download."""

    def __init__(self, most: int) -> None:
        self._changed, self._free, self._free_for_slow = Condition(), most, max(1, most - 1)
        self._turns: dict[Hashable, _DownloadTurn] = {}  # the key is the user
        self._slow_until: dict[Hashable, float] = {}

    def begin(self, response: HttpResponseBase, person: Hashable, *, reads: bool = True) -> str:
        """Registers a download until its response is closed. Waits for a short time if too many
        downloads are running. Returns "" if the download may begin, and otherwise a message with
        the reason for the refusal.
        """
        if not (why := self._take(person, reads=reads)):
            # This ends the download once: when the response is closed, or when it is deleted
            # without being closed.
            _closers(response).append(weakref.finalize(response, self._end, person))
        return why

    @contextmanager
    def making(self, person: Hashable) -> Iterator[None]:
        """Counts a download as running inside the block. Raises TooManyDownloads if the download
        may not begin.
        """
        if why := self._take(person, reads=True):
            raise TooManyDownloads(why)
        try:
            yield
        finally:
            self._end(person)

    def _take(self, person: Hashable, *, reads: bool) -> str:
        with self._changed:
            if person in self._turns:
                return "Your other download is still running. Wait until it has ended."
            is_slow = reads and self._slow_until.get(person, 0.0) > monotonic()
            self._turns[person] = _DownloadTurn(reads, is_slow, monotonic())
            if not self._changed.wait_for(lambda: self._is_free(is_slow), SECONDS):
                del self._turns[person]
                return "Too many downloads are running. Try again in a minute."
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
                if len(self._slow_until) >= MAX_KNOWN:
                    self._slow_until.clear()
                self._slow_until[person] = now + SLOW_FOR
            self._changed.notify_all()


_downloads = Downloads(MAX_PARALLEL)


def making_file(person: Hashable) -> AbstractContextManager[None]:
    """Counts a download as running inside the block, which creates a file before it is sent.

    Raises TooManyDownloads if the download may not begin. DownloadLimitMiddleware converts this
    error to a page.
    """
    return _downloads.making(person)


class DownloadLimitMiddleware:
    """Middleware that returns a page with status 429 in place of a download that may not begin, for
    example because too many downloads are running. It must follow ReadLogMiddleware, which logs
    only what is sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.streaming:
            return response
        why = _downloads.begin(response, request.user.pk, reads=request.method in READING)
        if not why:
            return response
        # `response.close` would also signal the end of the request.
        for close in _closers(response):
            close()
        return refused(request, why)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Returns the page for TooManyDownloads. Returns None for other exceptions."""
        return refused(request, str(error)) if isinstance(error, TooManyDownloads) else None


def _closers(response: HttpResponseBase) -> list[Callable[[], object]]:
    """Returns the functions that Django calls when it closes the response after the last byte."""
    return response._resource_closers  # type: ignore[attr-defined, no-any-return]


def refused(request: HttpRequest, why: str) -> HttpResponse:
    again = request.get_full_path() if request.method == "GET" else None
    return database_errors.page("No download yet", why, again, status=429)
