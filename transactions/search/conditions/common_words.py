"""Which words of the search column so many rows have that the index is the slower way to them.

Note [Common beginnings]: GIN meets whole words with the lexeme of an account by skipping from
match to match, whatever the bank's size. For a beginning (`card:*`) it first gathers every row
of the bank that has such a word: 93 ms where 700,000 of a million rows have "card". Where the
statistics say that a beginning is that common, a reader's own rows are read by their accounts
instead, and the word is looked for in each.
"""

import time
from collections.abc import Mapping
from functools import lru_cache

from django.db import connection

MANY_ROWS = 200_000  # gathered in about 25 ms
KEPT_SECONDS = 600

STATISTICS = """
SELECT most_common_elems::text::text[], most_common_elem_freqs,
       (SELECT reltuples FROM pg_class WHERE oid = 'transactions'::regclass)
FROM pg_stats
WHERE schemaname = 'public' AND tablename = 'transactions' AND attname = 'search'
"""


def is_common_beginning(word: str) -> bool:
    """Whether many rows of the bank have a word that begins like this one."""
    known = _rows_with_words(int(time.monotonic()) // KEPT_SECONDS)
    begun = word.lower()
    return (
        sum(rows for known_word, rows in known.items() if known_word.startswith(begun)) > MANY_ROWS
    )


@lru_cache(maxsize=1)
def _rows_with_words(_when: int) -> Mapping[str, float]:
    """About how many rows have each of the most common words, by the last ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute(STATISTICS)
        found = cursor.fetchone()
    words, shares, rows = found or ([], [], 0)
    if not words:
        return {}
    return {word: share * rows for word, share in zip(words, shares, strict=False)}
