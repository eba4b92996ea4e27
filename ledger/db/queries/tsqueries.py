"""Full-text search expressions that Django does not provide."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import BooleanField, Func


class LexemeQuery(SearchQuery):
    """A tsquery of lexemes that are used unchanged. `to_tsquery` would split the lexeme of an
    account into words.
    """

    template = "%(expressions)s::tsquery"


class MatchesText(Func):
    """The operator `@@` as a function, for which Postgres uses no index: see Note [Common
    prefixes].
    """

    function = "ts_match_vq"
    output_field = BooleanField()


class GroupedQuery(SearchQuery):
    """A combined tsquery in parentheses. Without the parentheses, Django cannot negate a combined
    tsquery.
    """

    template = "(%(expressions)s)"


def account_lexeme(account: UUID) -> str:
    """Returns the lexeme of an account in the search column: see Note [Search column]."""
    return f"'@{account.hex[-12:]}'"


def any_account(accounts: Iterable[UUID]) -> str:
    """Returns the text of a tsquery for the rows of any of these accounts."""
    return " | ".join(account_lexeme(account) for account in accounts)
