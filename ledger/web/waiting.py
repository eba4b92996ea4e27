"""How long requests waited for a thread, and 503 for those that waited too long.

The time begins where nginx passes the request on, in its header X-Request-Start
(deploy/nginx/ledger.conf). Without it, nothing tells of a queue: a request is new when a thread
takes it.
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
WRITTEN = re.compile(r"t=([0-9]{1,10}\.[0-9]{3})", re.ASCII)  # seconds, as nginx's $msec
# Seconds. Whoever waits longer has often gone, and an answer that nobody reads holds up the others.
MOST = 5
LONGEST = 600  # above it the clocks differ

SECONDS = Histogram(
    "ledger_http_wait_seconds",
    "Time from the proxy until a thread took the request, as X-Request-Start says.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
NOT_BEGUN = Counter(
    "ledger_http_not_begun_total",
    f"Requests that were answered by 503, because they had waited {MOST} seconds for a thread.",
)
BUSY = "The site is busy"
TOO_LATE = (
    "More people use it than it can answer, so this was not begun and changed nothing. Try again in"
    " a moment."
)


def note_wait(request: HttpRequest) -> None:
    """Sets `request.waited` to the seconds since the proxy passed it on; None without a proxy that
    says it.
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
    """Answers 503 to a request that has waited too long. Stands after probes, figures and static
    files, which take no time, and before all that asks the database or reads the body.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        waited: Any = getattr(request, "waited", None)
        if waited is None or waited < MOST:
            return self.get_response(request)
        NOT_BEGUN.inc()
        return turned_away(request, HTTPStatus.SERVICE_UNAVAILABLE, "too-busy", BUSY, TOO_LATE)
