"""Full-text search by the words of texts.

Note [Words]: a word is a run of letters and digits, in lower case and without accents. Postgres's
parser reads `-4711` as a number, `2024/0815` as a path and `www.shop.com` as a host, and would
index only the whole. Therefore the SQL function `search_text` (migration 0004 of ledger_db) first
replaces the characters that join words by spaces, removes invisible characters and composes
accents (NFC). The text search configuration `words` removes the accents. Stored texts and queries
use the same functions:

- `search_words(text)` and `search_words(jsonb)` return the tsvector of a text, or of all strings
  and numbers of a JSON document.
- `search_phrase(text)` returns the tsquery for these words in this order. So INV-2024-001 finds
  INV-2024-001, and 2024 finds it too.
- `search_prefix(text)` returns the same tsquery, but the last word may continue.

The two tsqueries are never empty, because Postgres would ignore an empty part of a tsquery. If the
text has no word, they contain a lexeme that no text contains.
"""

from typing import Any, Self

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import BooleanField, F, Func, TextField, Value

# The characters that `search_text` removes: soft hyphen, zero-width characters, directions of
# writing, the two characters that mark matches (`transactions.search.highlights`), variation
# selector, byte order mark.
INVISIBLE = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2066\u2067\u2068\u2069\ue000\ue001\ufe0f\ufeff"
)


class WordQuery(SearchQuery):
    """The tsquery of a typed text, see Note [Words]. With the search type "prefix", the last word
    may continue; with "phrase", it must match exactly.
    """

    SEARCH_TYPES = {"phrase": "search_phrase", "prefix": "search_prefix"}

    @classmethod
    def prefix(cls, typed: str, weights: str = "") -> Self:
        """Returns the tsquery for words that start with `typed`. With `weights`, such as "A", the
        last word matches only if it has one of these weights.
        """
        query = cls(typed, search_type="prefix")
        if weights:
            query.set_source_expressions([*query.get_source_expressions(), Value(weights)])
        return query

    @classmethod
    def phrase(cls, typed: str) -> Self:
        """Returns the tsquery for exactly the words of `typed`, in this order."""
        return cls(typed, search_type="phrase")


class LowerText(Func):
    """The texts of some columns as one text in lower case, composed (NFC)."""

    template = "lower(normalize(concat_ws(' ', %(expressions)s)))"
    output_field = TextField()


class Contains(Func):
    """Whether a text contains another text."""

    template = "strpos(%(expressions)s) > 0"
    output_field = BooleanField()


def is_spelled(typed: str, *columns: str) -> Contains:
    """Returns the condition for rows whose columns contain the text as typed, with its accents.
    Upper and lower case are equal. No index is used.
    """
    return Contains(LowerText(*columns), LowerText(Value(typed)))


def words_of(**weights: str) -> Func:
    """Returns the tsvector of columns, with a weight for each column: `words_of(name="A")`.

    The columns are texts or JSON documents. A column that row-level security hides is NULL and has
    no words.
    """
    words = "coalesce(search_words(%(expressions)s), '')"
    parts = [
        Func(F(column), template=f"setweight({words}, '{weight}')")
        for column, weight in weights.items()
    ]
    return joined(*parts)


def words_as_text(text: Any) -> Func:
    """Returns the words of a text as one text in alphabetical order, such as "'grace' 'hopper'".
    Trigrams of this text ignore case and accents.
    """
    return Func(
        text, output_field=TextField(), template="strip(search_words(%(expressions)s))::text"
    )


def joined(*vectors: Any) -> Func:
    """Returns the concatenation of tsvectors."""
    # Keep the arguments in alphabetical order. Otherwise makemigrations reports a change.
    return Func(
        *vectors, arg_joiner=" || ", output_field=SearchVectorField(), template="(%(expressions)s)"
    )
