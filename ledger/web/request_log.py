"""The request log, with one line at the end of each request. All log lines of a request contain the
request's id.
"""

import logging
import re
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
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


class RequestLogMiddleware:
    """Middleware that assigns an id to each request and adds the header `X-Request-ID` to the
    response.

    An id in the request is used only if our proxy writes it and its format is valid. Otherwise a
    client could send any text, or the id of another user's request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = perf_counter()
        request.request_id = _id_for(request)  # type: ignore[attr-defined]
        with context.with_facts(lambda: facts_of(request)), context.noting() as notes:
            response = self.get_response(request)
            _log(request, response.status_code, perf_counter() - began, notes)
        response.headers[REQUEST_HEADER] = request.request_id  # type: ignore[attr-defined]
        return response


def facts_of(request: HttpRequest) -> dict[str, context.Fact]:
    """Returns the facts about a request for log lines, without a database query. The facts contain
    the name of the route, because paths and query strings may contain ids, names and searches.
    """
    return {
        "request_id": getattr(request, "request_id", None),
        "user_id": _signed_in(request),
        "method": method_of(request),
        "route": route_or_page_of(request),
    }


def _id_for(request: HttpRequest) -> str:
    if settings.LEDGER_PROXY_REQUEST_ID:
        given = request.headers.get(REQUEST_HEADER, "")
        if WELL_FORMED.fullmatch(given):
            return given
    return uuid.uuid4().hex


def _signed_in(request: HttpRequest) -> str | None:
    """Returns the id of the user, or None if the request has not loaded a user so far."""
    person: Any = request.__dict__.get("user")
    if isinstance(person, SimpleLazyObject):
        person = getattr(request, "_cached_user", None)
    pk = getattr(person, "pk", None)
    return str(pk) if pk is not None else None


def _log(
    request: HttpRequest, status: int, seconds: float, notes: Mapping[str, context.Fact]
) -> None:
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
