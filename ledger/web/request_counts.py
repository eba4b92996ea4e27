"""Counts requests by the names of their routes, for `/metrics`.

A path cannot be a label, because a path may contain an id, and anybody can invent new paths. All
URLs without a route have the same label.
"""

from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ledger.metrics.kinds import Counter, Gauge, Histogram
from ledger.web.page_names import page_name

REQUESTS = Counter(
    "ledger_http_requests_total",
    "Requests by the name of their route, method and class of status.",
    ["route", "method", "status"],
)
SECONDS = Histogram(
    "ledger_http_request_seconds",
    "Time until the head of the answer; a body that is streamed comes after it.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_FLIGHT = Gauge("ledger_http_requests_in_flight", "Requests that are being answered.")
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
UNKNOWN, STATIC, OTHER = "unknown", "static", "other"
# Paths that are answered before Django searches for a route.
EARLY = {"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics"}


def count(request: HttpRequest, status: int, seconds: float) -> None:
    """Counts a request for `/metrics`. `status` is the status of its response, or 500 if there is
    no response. `seconds` is the time until the response.
    """
    is_failure = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    route = route_or_page_of(request) if is_failure else route_of(request)
    _seconds_of(route).observe(seconds)
    _count_of(route, method_of(request), f"{status // 100}xx").inc()


def route_of(request: HttpRequest) -> str:
    """Returns the name of the route that answered the request, or UNKNOWN."""
    match = request.resolver_match
    if match is not None:
        return match.view_name or UNKNOWN
    path = request.path_info
    if path in EARLY:
        return EARLY[path]
    return STATIC if path.startswith(settings.STATIC_URL) else UNKNOWN


def route_or_page_of(request: HttpRequest) -> str:
    """Returns the name of the route. If Django has not searched for the route, as in a database
    outage, returns the name of the page.
    """
    route = route_of(request)
    return (page_name(request.path_info) or UNKNOWN) if route == UNKNOWN else route


def method_of(request: HttpRequest) -> str:
    """Returns the request method, or OTHER for an unknown method."""
    return request.method if request.method in METHODS else OTHER


# The caches of both functions stay small, because there are only a few routes, methods and status
# classes.
@cache
def _seconds_of(route: str) -> Any:
    return SECONDS.labels(route)


@cache
def _count_of(route: str, method: str, status: str) -> Any:
    # This counter starts at 0, so that the first failure is visible as an increase.
    REQUESTS.labels(route, method, "5xx")
    return REQUESTS.labels(route, method, status)
