"""Signs in requests under /api/ that have an access token: `Authorization: Bearer <token>`.

Note [Token or session]: a request with such a header is signed in by the token or by nobody. Its
session cookie counts as not sent, so no page of another site can add a session to it, and it needs
no CSRF token: a browser sends no such header by itself. A request without one is signed in by its
session, with CSRF, as every page.
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
WRONG_TOKENS = limits.Limit("wrong_tokens", 60, 5 * limits.MINUTE)  # of one client


class TokenMiddleware:
    """Sets `request.api_token`, an ApiToken or a ProviderToken, and the person as `request.user`,
    limited to the token's scopes.

    A token that does not work sets `request.api_token_error`, a TokenRefused with its `code` and
    sentence, and leaves a request of nobody. Without a Bearer header both are None. Stands after
    AuthenticationMiddleware; all that looks at the person stands below or asks later.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sign_in_by_token(request)
        return self.get_response(request)


def sign_in_by_token(request: Any) -> None:
    """Sets what TokenMiddleware promises; does nothing outside the API."""
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
    request._cached_user = token.user  # as AuthenticationMiddleware leaves it
    if isinstance(token, ApiToken):
        tokens.note_use(token, places.words_for(request))


def _forget_session(request: Any) -> None:
    """See Note [Token or session]."""
    request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
    request.session = SessionStore()
    request._cached_user = request.user = AnonymousUser()
    request._dont_enforce_csrf_checks = True


def _token_for(text: str) -> ApiToken | ProviderToken:
    """The token that works with this text; raises TokenRefused."""
    token = provider_tokens.read(text) if provider_tokens.is_one(text) else tokens.read(text)
    token.user.limit_to(token.scopes)
    return token


def _counted(request: HttpRequest, refusal: TokenRefused) -> TokenRefused:
    """Notes a wrong token; returns the refusal, or that there were too many from this client.

    A malformed one is not counted, because it costs no query, nor one that cannot be verified while
    the identity provider is away. The count refuses nobody whose token
    works, or strangers behind the same address could lock them out.
    """
    row = refusal.row
    security_log.record(
        "credential.used", outcome="refused", request=request, kind=refusal.kind,
        person=refusal.person, row=row.pk if row else None, reason=refusal.reason,
    )  # fmt: skip
    if refusal.code in UNCOUNTED or limits.passes_for_client(WRONG_TOKENS, request):
        return refusal
    return TokenRefused("limited", row)
