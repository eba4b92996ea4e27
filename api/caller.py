"""The caller of an API request. A caller has a token with scopes, or a browser session with all
rights of the user.

`accounts.token_middleware` reads the token in the header before any view runs.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.models import ApiToken, User
from accounts.sign_in.provider_tokens import ProviderToken
from accounts.sign_in.revalidation import refuse_if_ended
from transactions.scope import may_read_bank

TokenScope = ApiToken.TokenScope


@dataclass(frozen=True, slots=True)
class Caller:
    """The user and the token of a request. The token is None in a browser session."""

    person: User
    token: ApiToken | ProviderToken | None = None
    session_key: str | None = None

    def may(self, scope: ApiToken.TokenScope) -> bool:
        """Returns whether the caller has this scope. A token has a scope only if its user also has
        the rights for the scope. A session always has the scopes read and pay, and has the scopes
        staff and report if the user has the rights.
        """
        if self.token is not None:
            return self.token.allows(scope)
        if scope is TokenScope.STAFF:
            return bool(self.person.is_staff)
        return scope is not TokenScope.REPORT or may_read_bank(self.person)

    def refuse_if_ended(self) -> None:
        """Raises AccessEnded if the token, the session or the sign-in has ended since the request
        began.
        """
        refuse_if_ended(self.person, session_key=self.session_key, token=self.token)

    @property
    def may_ask_bank(self) -> bool:
        """Whether the caller has the scope report or the scope staff. To read the whole bank, a
        caller needs one of these scopes, and the user needs the right to do so: see `reads_bank`.
        """
        return self.may(TokenScope.REPORT) or self.may(TokenScope.STAFF)

    @property
    def reads_bank(self) -> bool:
        """Whether the caller may read the whole bank. The caller needs the scope report or staff,
        and the user needs the right.
        """
        return self.may_ask_bank and may_read_bank(self.person)


def caller_of(request: Any) -> Caller:
    """Returns the caller of an authenticated request of Django or REST framework."""
    plain: HttpRequest = getattr(request, "_request", request)
    token = getattr(plain, "api_token", None)
    return Caller(plain.user, token, plain.session.session_key)  # type: ignore[arg-type]
