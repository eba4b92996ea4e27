"""Limits the requests that one person runs in parallel in a process. Each has a thread, also while
Postgres works for it, and other people need the rest.

Of files and large bodies of JSON, a person sends one at a time, and all people together two:
reading one takes up to ten seconds of a processor, and 32 MB of JSON up to 260 MB of memory.
"""

from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from threading import Condition
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ledger.web import problem_details
from ledger.web.database_errors import turned_away
from ledger.web.middleware import content_length
from ledger.web.uploads import most_of_file

AT_ONCE = 4  # of the eight threads of a web process
# One thread is left, and a browser opens six connections.
WAITING = 3
LARGE = 1024**2  # bytes of a body of JSON
LARGE_WAITING = 1
SECONDS = 0.5  # the longest that one waits: waiting takes a thread, too
# Files and large bodies, of all people. So half of the threads are left to pages.
READ_AT_ONCE, WAITING_TO_BE_READ, SECONDS_TO_BE_READ = 2, 2, 5.0
EVERYBODY = "everybody"
TOO_MANY = (
    "Other requests of yours are still running, so this one was not begun and changed nothing. Wait"
    " until they have ended, then send it again."
)
TOO_MANY_LARGE = (
    "Another file or large body of yours is being read, so this one was not read and changed"
    " nothing. Send it again."
)
TOO_MANY_READ = (
    "Files of several people are being read, so this one was not read and changed nothing. Send it"
    " again in a moment."
)


class RunningRequests:
    """Those of this process, counted for each person."""

    def __init__(self, at_once: int, waiting: int, seconds: float | None = None) -> None:
        self._at_once, self._most_waiting, self._seconds = at_once, waiting, seconds
        self._changed = Condition()
        self._running, self._waiting = Counter[Any](), Counter[Any]()

    def begin(self, person: Any) -> bool:
        """Whether the request may run; if so, it counts until `end`."""
        with self._changed:
            if not self._is_free(person) and not self._wait(person):
                return False
            self._running[person] += 1
            return True

    def end(self, person: Any) -> None:
        """Counts one of the person's requests no more."""
        with self._changed:
            _take_one(self._running, person)
            self._changed.notify_all()

    def _is_free(self, person: Any) -> bool:
        return self._running[person] < self._at_once

    def _wait(self, person: Any) -> bool:
        if self._waiting[person] >= self._most_waiting:
            return False
        self._waiting[person] += 1
        try:
            seconds = SECONDS if self._seconds is None else self._seconds
            return self._changed.wait_for(lambda: self._is_free(person), seconds)
        finally:
            _take_one(self._waiting, person)


def _take_one(counts: Counter[Any], person: Any) -> None:
    counts[person] -= 1
    if not counts[person]:
        del counts[person]


_requests = RunningRequests(AT_ONCE, WAITING)
_large_bodies = RunningRequests(1, LARGE_WAITING)
_read_of_all = RunningRequests(READ_AT_ONCE, WAITING_TO_BE_READ, SECONDS_TO_BE_READ)


class RunningRequestsMiddleware:
    """Answers with status 429 in place of a signed-in person's request above a limit.

    Stands after LoginRequiredMiddleware, which has loaded the person, so that it needs no query.
    Requests without a person are not counted, nor pages for which nobody has to sign in. A stream
    is counted until it begins; `ledger.web.downloads` limits it while it is sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        counted: list[tuple[RunningRequests, Any]] = []
        request.counted = counted  # type: ignore[attr-defined]
        try:
            return self.get_response(request)
        finally:
            for running, key in counted:
                running.end(key)

    def process_view(
        self, request: Any, view: object, _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        """Called once the person is known."""
        person = known_person(request)
        if person is None:
            return None
        if not _begin(request, _requests, person.pk):
            return _too_many(request, "too-many-at-once", TOO_MANY)
        if not _takes_long_to_read(request, view):
            return None
        if not _begin(request, _large_bodies, person.pk):
            return _too_many(request, "too-many-large-bodies", TOO_MANY_LARGE)
        if not _begin(request, _read_of_all, EVERYBODY):
            return _too_many(request, "too-many-large-bodies", TOO_MANY_READ)
        return None


def _too_many(request: HttpRequest, slug: str, sentence: str) -> HttpResponse:
    title = "Too many at the same time"
    return turned_away(request, HTTPStatus.TOO_MANY_REQUESTS, slug, title, sentence)


def _begin(request: Any, running: RunningRequests, key: Any) -> bool:
    if not running.begin(key):
        return False
    request.counted.append((running, key))
    return True


def _takes_long_to_read(request: HttpRequest, view: object) -> bool:
    """Whether it is large JSON, or a file of any size: 47 KB of a PDF can take ten seconds."""
    if "json" in (request.content_type or ""):
        return content_length(request) > LARGE
    return request.method == "POST" and most_of_file(view) is not None


def known_person(request: Any) -> Any:
    """The person who is signed in; None for nobody, and where only the page may ask who it is."""
    is_known = problem_details.is_call(request) or hasattr(request, "_cached_user")
    return request.user if is_known and request.user.is_authenticated else None
