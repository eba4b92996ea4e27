"""Estimates whether a word is so common that the GIN index is slower than the indexes of the
accounts.

Note [Common prefixes]: for a whole word, GIN intersects the rows of the word with the rows of the
account's lexeme. GIN skips from match to match, so the time does not depend on the size of the
bank. For a prefix (`card:*`), GIN first collects every row of the bank that has such a word. This
takes 93 ms if 700,000 of a million rows have "card". So for a prefix that is common in the column
statistics, the search reads the reader's rows through the indexes of the accounts, and checks the
word in each row (`MatchesText`).
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache

from django.db import connection

from ledger.text.fuzzy import folded

MANY_ROWS = 200_000  # GIN collects this many rows in about 25 ms
CACHE_SECONDS = 600

STATISTICS = """
SELECT most_common_elems::text::text[], most_common_elem_freqs,
       (SELECT reltuples FROM pg_class WHERE oid = 'transactions'::regclass)
FROM pg_stats
WHERE schemaname = 'public' AND tablename = 'transactions' AND attname = 'search'
"""


def is_common_prefix(typed: str) -> bool:
    """Returns whether more than MANY_ROWS rows of the bank have a word that starts with the last
    word of `typed`. This is an estimate from column statistics.
    """
    rows_by_word = _rows_by_word(_period())
    prefix = folded(re.split(r"[-+./@&<~_\s]", typed)[-1])
    return sum(rows for word, rows in rows_by_word.items() if word.startswith(prefix)) > MANY_ROWS


def _period() -> int:
    """Returns the number of the current period of CACHE_SECONDS. The statistics are read once in
    each period.
    """
    return int(time.monotonic()) // CACHE_SECONDS


@lru_cache(maxsize=1)
def _rows_by_word(_period: int) -> Mapping[str, float]:
    """Returns a dict from the most common words to the estimated numbers of rows with this word,
    from the last ANALYZE.
    """
    with connection.cursor() as cursor:
        cursor.execute(STATISTICS)
        statistics = cursor.fetchone()
    words, fractions, rows = statistics or ([], [], 0)
    if not words:
        return {}
    return {word: fraction * rows for word, fraction in zip(words, fractions, strict=False)}
