"""The caller of a request: a token with its scopes, or a session with all rights of its user.

`accounts.token_middleware` has read the token in the header before any view runs.
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
    """The user of a request, and their token, or None in a browser session."""

    person: User
    token: ApiToken | ProviderToken | None = None
    session_key: str | None = None

    def may(self, scope: ApiToken.TokenScope) -> bool:
        """Returns whether the token has the scope, and its user the rights for it. A session has
        all scopes, but staff and reports only if the user has the rights.
        """
        if self.token is not None:
            return self.token.allows(scope)
        if scope is TokenScope.STAFF:
            return bool(self.person.is_staff)
        return scope is not TokenScope.REPORT or may_read_bank(self.person)

    def refuse_if_ended(self) -> None:
        """Raises AccessEnded if the token, the session or the sign-in has ended in the meantime."""
        refuse_if_ended(self.person, session_key=self.session_key, token=self.token)

    @property
    def may_ask_bank(self) -> bool:
        """Whether the token allows reading the whole bank, regardless of the user's rights."""
        return self.may(TokenScope.REPORT) or self.may(TokenScope.STAFF)

    @property
    def reads_bank(self) -> bool:
        """Whether both the token and the user's rights allow reading the whole bank."""
        return self.may_ask_bank and may_read_bank(self.person)


def caller_of(request: Any) -> Caller:
    """Returns the caller of an authenticated request of Django or REST framework."""
    plain: HttpRequest = getattr(request, "_request", request)
    token = getattr(plain, "api_token", None)
    return Caller(plain.user, token, plain.session.session_key)  # type: ignore[arg-type]
