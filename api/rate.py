"""Limits the calls per minute of a token, or of a user in a browser.

Note [Leases]: all processes share one counter in the table of counters. A process takes calls from
the counter in groups of LEASE calls, or of a twentieth of the limit if the limit is low. Most calls
therefore need no query. Calls that a process has taken but not used are lost at the end of the
minute. With two processes, the actual limit may therefore be up to a tenth lower than the setting,
but it is never higher.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import AttemptCount
from accounts.sign_in.limits import Limit, key_of
from api.caller import caller_of

WINDOW = 60  # seconds
LEASE, PARTS = 50, 20  # LEASE is a number of calls, at most 1/PARTS of the limit
MAX_KNOWN = 10_000  # the maximum number of callers that a process remembers


@dataclass(slots=True)
class Lease:
    """The calls that a process may still accept in a minute. `left` is the number of calls that no
    process has taken yet.
    """

    minute: int
    calls: int = 0
    left: int = 0


_leases: dict[str, Lease] = {}
_lock = threading.Lock()


class CallRate(BaseThrottle):
    """A throttle of LEDGER_API_RATE calls per minute. If the setting is 0, there is no limit. The
    response contains the number of remaining calls, in the headers of the draft "RateLimit header
    fields for HTTP".
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Returns whether this call is within the limit. Also sets the headers of the response."""
        most = settings.LEDGER_API_RATE
        if not most or not request.user.is_authenticated:
            return True
        caller = caller_of(request)
        now = _now()
        self.resets = WINDOW - now % WINDOW
        who = f"person {caller.person.pk}" if caller.token is None else f"token {caller.token.pk}"
        left = _take(who, now // WINDOW, most)
        headers = {
            "RateLimit-Policy": f'"calls";q={most};w={WINDOW}',
            "RateLimit": f'"calls";r={max(left, 0)};t={self.resets}',
        }
        view.rate_headers = {**getattr(view, "rate_headers", {}), **headers}
        return left >= 0

    def wait(self) -> float:
        """Returns the seconds until the next minute."""
        return float(self.resets)


def _now() -> int:
    """Returns the seconds since 1970."""
    return int(time.time())


def _take(who: str, minute: int, most: int) -> int:
    """Counts one call and returns the number of calls that are left in this minute, as far as this
    process knows. Returns -1 if no call was left.
    """
    with _lock:
        lease = _leases.get(who)
        if lease is not None and lease.minute == minute and lease.calls:
            lease.calls -= 1
            return lease.calls + lease.left
    size = max(1, min(LEASE, most // PARTS))
    limit = Limit("api_calls", most, 2 * WINDOW)
    key = key_of(limit, f"{who} {minute}")
    used = AttemptCount.objects.count_up([(key, limit.seconds)], by=size)[key]
    granted = max(0, size - max(0, used - most))
    with _lock:
        if len(_leases) > MAX_KNOWN:
            _leases.clear()
        found = _leases.setdefault(who, Lease(minute))
        if found.minute != minute:
            found.minute, found.calls = minute, 0
        found.calls += granted
        found.left = max(0, most - used)
        if not found.calls:
            return -1
        found.calls -= 1
        return found.calls + found.left
