"""Authenticates requests under /api/ with an access token: `Authorization: Bearer <token>`.

Note [Token or session]: a request with this header is authenticated only by its token. Its session
cookie is ignored, so a page of another site cannot add the session of the browser's user. The
request needs no CSRF token, because a browser never sends this header by itself. A request without
the header is authenticated by its session, with CSRF protection, like every page.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from accounts.models import ApiToken
from accounts.sign_in import limits, places, provider_tokens, tokens
from accounts.sign_in.provider_tokens import ProviderToken
from accounts.sign_in.session_store import SessionStore
from accounts.sign_in.tokens import TokenRefused
from ledger.web import security_log

PATHS = "/api/"
BEARER = re.compile(r"bearer(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
UNCOUNTED = ("malformed", "unavailable")
WRONG_TOKENS = limits.Limit("wrong_tokens", 60, 5 * limits.MINUTE)  # per client


class TokenMiddleware:
    """Middleware that authenticates API requests by their token. It sets `request.api_token` to an
    ApiToken or a ProviderToken, and `request.user` to the token's owner, with rights that are
    limited to the token's scopes.

    For an invalid token, the request stays unauthenticated, and `request.api_token_error` is a
    TokenRefused with a `code` and a message. Without a Bearer header, `api_token` and
    `api_token_error` are None. This middleware must follow AuthenticationMiddleware, and precede
    all code that reads the user.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sign_in_by_token(request)
        return self.get_response(request)


def sign_in_by_token(request: Any) -> None:
    """Sets the attributes that TokenMiddleware describes. Does nothing outside the API."""
    if not request.path_info.startswith(PATHS):
        return
    request.api_token = request.api_token_error = None
    found = BEARER.fullmatch(request.META.get("HTTP_AUTHORIZATION", "").strip(" \t"))
    if found is None:
        return
    _forget_session(request)
    try:
        token = _token_for(found[1] or "")
    except TokenRefused as refusal:
        request.api_token_error = _counted(request, refusal)
        return
    request.api_token, request.user = token, token.user
    request._cached_user = token.user  # AuthenticationMiddleware sets the same attribute
    if isinstance(token, ApiToken):
        tokens.note_use(token, places.words_for(request))


def _forget_session(request: Any) -> None:
    """Removes the session from the request. See Note [Token or session]."""
    request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
    request.session = SessionStore()
    request._cached_user = request.user = AnonymousUser()
    request._dont_enforce_csrf_checks = True


def _token_for(text: str) -> ApiToken | ProviderToken:
    """Returns the valid token with this text.

    Raises: TokenRefused.
    """
    token = provider_tokens.read(text) if provider_tokens.is_one(text) else tokens.read(text)
    token.user.limit_to(token.scopes)
    return token


def _counted(request: HttpRequest, refusal: TokenRefused) -> TokenRefused:
    """Records the use of a wrong token and returns the refusal for the response. After too many
    wrong tokens from this client, the refusal has the code "limited".

    Two kinds of tokens do not count: a malformed token, because it costs no query, and a token that
    cannot be verified because the identity provider is unavailable. A valid token is never refused
    because of this limit. Otherwise strangers behind the same IP address could lock users out.
    """
    row = refusal.row
    security_log.record(
        "credential.used", outcome="refused", request=request, kind=refusal.kind,
        person=refusal.person, row=row.pk if row else None, reason=refusal.reason,
    )  # fmt: skip
    if refusal.code in UNCOUNTED or limits.passes_for_client(WRONG_TOKENS, request):
        return refusal
    return TokenRefused("limited", row)
