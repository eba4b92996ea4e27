"""Full-text search expressions that Django does not provide."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import BooleanField, Func


class LexemeQuery(SearchQuery):
    """A tsquery that contains lexemes exactly as they are written. `to_tsquery` would split the
    lexeme of an account into words.
    """

    template = "%(expressions)s::tsquery"


class MatchesText(Func):
    """The operator `@@` as a function. Postgres uses no index for the function: see Note [Common
    prefixes].
    """

    function = "ts_match_vq"
    output_field = BooleanField()


class GroupedQuery(SearchQuery):
    """A combined tsquery in parentheses. Django can negate only queries that are not combined, so a
    combined query needs this class.
    """

    template = "(%(expressions)s)"


def account_lexeme(account: UUID) -> str:
    """Returns the lexeme that means an account in the search column: see Note [Search column]."""
    return f"'@{account.hex[-12:]}'"


def any_account(accounts: Iterable[UUID]) -> str:
    """Returns the text of a tsquery that matches rows with any of these accounts."""
    return " | ".join(account_lexeme(account) for account in accounts)
