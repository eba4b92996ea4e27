"""Queries of search columns that Django has no words for."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import BooleanField, Func


class LexemeQuery(SearchQuery):
    """A query of lexemes exactly as written; to_tsquery would parse an account's as words."""

    template = "%(expressions)s::tsquery"


class Matching(Func):
    """What `@@` does, as a function, which no index answers: see Note [Common beginnings]."""

    function = "ts_match_vq"
    output_field = BooleanField()


class Whole(SearchQuery):
    """A query made of parts, as one: Django negates only queries without parts."""

    template = "(%(expressions)s)"


def begun(word: str, weight: str = "") -> LexemeQuery:
    """Whatever begins with the word as it stands, in parts of this weight if one is given; an
    address stays whole, with its "@" in it."""
    quoted = word.lower().replace("\\", "").replace("'", "''")
    return LexemeQuery(f"'{quoted}':*{weight}")


def lexeme_of(account: UUID) -> str:
    """The lexeme by which the search column names an account, see Note [Search column]."""
    return f"'@{account.hex[-12:]}'"


def any_of(accounts: Iterable[UUID]) -> str:
    """Rows with one of these accounts, as lexemes."""
    return " | ".join(lexeme_of(account) for account in accounts)
