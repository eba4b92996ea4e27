"""Full-text search by the words of texts.

Note [Words]: a word is a run of letters and digits, in lower case and without accents. Postgres's
parser would index `-4711` only as a number, `2024/0815` only as a path and `www.shop.com` only as a
host. Therefore the SQL function `search_text` (migration 0004 of ledger_db) first replaces
characters between words, such as these, with spaces. It also removes invisible characters and
composes accents (NFC). The text search configuration `words` then removes the accents. Stored texts
and queries use the same functions:

- `search_words(text)` and `search_words(jsonb)` return the tsvector of a text, or of all strings
  and numbers of a JSON document.
- `search_phrase(text)` returns the tsquery for the words in this order. INV-2024-001 is found by
  INV-2024-001 and by 2024.
- `search_prefix(text)` returns the same tsquery, but the last word may be only the beginning of a
  word in the text.

Postgres ignores an empty part of a tsquery. Therefore the tsquery of a text without words contains
a lexeme that occurs in no text.
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
    """The tsquery of a typed text: see Note [Words]. With the search type "prefix", the last typed
    word may be the beginning of a longer word. With "phrase", the last word must match exactly.
    """

    SEARCH_TYPES = {"phrase": "search_phrase", "prefix": "search_prefix"}

    @classmethod
    def prefix(cls, typed: str, weights: str = "") -> Self:
        """Returns the tsquery for the words of `typed`. The last typed word may be the beginning of
        a longer word. `weights`, such as "A", limits the last word to these weights.
        """
        query = cls(typed, search_type="prefix")
        if weights:
            query.set_source_expressions([*query.get_source_expressions(), Value(weights)])
        return query

    @classmethod
    def phrase(cls, typed: str) -> Self:
        """Returns the tsquery for exactly the words of `typed` in this order."""
        return cls(typed, search_type="phrase")


class LowerText(Func):
    """The texts of some columns as one text in lower case and in Unicode form NFC."""

    template = "lower(normalize(concat_ws(' ', %(expressions)s)))"
    output_field = TextField()


class Contains(Func):
    """The condition that a text contains another text."""

    template = "strpos(%(expressions)s) > 0"
    output_field = BooleanField()


def is_spelled(typed: str, *columns: str) -> Contains:
    """Returns the condition that the columns contain the typed text. Accents must be equal. Upper
    and lower case do not matter. Uses no index.
    """
    return Contains(LowerText(*columns), LowerText(Value(typed)))


def words_of(**weights: str) -> Func:
    """Returns the tsvector of columns, each with a weight: `words_of(name="A")`.

    The columns contain texts or JSON documents. A column that row-level security hides is NULL and
    has no words.
    """
    words = "coalesce(search_words(%(expressions)s), '')"
    parts = [
        Func(F(column), template=f"setweight({words}, '{weight}')")
        for column, weight in weights.items()
    ]
    return joined(*parts)


def words_as_text(text: Any) -> Func:
    """Returns the words of a text in alphabetical order as one text, such as "'grace' 'hopper'".
    Trigrams of the result ignore case and accents.
    """
    return Func(
        text, output_field=TextField(), template="strip(search_words(%(expressions)s))::text"
    )


def joined(*vectors: Any) -> Func:
    """Returns SQL that concatenates tsvectors."""
    # Keep the arguments in alphabetical order. Otherwise makemigrations reports a change.
    return Func(
        *vectors, arg_joiner=" || ", output_field=SearchVectorField(), template="(%(expressions)s)"
    )
