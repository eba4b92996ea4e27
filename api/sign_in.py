"""How REST framework knows who calls: by the token of the header, or by the session of a browser.

Refusals tell programs why in the header WWW-Authenticate, as RFC 6750 says.

The middleware before it has read both; nothing here asks the database.
"""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.security.second_factor_rule import lacks_second_factor
from api.caller import Caller, TokenScope, caller_of
from api.problems import NotYours, ProviderAway
from transactions.scope import BANK

WAIT = 300  # seconds, after too many wrong tokens from a client
PROVIDER_WAIT = 5  # seconds, while the identity provider is away
REALM = 'Bearer realm="Ledger"'
IN_WORDS = {
    TokenScope.READ: "read",
    TokenScope.PAY: "pay",
    TokenScope.STAFF: "do what staff do",
    TokenScope.REPORT: "read reports",
}


class ByToken(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The person and their token; None without the header. Raises AuthenticationFailed."""
        plain: Any = request._request
        if error := getattr(plain, "api_token_error", None):
            if error.code == "limited":
                raise Throttled(wait=WAIT, detail=str(error))
            if error.code == "unavailable":
                away = ProviderAway(str(error))
                away.wait = PROVIDER_WAIT  # type: ignore[attr-defined]
                raise away
            raise AuthenticationFailed(str(error))
        token = getattr(plain, "api_token", None)
        return (plain.user, token) if token is not None else None

    def authenticate_header(self, request: Request) -> str:
        """With it, REST framework answers 401 and not 403."""
        error = getattr(request._request, "api_token_error", None)
        return _challenge(error.challenge, str(error)) if error else REALM


class BySession(SessionAuthentication):
    """The session of a browser, with Django's check against forged requests."""


class HasScope(BasePermission):
    """Lets in whom the view's scope for this method fits: `scopes` of `api.views.ApiView`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises NotYours with a sentence; False where nobody is signed in."""
        if not request.user.is_authenticated:
            return False
        caller = caller_of(request)
        if caller.token is None and lacks_second_factor(request._request):
            raise NotYours("Sign in with a second factor first.")
        if request.method not in view.allowed_methods:
            return True  # the view refuses the method, whatever the scope
        scope = view.scope_of(request.method)
        if scope is not None and not caller.may(scope):
            raise lacks_scope(scope, f"This token may not {IN_WORDS[scope]}")
        return True


def check_whose(caller: Caller, whose: str) -> None:
    """Raises NotYours if the token may not read the bank, or else one's own money."""
    if whose == BANK and not caller.may_ask_bank:
        raise lacks_scope(TokenScope.REPORT, "This token may not read the bank")
    if whose != BANK and not caller.may(TokenScope.READ):
        raise lacks_scope(TokenScope.READ, "This token may not read")


def lacks_scope(scope: str, what: str) -> NotYours:
    """The refusal of a token without this scope, with the header of RFC 6750 (section 3.1)."""
    refusal = NotYours(f"{what}: it lacks the scope {scope}.")
    challenge = _challenge("insufficient_scope", str(refusal.detail), scope=scope)
    refusal.auth_header = challenge  # type: ignore[attr-defined]
    return refusal


def _challenge(error: str, description: str, **more: str) -> str:
    """The header of a refusal. Its values are our own sentences and words, without quotes."""
    facts = {"error": error, "error_description": description, **more}
    return REALM + "".join(f', {name}="{value}"' for name, value in facts.items())
