"""Traces each request, with a span for its view. The middleware is used only if tracing is on.

The span of a request contains the pattern of its route, but not the path, the query string, the
client's IP address or other headers. Probes, /metrics and static files are not traced, because they
are frequent and do not move money. The trace ends before a response is streamed.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseBase

from ledger.tracing import spans
from ledger.web.request_counts import EARLY, METHODS

# Exceptions for which Django returns a status below 500.
REFUSALS = (Http404, PermissionDenied, SuspiciousOperation)
SERVER_ERROR = 500


class RequestSpanMiddleware:
    """Middleware that begins the trace. It must be the first middleware, so that the trace contains
    all work for the request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path in EARLY or path.startswith(settings.STATIC_URL):
            return self.get_response(request)
        method = request.method if request.method in METHODS else "_OTHER"
        facts = {"http.request.method": str(method), "url.scheme": str(request.scheme)}
        name = str(method).replace("_OTHER", "HTTP")
        with spans.begin(name, facts, headers=request.META) as span:
            request.trace_ids = spans.ids()  # type: ignore[attr-defined]
            response = self.get_response(request)
            _note_answer(span, name, request, response)
            return response


class ViewSpanMiddleware:
    """Middleware that opens a span for the view. The span also contains the rendering of the
    template, and middleware methods after the route is known. It must be the last middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with spans.span("view") as span:
            request._view_span = span  # type: ignore[attr-defined]
            response = self.get_response(request)
            if request.resolver_match is not None:
                span.rename(f"view {request.resolver_match.view_name}")
            return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if not isinstance(exception, REFUSALS):
            span: spans.Span = request._view_span  # type: ignore[attr-defined]
            span.fail(type(exception).__name__)


def _note_answer(
    span: spans.Span, name: str, request: HttpRequest, response: HttpResponseBase
) -> None:
    facts: dict[str, Any] = {"http.response.status_code": response.status_code}
    if request.resolver_match is not None:
        facts["http.route"] = route = f"/{request.resolver_match.route}"
        span.rename(f"{name} {route}")
    span.note(facts)
    if response.status_code >= SERVER_ERROR:
        span.fail(str(response.status_code))
