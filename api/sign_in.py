"""Authentication for REST framework, by the token in the header or by the session of a browser.

The middleware has already read the token and the session, so this module makes no queries. A
refusal has the header WWW-Authenticate with the reason, as in RFC 6750.
"""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.security.second_factor_rule import lacks_second_factor
from api.caller import Caller, TokenScope, caller_of
from api.problems import NotYours, ProviderAway
from transactions.scope import BANK

WAIT = 300  # seconds, after too many wrong tokens from one client
PROVIDER_WAIT = 5  # seconds, if the identity provider is unavailable
HOW_TO_SIGN_IN = (
    "Send Authorization: Bearer <token>, with a token from the page Security or from manage.py"
    " create_token."
)
REALM = 'Bearer realm="Ledger"'
IN_WORDS = {
    TokenScope.READ: "read",
    TokenScope.PAY: "pay",
    TokenScope.STAFF: "do what staff do",
    TokenScope.REPORT: "read reports",
}


class ByToken(BaseAuthentication):
    """Authentication with `Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Returns the user and the token, or None if the header contains no token.

        Raises: AuthenticationFailed, Throttled, ProviderAway.
        """
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
        """Returns the value of the header WWW-Authenticate. Without this header, REST framework
        would respond with 403 instead of 401.
        """
        error = getattr(request._request, "api_token_error", None)
        return _challenge(error.challenge, str(error)) if error else REALM


class BySession(SessionAuthentication):
    """Authentication with a browser session and Django's CSRF check."""


def scopes_for(view: Any, method: str) -> list[TokenScope]:
    """Returns the scopes that a method of a view requires: by default read for methods that read,
    and pay for methods that write. The attributes `scopes` and `answers_earlier_rows` of the view
    change this.
    """
    if method == "OPTIONS":
        return []
    read_as = "GET" if method == "HEAD" else method
    usual = TokenScope.READ if read_as == "GET" else TokenScope.PAY
    scope = getattr(view, "scopes", {}).get(read_as, usual)
    also = [TokenScope.READ] if read_as in getattr(view, "answers_earlier_rows", ()) else []
    return [*([] if scope is None else [scope]), *also]


class HasScope(BasePermission):
    """Permission for callers with the scopes that the method requires: see `scopes_for`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Returns True if the caller has the scopes.

        Raises: NotAuthenticated, with a message, if the caller is not authenticated; NotYours, with
        a message, if a scope is missing.
        """
        if not request.user.is_authenticated:
            raise NotAuthenticated(_how_to_sign_in(request))
        caller = caller_of(request)
        if caller.token is None and lacks_second_factor(request._request):
            raise NotYours("Sign in with a second factor first.")
        if request.method not in view.allowed_methods:
            return True  # the view refuses the method, regardless of the scope
        for scope in scopes_for(view, str(request.method)):
            if not caller.may(scope):
                raise lacks_scope(scope, f"This token may not {IN_WORDS[scope]}")
        return True


def _how_to_sign_in(request: Request) -> str:
    """Returns a message that explains how to authenticate. The message never repeats the header."""
    if not hasattr(request._request, "api_token"):  # see `accounts.token_middleware.PATHS`
        return "Sign in with a browser. Access tokens are accepted at addresses under /api/ only."
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return (
            "A browser sends this request for a page of another site. The API does not support"
            f" CORS: call it from a server. {HOW_TO_SIGN_IN}"
        )
    if "Authorization" in request.headers:
        return f"This kind of Authorization is not accepted. {HOW_TO_SIGN_IN}"
    return f"Nobody is signed in. {HOW_TO_SIGN_IN}"


def check_whose(caller: Caller, whose: str) -> None:
    """Raises NotYours if the caller lacks the scope for `whose`: BANK is the whole bank, and every
    other value is the caller's own money.
    """
    if whose == BANK and not caller.may_ask_bank:
        raise lacks_scope(TokenScope.REPORT, "This token may not read the bank")
    if whose != BANK and not caller.may(TokenScope.READ):
        raise lacks_scope(TokenScope.READ, "This token may not read")


def lacks_scope(scope: str, what: str) -> NotYours:
    """Returns the refusal for a token that lacks this scope, with the header of RFC 6750 (section
    3.1).
    """
    refusal = NotYours(f"{what}: it lacks the scope {scope}.")
    challenge = _challenge("insufficient_scope", str(refusal.detail), scope=scope)
    refusal.auth_header = challenge  # type: ignore[attr-defined]
    return refusal


def _challenge(error: str, description: str, **more: str) -> str:
    """Returns the value of the header WWW-Authenticate for a refusal. All values are our own texts
    without quotation marks.
    """
    facts = {"error": error, "error_description": description, **more}
    return REALM + "".join(f', {name}="{value}"' for name, value in facts.items())
