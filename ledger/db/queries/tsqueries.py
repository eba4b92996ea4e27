"""Full-text search expressions that Django does not provide."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import BooleanField, Func

MAX_LEXEME = 2046  # bytes; the same value as MAXSTRLEN in Postgres's ts_type.h


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


def prefix_lexeme(word: str, weight: str = "") -> LexemeQuery:
    """Returns the tsquery for all lexemes that start with `word`. If `weight` is given, only
    lexemes with this weight match.

    An email address is not split at the "@". `word` is cut to MAX_LEXEME bytes.
    """
    start = word.lower().encode()[:MAX_LEXEME].decode(errors="ignore")
    quoted = start.replace("\\", "").replace("'", "''")
    return LexemeQuery(f"'{quoted}':*{weight}")


def account_lexeme(account: UUID) -> str:
    """Returns the lexeme that means an account in the search column: see Note [Search column]."""
    return f"'@{account.hex[-12:]}'"


def any_account(accounts: Iterable[UUID]) -> str:
    """Returns the text of a tsquery that matches rows with any of these accounts."""
    return " | ".join(account_lexeme(account) for account in accounts)
