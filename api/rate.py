"""How often a token, or a person in a browser, may call in a minute.

Note [Leases]: the count is shared by all processes, in the table of counters. A process takes calls
from it in leases of LEASE, or of a twentieth of a low limit, so most calls ask no database; what a
process has leased and not used is lost at the end of the minute, so of two processes a limit may be
a tenth lower than it says, never higher.
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
LEASE, PARTS = 50, 20  # calls; the most of a limit that a process has at a time is one of so many
MOST_KNOWN = 10_000  # callers that a process remembers


@dataclass(slots=True)
class Lease:
    """What a process may still let through in a minute. `left` in all is what the table said."""

    minute: int
    calls: int = 0
    left: int = 0


_leases: dict[str, Lease] = {}
_lock = threading.Lock()


class CallRate(BaseThrottle):
    """At most LEDGER_API_RATE calls a minute; 0 for no limit. Tells in the headers of the draft
    "RateLimit header fields for HTTP" what is left.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether this call may go on."""
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
        view.told = {**getattr(view, "told", {}), **headers}
        return left >= 0

    def wait(self) -> float:
        """Seconds until the next minute."""
        return float(self.resets)


def _now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def _take(who: str, minute: int, most: int) -> int:
    """Takes one call. Returns how many are left after it, as far as this process knows; -1 where
    there was none.
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
        if len(_leases) > MOST_KNOWN:
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
