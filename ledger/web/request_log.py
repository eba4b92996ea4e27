"""Writes the request log, with one line at the end of each request. All log lines of a request
contain the request's id.
"""

import logging
import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ledger.logs import context
from ledger.web.request_counts import EARLY, STATIC, method_of, route_of, route_or_page_of

logger = logging.getLogger("ledger.requests")

REQUEST_HEADER = "X-Request-ID"
# The id formats of nginx and most other proxies: 32 hexadecimal digits, or a UUID.
WELL_FORMED = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)
# Routes that are requested every few seconds, or for every page.
FREQUENT = frozenset({*EARLY.values(), STATIC})


def facts_of(request: HttpRequest) -> dict[str, context.Fact]:
    """Returns the fields about a request for its log lines, without a database query. The fields
    contain the name of the route, because paths and query strings may contain ids, names and
    searches.
    """
    return {
        "request_id": getattr(request, "request_id", None),
        "user_id": _signed_in(request),
        "method": method_of(request),
        "route": route_or_page_of(request),
    }


def id_for(request: HttpRequest) -> str:
    """Returns the id of a request. An id in the request is used only if our proxy writes it and its
    format is valid. Otherwise a client could send any text, or the id of another user's request.
    """
    if settings.LEDGER_PROXY_REQUEST_ID:
        given = request.headers.get(REQUEST_HEADER, "")
        if WELL_FORMED.fullmatch(given):
            return given
    return uuid.uuid4().hex


def loaded_user(request: HttpRequest) -> Any:
    """Returns the user, or None if the request has not loaded a user so far. Makes no query."""
    person: Any = request.__dict__.get("user")
    is_lazy = isinstance(person, SimpleLazyObject)
    return getattr(request, "_cached_user", None) if is_lazy else person


def _signed_in(request: HttpRequest) -> str | None:
    pk = getattr(loaded_user(request), "pk", None)
    return str(pk) if pk is not None else None


def log(
    request: HttpRequest, status: int, seconds: float, notes: Mapping[str, context.Fact]
) -> None:
    """Writes the log line of a request whose response is complete."""
    frequent = status < HTTPStatus.BAD_REQUEST and route_of(request) in FREQUENT
    level = logging.DEBUG if frequent else logging.INFO
    if not logger.isEnabledFor(level):
        return
    milliseconds = round(seconds * 1000)
    facts = {"event": "request.answered", "status": status, "duration_ms": milliseconds, **notes}
    waited = getattr(request, "waited", None)
    if waited is not None:
        facts["waited_ms"] = round(waited * 1000)
    logger.log(
        level, "%s %s: %d in %d ms",
        method_of(request), route_or_page_of(request), status, milliseconds,
        extra={"facts": facts},
    )  # fmt: skip
