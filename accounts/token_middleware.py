"""Authenticates requests by their session, and requests under /api/ also with an access token:
`Authorization: Bearer <token>`.

Note [Token or session]: a request with this header is authenticated only by its token. Its session
cookie is ignored, so a page of another site cannot add the session of the browser's user. The
request needs no CSRF token, because a browser never sends this header by itself. A request without
the header is authenticated by its session, with CSRF protection, like every page.
"""

import re
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from accounts import current_access
from accounts.models import ApiToken
from accounts.sign_in import limits, places, provider_tokens, tokens
from accounts.sign_in.provider_tokens import ProviderToken
from accounts.sign_in.revalidation import refuse_request_if_ended
from accounts.sign_in.session_store import SessionStore
from accounts.sign_in.tokens import TokenRefused
from ledger.db.history import facts
from ledger.web import security_log
from ledger.web.request_facts import facts_of

PATHS = "/api/"
BEARER = re.compile(r"bearer(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
UNCOUNTED = ("malformed", "unavailable")
WRONG_TOKENS = limits.Limit("wrong_tokens", 60, 5 * limits.MINUTE)  # per client


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Django's middleware that sets `request.user`, extended by access tokens for API requests. For
    a request with a valid token, it sets `request.api_token` to an ApiToken or a ProviderToken, and
    `request.user` to the token's owner. The rights of this user instance are limited to the token's
    scopes.

    For an invalid token, the request stays unauthenticated, and `request.api_token_error` is a
    TokenRefused with a `code` and a message. Without a Bearer header, `api_token` and
    `api_token_error` are None.

    Inside this middleware, services can check again whether the session or token is valid (see
    `UserQuerySet.lock_active`), and the history records the sender (Note [Facts of a write]).

    This middleware must follow SessionMiddleware, and precede all code that reads the user.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        with (
            current_access.checked_by(partial(refuse_request_if_ended, request)),
            facts.with_facts(lambda: facts_of(request)),
        ):
            return self.get_response(request)  # type: ignore[return-value]  # not a coroutine

    def process_request(self, request: HttpRequest) -> None:
        """Sets `request.user` to the owner of the session or, for an API request with a token, to
        the owner of the token.
        """
        super().process_request(request)
        _sign_in_by_token(request)


def _sign_in_by_token(request: Any) -> None:
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
    request._cached_user = token.user  # Django sets the same attribute
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
