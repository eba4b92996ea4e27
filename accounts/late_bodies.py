"""Limits the size of request bodies, and decides what a request may do after its body was received
completely.

Note [Late bodies]: a client can send a body very slowly. Before the last byte arrives, the token
may be revoked, the session may end, the sign-in may be closed, or the user may lose rights.
Therefore a short body is read before the session or token.

A long body may block a thread for a long time, so it is read only for signed-in users. For other
users, a public page responds with 413, and other pages redirect to the sign-in page. After a long
body, the session or token and the user's rights are read again: for pages by the middleware, and
for API calls by `ApiView.initial`. A body that is delayed by the header `Expect` is treated as
long. Behind the nginx of `deploy/`, every body is complete before its request begins.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import UnreadablePostError
from django.template.defaultfilters import filesizeformat

from accounts.token_middleware import PATHS, AuthenticationMiddleware
from ledger.web import database_errors
from ledger.web.uploads import content_length, max_body_bytes

SHORT = 64 * 1024  # bytes; the bodies of the site's forms are much shorter
READS = ("GET", "HEAD", "OPTIONS", "TRACE")
CUT_OFF = "The request ended too early. Nothing was changed. Send it again."
NOT_READ = (
    "You are not signed in, so this page accepts at most 64 KB, and does not accept an `Expect`"
    " header. Nothing was changed. Send less, or sign in first."
)

_sessions, _people = SessionMiddleware(HttpResponse), AuthenticationMiddleware(HttpResponse)


class BodyMiddleware:
    """Middleware that reads short bodies before the user is loaded, refuses bodies above the limit
    of a page, and loads the user again after a long body of a page.

    It must precede the CSRF check, which reads bodies of pages, and all code that reads the session
    or the token.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _changes_something(request) and not is_late(request):
            try:
                request.body  # noqa: B018 - Django stores the body in the request
            except UnreadablePostError:
                title, status = "The request cannot be read", HTTPStatus.BAD_REQUEST
                return database_errors.page(title, CUT_OFF, None, status=status)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_arguments: Any
    ) -> HttpResponseBase | None:
        """Reads the long body of a page, loads the session and its user again, and returns None. If
        the body is above the page's limit, or the user is not signed in, does not read the body,
        and returns a refusal or a redirect to the sign-in page.
        """
        if refusal := _too_large(request):
            return refusal
        if _is_call(request) or not is_late(request):
            return None
        if not request.user.is_authenticated:
            if getattr(view, "login_required", True):
                return redirect_to_login(request.get_full_path())
            return _not_read(request)
        request.POST  # noqa: B018 - reads the body
        sign_in_again(request)
        return None


def _too_large(request: HttpRequest) -> HttpResponse | None:
    """Returns a response with status 413 for a body above the page's limit. Otherwise Django would
    write the files of every POST to disk, even for anonymous users. A body without a Content-Length
    is not read.

    Pages for files have a higher limit for signed-in users.
    """
    most, length = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, content_length(request)
    if length > most and request.user.is_authenticated:
        most = max_body_bytes(request.path_info)
    if length <= most:
        return None
    size = filesizeformat(most)
    why = (
        f"This page accepts at most {size}, and you sent more, so we did not read your request."
        " Nothing was changed. Go back and send less."
    )
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return database_errors.page("Your request is too large", why, None, status=status)


def _not_read(request: HttpRequest) -> HttpResponse:
    is_long = content_length(request) > SHORT
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_long else HTTPStatus.EXPECTATION_FAILED
    return database_errors.page("We did not read your request", NOT_READ, None, status=status)


def is_late(request: HttpRequest) -> bool:
    """Returns whether a request may change data and has a long body."""
    is_short = content_length(request) <= SHORT and "Expect" not in request.headers
    return _changes_something(request) and not is_short


def sign_in_again(request: HttpRequest) -> None:
    """Loads the session or token again, and the user with their current rights."""
    request.__dict__.pop("_cached_user", None)
    _sessions.process_request(request)
    _people.process_request(request)


def _is_call(request: HttpRequest) -> bool:
    """Returns whether this is an API call. The API itself refuses calls without a user."""
    return request.path_info.startswith(PATHS)


def _changes_something(request: HttpRequest) -> bool:
    return request.method not in READS and content_length(request) > 0
