"""Who calls, and what they may: a token with its scopes, or a session with all that its person may.

`accounts.token_middleware` has read the token of the header before any view runs.
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
    """The person of a request, and their token; None in a session of a browser."""

    person: User
    token: ApiToken | ProviderToken | None = None
    session_key: str | None = None

    def may(self, scope: ApiToken.TokenScope) -> bool:
        """Whether the token has the scope, and its person the rights for it. A session has all,
        but those of staff and reports only for whoever may.
        """
        if self.token is not None:
            return self.token.allows(scope)
        if scope is TokenScope.STAFF:
            return bool(self.person.is_staff)
        return scope is not TokenScope.REPORT or may_read_bank(self.person)

    def refuse_if_ended(self) -> None:
        """Raises AccessEnded if the token, the session or the sign-in has ended meanwhile."""
        refuse_if_ended(self.person, session_key=self.session_key, token=self.token)

    @property
    def may_ask_bank(self) -> bool:
        """Whether the token may read the bank; whether its person may is another question."""
        return self.may(TokenScope.REPORT) or self.may(TokenScope.STAFF)

    @property
    def reads_bank(self) -> bool:
        """Whether both may."""
        return self.may_ask_bank and may_read_bank(self.person)


def caller_of(request: Any) -> Caller:
    """The caller of a request of ours or of REST framework's, which has let somebody in."""
    plain: HttpRequest = getattr(request, "_request", request)
    token = getattr(plain, "api_token", None)
    return Caller(plain.user, token, plain.session.session_key)  # type: ignore[arg-type]
