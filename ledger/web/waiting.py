"""Measures how long requests waited for a thread. Requests that waited too long get status 503.

When nginx sends a request to gunicorn, nginx writes the time into the header X-Request-Start
(deploy/nginx/ledger.conf). Without this header the waiting time is unknown, because gunicorn does
not report it.
"""

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from ledger.metrics.kinds import Counter, Histogram
from ledger.web.database_errors import turned_away

HEADER = "X-Request-Start"
# Seconds in the format of nginx's variable $msec.
WRITTEN = re.compile(r"t=([0-9]{1,10}\.[0-9]{3})", re.ASCII)
# Users who wait longer have often left the page. A response that nobody reads would delay other
# requests.
MAX_SECONDS = 5
LONGEST = 600  # seconds; if the difference is larger, the clocks differ

SECONDS = Histogram(
    "ledger_http_wait_seconds",
    "Time from the proxy, in X-Request-Start, until a thread took the request.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
NOT_BEGUN = Counter(
    "ledger_http_not_begun_total",
    "Requests that were answered by 503, because they had waited"
    f" {MAX_SECONDS} seconds for a thread.",
)
_began = {"at": float("-inf")}  # time.monotonic() when this process began to accept requests
BUSY = "The site is busy"
TOO_LATE = (
    "Many people are using the site, so we did not process this request. Nothing was changed. Try"
    " again in a moment."
)


def note_begin() -> None:
    """Records that this process accepts requests from now on. gunicorn's settings call this
    function. Requests that waited while the site was restarted are then answered, because they did
    not wait for a thread of this process.
    """
    _began["at"] = time.monotonic()


def note_wait(request: HttpRequest) -> None:
    """Sets `request.waited` to the number of seconds since the proxy passed the request on, or to
    None if this number is unknown.
    """
    waited = _seconds_since_proxy(request)
    request.waited = waited  # type: ignore[attr-defined]
    if waited is not None:
        SECONDS.observe(waited)


def _seconds_since_proxy(request: HttpRequest) -> float | None:
    found = settings.LEDGER_BEHIND_PROXY and WRITTEN.fullmatch(request.headers.get(HEADER, ""))
    if not found:
        return None
    seconds = time.time() - float(found[1])
    return max(seconds, 0.0) if abs(seconds) <= LONGEST else None


class WaitingMiddleware:
    """Middleware that returns status 503 for a request that has waited too long since this process
    began. Must come after probes, metrics and static files, which are fast, and before middleware
    that queries the database. Reads the body only of a request that it refuses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        waited: Any = getattr(request, "waited", None)
        if waited is None or min(waited, time.monotonic() - _began["at"]) < MAX_SECONDS:
            return self.get_response(request)
        NOT_BEGUN.inc()
        return turned_away(request, HTTPStatus.SERVICE_UNAVAILABLE, "too-busy", BUSY, TOO_LATE)
