"""Suggests other queries if the staff search finds nothing.

The suggestions use only words that the user may see: names, email addresses, names of accounts, and
words of transactions. Only the newest rows of each kind are read, so the time does not depend on
the size of the bank.
"""

from collections.abc import Set

from django.db import models

from accounts.models import Account, User
from transactions.models import Transaction
from transactions.search.suggestions import (
    NEWEST,
    WORDS_OF_ROW,
    Suggestions,
    Vocabulary,
    suggest_from,
)
from transactions.staff.find.search import StaffQuery

NEWEST_PEOPLE = 10_000
PEOPLE = """
    SELECT search_words(name) || array_to_tsvector(ARRAY[lower(email)]) AS words
    FROM users ORDER BY id DESC LIMIT %s
"""
NAMES = """
    SELECT search_words(name) AS words FROM users ORDER BY id DESC LIMIT %s
"""
ACCOUNTS = """
    SELECT search_words(accounts.name || ' ' || users.name) AS words
    FROM accounts JOIN users ON users.id = user_id ORDER BY accounts.id DESC LIMIT %s
"""
ROWS = f"""
    SELECT {WORDS_OF_ROW} AS words
    FROM transactions ORDER BY (created_at AT TIME ZONE 'UTC') DESC, id DESC LIMIT %s
"""  # noqa: S608 - constants
WORDS: dict[type[models.Model], tuple[str, int]] = {
    User: (PEOPLE, NEWEST_PEOPLE),
    Account: (ACCOUNTS, NEWEST_PEOPLE),
    Transaction: (ROWS, NEWEST),
}
VOCABULARY = """
WITH vocabulary AS MATERIALIZED (
    SELECT DISTINCT 'word' AS kind, word
    FROM ({rows}) AS rows, unnest(tsvector_to_array(words)) AS word
    WHERE length(word) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
)
"""


def suggested_queries(query: StaffQuery, seen: Set[type[models.Model]]) -> Suggestions:
    """Returns other queries to try. Sends one database query."""

    def vocabulary() -> Vocabulary:
        kinds = [WORDS[model] for model in WORDS if model in seen]
        if User in seen and not query.addresses:
            kinds[0] = (NAMES, NEWEST_PEOPLE)
        rows = " UNION ALL ".join(f"({sql})" for sql, _ in kinds)
        return VOCABULARY.format(rows=rows), [most for _, most in kinds]

    return suggest_from(vocabulary, query.parsed)
