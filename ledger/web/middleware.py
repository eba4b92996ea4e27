"""Middleware for probes, proxies, addresses, HEAD requests, large bodies and database failures."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.db import DataError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.defaultfilters import filesizeformat

from ledger.web import database_errors, health, outages
from ledger.web.mail import MailNotSent
from ledger.web.request_counts import route_of
from ledger.web.uploads import most_of_body

logger = logging.getLogger(__name__)
PROBES = {"/healthz": health.healthz, "/readyz": health.readyz}
READS = ("GET", "HEAD")
COMPLETIONS = "admin:autocomplete"
NO_VALUES = (DataError, ValueError, OverflowError)  # raised by what no query can take


class ProbeMiddleware:
    """Answers probes before the host check, the redirect to HTTPS and the sign-in.

    A probe would fail all three: it comes by IP address, over plain HTTP, without a session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = PROBES.get(request.path_info, self.get_response)
        if "verbose" in request.GET and view is health.readyz:
            return self._verbose(request)
        return view(request)

    def _verbose(self, request: HttpRequest) -> HttpResponseBase:
        """The answer for staff; the short one where nobody can tell who is signed in."""
        answer = self.get_response(request)  # which reads the session
        is_page = not isinstance(answer, JsonResponse)
        if is_page and answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return health.readyz(request)
        return answer


class OneAddressMiddleware:
    """Takes the address of the site from `LEDGER_URL` instead of the Host header.

    So nobody can have a mail sent to somebody else whose link leads elsewhere. A Host that is not
    in ALLOWED_HOSTS is refused as before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.LEDGER_URL:
            request.get_host()  # raises DisallowedHost
            request.META["HTTP_HOST"] = settings.LEDGER_URL.partition("://")[2]
        return self.get_response(request)


class ForwardedForMiddleware:
    """Refuses, with status 400, a request whose X-Forwarded-For our proxies cannot have written:
    with fewer addresses than there are proxies, or no address where theirs belongs. No page could
    tell whose request it is. A request without the header has its sender's address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_read = settings.ALLAUTH_TRUSTED_PROXY_COUNT and request.headers.get("X-Forwarded-For")
        if is_read and not _has_address(request):
            raise BadRequest("X-Forwarded-For does not fit LEDGER_PROXY_COUNT")
        return self.get_response(request)


def _has_address(request: HttpRequest) -> bool:
    try:
        return get_client_ip(request) is not None
    except ImproperlyConfigured:  # fewer addresses than proxies
        return False


class HeadMiddleware:
    """Answers HEAD with the headers of GET and no body, as gunicorn expects of an app."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse) and response.content:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class BodyLimitMiddleware:
    """Refuses a body that is larger than its page accepts, with status 413, before it is read.

    Django would write the files of any POST to disk, even an anonymous one to the sign-in page.
    Pages that read files accept more, but only from somebody signed in. A body without a
    Content-Length is not read at all.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        most, length = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, content_length(request)
        if length > most and request.user.is_authenticated:
            most = most_of_body(request.path_info)
        if length > most:
            size = filesizeformat(most)
            why = (
                f"It is larger than the {size} that this page accepts, so it was not read. "
                "Nothing was changed. Go back and send less at once."
            )
            return database_errors.page("This is too large", why, None, status=413)
        return self.get_response(request)


def content_length(request: HttpRequest) -> int:
    """The announced bytes of the body; 0 if the header is missing or no number, as for Django."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


NO_MAIL = (
    "No mail could be sent",
    "The mail server does not answer at the moment, and this needs a mail. Try again later.",
)


class TroubleMiddleware:
    """Shows a page with status 503 if the database failed in a view, or the mail server."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        database_errors.note_start(request)
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if isinstance(exception, MailNotSent):
            logger.error("A mail could not be sent: %s", exception)
            return database_errors.page(*NO_MAIL, again=None)
        page = database_errors.page_for(request, exception)
        if page is not None:
            outages.log_failure(request, exception)
        return page


class PrivateMiddleware:
    """Forbids caching of a signed-in person's pages: after signing out, Back shows none of them.

    The response to a POST is only `private`: with `no-store`, Back could not return to it. A
    Cache-Control header that the view has set is kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "Cache-Control" in response.headers:  # as on the page of a database that is away
            return response
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            read = request.method in READS
            response.headers["Cache-Control"] = "private, no-store" if read else "private"
        return response


class OneIdMiddleware:
    """Knows an object of the admin by one address: 404 for its id in another spelling, which Python
    reads too: with more or fewer dashes, in braces, as `urn:uuid:`, or as Django quotes keys. The
    site's own addresses take the usual spelling alone. So the log of reads, which keeps the start
    of an address, has the id.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.resolver_match and request.resolver_match.namespace == "admin":
            for given in kwargs.values():
                if isinstance(given, str) and _is_id_in_another_spelling(given):
                    raise Http404("The id has another spelling than in the admin's own addresses.")


def _is_id_in_another_spelling(text: str) -> bool:
    try:
        return str(UUID(unquote(text))) != text
    except ValueError:
        return False


class ListFilterMiddleware:
    """Leads from a list of the admin whose filter no query can take, such as the year -1 or a NUL
    byte, to the list without filters. Django does the same for values that it checks itself. Words
    with a NUL byte complete to nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        takes_values = name == COMPLETIONS or name.endswith("_changelist")
        is_of_a_value = isinstance(exception, NO_VALUES)
        if not (takes_values and is_of_a_value and request.GET and request.method in READS):
            return None
        kind = type(exception).__name__
        logger.warning("%s: a filter could not be used: %s", route_of(request), kind)
        if name == COMPLETIONS:
            return JsonResponse({"results": [], "pagination": {"more": False}})
        return HttpResponseRedirect(request.path)
