"""Middleware that observes each request, adapts each response to its client, and refuses requests
with wrong headers.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import UUID

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
)

from ledger.logs import context
from ledger.web import (
    body_types,
    problem_details,
    redirects,
    request_counts,
    request_log,
    security_log,
    waiting,
)


class ObservationMiddleware:
    """Middleware that gives each request an id, counts it for `/metrics`, and writes its line in
    the request log. Also records refusals in the security log, and adds the header `X-Request-ID`
    to the response.

    Only the tracing middleware may come before this middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        waiting.note_wait(request)
        began, status = perf_counter(), 500
        request.request_id = request_log.id_for(request)  # type: ignore[attr-defined]
        request_counts.IN_FLIGHT.inc()
        try:
            with (
                context.with_facts(lambda: request_log.facts_of(request)),
                context.noting() as notes,
                security_log.of_request(request),
            ):
                response = self.get_response(request)
                status = response.status_code
                security_log.record_refusal(request, status)
                request_log.log(request, status, perf_counter() - began, notes)
        finally:
            request_counts.IN_FLIGHT.dec()
            request_counts.count(request, status, perf_counter() - began)
        response.headers[request_log.REQUEST_HEADER] = request.request_id  # type: ignore[attr-defined]
        return response


class ResponseFormMiddleware:
    """Middleware that adapts each response to its client. API calls get problem details instead of
    error pages. htmx gets redirects as HX-Redirect. HEAD requests get the headers of GET and an
    empty body, as gunicorn requires.

    This middleware precedes all middleware that refuses or redirects a request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = problem_details.instead_of_page(request, self.get_response(request))
        redirects.redirect_whole_page(request, response)
        if request.method == "HEAD" and isinstance(response, HttpResponse) and response.content:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class RequestCheckMiddleware:
    """Middleware that refuses requests whose Content-Type, Accept, cookies or X-Forwarded-For
    cannot be used. Also replaces the Host header with the address in `LEDGER_URL`. Otherwise an
    attacker could make the site send emails with links to another site.

    This middleware must precede all code that reads cookies, the body, the Host header or
    X-Forwarded-For. A Host header that is not in ALLOWED_HOSTS is refused even if `LEDGER_URL`
    replaces it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if refusal := body_types.refusal(request):
            return refusal
        if not _is_forwarded_by_our_proxies(request):
            raise BadRequest("X-Forwarded-For does not fit LEDGER_PROXY_COUNT")
        if settings.LEDGER_URL:
            request.get_host()  # raises DisallowedHost if the host is not allowed
            request.META["HTTP_HOST"] = settings.LEDGER_URL.partition("://")[2]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Raises Http404 for an id in a URL of the admin that is not in the usual form. Python
        accepts more forms of a UUID: with other dashes, in braces, with `urn:uuid:`, or quoted by
        Django. The read log stores the beginning of a URL, which must contain the usual form.
        """
        if request.resolver_match and request.resolver_match.namespace == "admin":
            for given in kwargs.values():
                if isinstance(given, str) and _is_id_in_another_spelling(given):
                    raise Http404("The id has another spelling than in the URLs of the admin.")


def _is_forwarded_by_our_proxies(request: HttpRequest) -> bool:
    """Returns False if X-Forwarded-For cannot come from our proxies: it contains fewer addresses
    than there are proxies, or it contains an invalid address. Without this header, the client's
    address is the sender of the connection.
    """
    if not (settings.ALLAUTH_TRUSTED_PROXY_COUNT and request.headers.get("X-Forwarded-For")):
        return True
    try:
        return get_client_ip(request) is not None
    except ImproperlyConfigured:  # the header has fewer addresses than there are proxies
        return False


def _is_id_in_another_spelling(text: str) -> bool:
    try:
        return str(UUID(unquote(text))) != text
    except ValueError:
        return False
