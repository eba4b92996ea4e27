"""Limits how many requests of one user run in parallel in a process. Each request occupies a
thread, and other users need the other threads.

A user may send one file or large JSON body at a time. All users together may send two at a time.
Reading such a body can take ten seconds of processor time, and 32 MB of JSON need up to 260 MB of
memory.
"""

from collections import Counter
from http import HTTPStatus
from threading import Condition
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from ledger.web import problem_details
from ledger.web.database_errors import turned_away
from ledger.web.uploads import content_length, max_file_bytes

MAX_PARALLEL = 4  # a web process has eight threads
# The number of requests of a user that may wait. With this limit, one thread is free for other
# users. A browser opens six connections.
WAITING = 3
LARGE = 1024**2  # bytes; a larger JSON body counts as large
LARGE_WAITING = 1
SECONDS = 0.5  # the longest time to wait, because waiting occupies a thread too
# Limits for files and large bodies of all users together. With these limits, half of the threads
# are free for pages.
MAX_PARALLEL_READS, WAITING_TO_BE_READ, SECONDS_TO_BE_READ = 2, 2, 5.0
EVERYBODY = "everybody"
TOO_MANY = (
    "Your other requests are still running, so we did not process this one. Nothing was changed. "
    "Wait until the other requests have ended, then send this request again."
)
TOO_MANY_LARGE = (
    "We are still reading your other file or large request, so we did not read this one. "
    "Nothing was changed. Send this request again."
)
TOO_MANY_READ = (
    "We are reading files of several other users, so we did not read this one. Nothing was "
    "changed. Send this request again in a moment."
)


class RunningRequests:
    """The number of running requests of each user in this process."""

    def __init__(self, most_running: int, waiting: int, seconds: float | None = None) -> None:
        self._most_running, self._most_waiting, self._seconds = most_running, waiting, seconds
        self._changed = Condition()
        self._running, self._waiting = Counter[Any](), Counter[Any]()

    def begin(self, person: Any) -> bool:
        """Waits until the user may run another request, adds one to the number of this user's
        running requests, and returns True. The caller must call `end` afterwards. Returns False if
        too many requests already wait, or if the wait takes too long.
        """
        with self._changed:
            if not self._is_free(person) and not self._wait(person):
                return False
            self._running[person] += 1
            return True

    def end(self, person: Any) -> None:
        """Reduces the number of this user's running requests by one."""
        with self._changed:
            _take_one(self._running, person)
            self._changed.notify_all()

    def _is_free(self, person: Any) -> bool:
        return self._running[person] < self._most_running

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


_requests = RunningRequests(MAX_PARALLEL, WAITING)
_large_bodies = RunningRequests(1, LARGE_WAITING)
_read_of_all = RunningRequests(MAX_PARALLEL_READS, WAITING_TO_BE_READ, SECONDS_TO_BE_READ)


def refusal(request: Any, view: object) -> HttpResponseBase | None:
    """Counts a request of a signed-in user before its view runs. Returns a response with status 429
    if a limit is reached, otherwise None.

    Makes no query if the user is loaded. Anonymous requests and public pages are not counted. A
    streamed response is counted until it begins. After that, `ledger.web.downloads` limits the
    response.
    """
    request.counted = []
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


def end(request: Any) -> None:
    """Ends the counting of a request by `refusal`. Does nothing if `refusal` did not count the
    request.
    """
    for running, key in getattr(request, "counted", ()):
        running.end(key)


def _too_many(request: HttpRequest, slug: str, sentence: str) -> HttpResponse:
    title = "Too many at the same time"
    return turned_away(request, HTTPStatus.TOO_MANY_REQUESTS, slug, title, sentence)


def _begin(request: Any, running: RunningRequests, key: Any) -> bool:
    if not running.begin(key):
        return False
    request.counted.append((running, key))
    return True


def _takes_long_to_read(request: HttpRequest, view: object) -> bool:
    """Returns whether reading the body may take long. A large JSON body and a file of any size may
    take long: a PDF of 47 KB can take ten seconds.
    """
    if "json" in (request.content_type or ""):
        return content_length(request) > LARGE
    return request.method == "POST" and max_file_bytes(view) is not None


def known_person(request: Any) -> Any:
    """Returns the signed-in user, or None. Loads the user only for an API call."""
    is_known = problem_details.is_call(request) or hasattr(request, "_cached_user")
    return request.user if is_known and request.user.is_authenticated else None
