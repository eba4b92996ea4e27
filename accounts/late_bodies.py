"""Decides what a request may do once its body is complete.

Note [Late bodies]: a client may send a body for as long as it likes. Before its last byte, the
token may be revoked, the session ended, the sign-in closed, or rights taken from the person. So a
short body is read before session or token. A longer body may hold a thread for long while it is
read, so it is read only for somebody who is signed in, also by the CSRF check. To strangers a page
that is open to them (the sign-in) answers 413, and other pages lead to it. Then session or token,
and the person with their rights, are read again: by the middleware for pages, and for calls of the
API by `ApiView.initial`, once the scope and the rate limit have let the call in. One that `Expect`
delays counts as long. Behind the nginx of `deploy/` every body is complete when its request begins.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import UnreadablePostError

from accounts.token_middleware import PATHS, sign_in_by_token
from ledger.web import database_errors
from ledger.web.middleware import content_length

SHORT = 64 * 1024  # bytes; the forms of the site stay far below
READS = ("GET", "HEAD", "OPTIONS", "TRACE")
CUT_OFF = "Its body ended too early. Nothing was changed. Send it again."
NOT_READ = (
    "Nobody is signed in, so at most 64 KB are read here, and nothing that `Expect` delays. Nothing"
    " was changed. Send less, or sign in first."
)

_sessions, _people = SessionMiddleware(HttpResponse), AuthenticationMiddleware(HttpResponse)


class LateBodyMiddleware:
    """Reads short bodies before the person, and the person again after long bodies of pages.

    Stands before the CSRF check, which reads bodies of pages, and before all that reads the session
    or the token.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _changes_something(request) and not is_late(request):
            try:
                request.body  # noqa: B018 - Django keeps it
            except UnreadablePostError:
                title, status = "The request cannot be read", HTTPStatus.BAD_REQUEST
                return database_errors.page(title, CUT_OFF, None, status=status)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_arguments: Any
    ) -> HttpResponseBase | None:
        """Reads the long body of a page, then the session and its person again. Reads nothing for
        a stranger, who is led to the sign-in or, by an open page, refused.
        """
        if _is_call(request) or not is_late(request):
            return None
        if not request.user.is_authenticated:
            if getattr(view, "login_required", True):
                return redirect_to_login(request.get_full_path())
            return _not_read(request)
        request.POST  # noqa: B018 - reads the body
        sign_in_again(request)
        return None


def _not_read(request: HttpRequest) -> HttpResponse:
    is_long = content_length(request) > SHORT
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_long else HTTPStatus.EXPECTATION_FAILED
    return database_errors.page("This was not read", NOT_READ, None, status=status)


def is_late(request: HttpRequest) -> bool:
    """Whether a request may change something, and has a body that is not short."""
    is_short = content_length(request) <= SHORT and "Expect" not in request.headers
    return _changes_something(request) and not is_short


def sign_in_again(request: HttpRequest) -> None:
    """Reads the session or the token, and the person with their rights, as they are now."""
    request.__dict__.pop("_cached_user", None)
    _sessions.process_request(request)
    _people.process_request(request)
    sign_in_by_token(request)


def _is_call(request: HttpRequest) -> bool:
    """Whether it is one of the API, which answers to nobody by itself."""
    return request.path_info.startswith(PATHS)


def _changes_something(request: HttpRequest) -> bool:
    return request.method not in READS and content_length(request) > 0
