"""Limits downloads that run at once. Each holds a thread of the server for as long as its client
takes to read it, or until its file is made, and the others have to stay free for pages.
"""

import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Condition

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ledger.web import database_errors

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too


class TooManyDownloads(Exception):
    """A file is not made now; the message says why."""


class Downloads:
    """Those that run in this process, one for each person at most."""

    def __init__(self, at_once: int) -> None:
        self._changed, self._free = Condition(), at_once
        self._people: set[Hashable] = set()  # of a download that runs or waits

    def begin(self, response: HttpResponseBase, person: Hashable) -> str:
        """Counts it until it is closed. Why it may not begin, as a sentence; empty if it may."""
        if not (why := self._take(person)):
            # Closing ends it, once; so does forgetting it, where nobody closes it.
            _closers(response).append(weakref.finalize(response, self._end, person))
        return why

    @contextmanager
    def making(self, person: Hashable) -> Iterator[None]:
        """Counts the block. Raises TooManyDownloads."""
        if why := self._take(person):
            raise TooManyDownloads(why)
        try:
            yield
        finally:
            self._end(person)

    def _take(self, person: Hashable) -> str:
        with self._changed:
            if person in self._people:
                return "Another download of yours is still running. Wait until it has ended."
            self._people.add(person)
            if not self._changed.wait_for(lambda: self._free, SECONDS):
                self._people.remove(person)
                return "Too many downloads are running at once. Try again in a minute."
            self._free -= 1
        return ""

    def _end(self, person: Hashable) -> None:
        with self._changed:
            self._free += 1
            self._people.remove(person)
            self._changed.notify()


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
        why = _downloads.begin(response, request.user.pk)
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
