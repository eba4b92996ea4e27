"""What may have been meant where nothing was found: near words of the reader's own rows.

Where the database has pg_trgm, it ranks them by similarity; where not, difflib does in Python.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any
from unicodedata import combining, normalize

from django.db import connection
from django.db.models.fields.json import KT

from ledger.db.compiled_sql import compiled
from transactions.annotations.search import words_noted
from transactions.scope import Scope, newest_first
from transactions.search.conditions.names import SIDES
from transactions.search.language.parser import token
from transactions.search.language.tree import META, WORD, ParsedQuery, QueryItem

NEWEST = 5_000  # rows whose words are compared
MOST_WORDS = 20_000  # different words that Python compares
MOST_MEANT, CLOSE, CLOSE_BY_TRIGRAMS = 4, 0.7, 0.3

# Categories and channels of the rows; their words, which may name people, and the names of those
# on the other side only for readers who may know them.
# Words are compared without accents, so that "acai" leads to "açaí"; `translate` knows as much of
# them as needs no extension.
VOCABULARY = """
WITH newest AS MATERIALIZED ({newest}),
vocabulary AS (
    SELECT 'category' AS kind, lower(category) AS word
    FROM newest WHERE length(category) BETWEEN 1 AND 60
    UNION
    SELECT 'channel', lower(channel) FROM newest WHERE length(channel) BETWEEN 1 AND 60
    {names}
    {notes}
)
"""
NAMES = """
    UNION
    SELECT 'word', word
    FROM newest, unnest(tsvector_to_array(search)) AS word
    WHERE length(word) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
    UNION
    SELECT 'shown', word
    FROM newest, unnest(tsvector_to_array(ts_filter(search, '{a}'))) AS word
    WHERE (from_account_id IS NULL OR to_account_id IS NULL)
          AND length(word) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
    UNION
    SELECT 'name', word
    FROM (
        SELECT DISTINCT to_tsvector('simple', users.name) AS words
        FROM newest JOIN accounts ON accounts.id IN (from_account_id, to_account_id)
                    JOIN users ON users.id = accounts.user_id
        WHERE users.id <> %s
    ) AS people, unnest(tsvector_to_array(words)) AS word
"""
NOTES = """
    UNION
    SELECT CASE WHEN starts_with(word, '#') THEN 'tag' ELSE 'note' END, ltrim(word, '#')
    FROM ({notes}) AS mine, unnest(tsvector_to_array(mine.search)) AS word
    WHERE length(ltrim(word, '#')) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
"""
BY_SIMILARITY = """
SELECT typed, kind, word
FROM vocabulary, translate(word, %s, %s) AS plain, unnest(%s::text[]) AS typed
WHERE similarity(plain, typed) > %s OR starts_with(plain, typed)
ORDER BY starts_with(plain, typed) DESC, similarity(plain, typed) DESC, word
LIMIT 200
"""
ALL_WORDS = "SELECT NULL, kind, word FROM vocabulary ORDER BY word LIMIT %s"
Vocabulary = tuple[str, list[Any]]
# Which words of the vocabulary stand for which kind of item.
KINDS = {
    WORD: ("word", "name", "note"),
    "note": ("note",),
    "tag": ("tag",),
    "category": ("category",),
    META: ("channel",),
    **dict.fromkeys(SIDES, ("name", "shown")),
}


def _without_accent(letter: str) -> str:
    return "".join(c for c in normalize("NFKD", letter) if not combining(c))


# Small Latin letters with an accent, and each without it.
_LATIN = [chr(code) for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))]
_FOLDED = {c: _without_accent(c) for c in _LATIN if c.islower()}
ACCENTS = {c: plain for c, plain in _FOLDED.items() if len(plain) == 1 and plain != c}
_PLAIN = str.maketrans(ACCENTS)


def folded(text: str) -> str:
    """A text in small letters without accents."""
    return text.lower().translate(_PLAIN)


@dataclass(slots=True)
class Suggestions:
    """Whole queries that may have been meant, as (what is said of them, query)."""

    meant: list[tuple[str, str]] = field(default_factory=list)
    by_trigrams: bool = False


@lru_cache(maxsize=1)
def has_trigrams() -> bool:
    """Whether the database has pg_trgm; asked once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('similarity(text, text)') IS NOT NULL")
        found: bool = cursor.fetchone()[0]
        return found


def suggest(scope: Scope, query: ParsedQuery) -> Suggestions:
    """What a query that found nothing may have meant; in one query, over the reader's rows."""
    return suggest_in(lambda: _vocabulary(scope), query)


def suggest_in(vocabulary: Callable[[], Vocabulary | None], query: ParsedQuery) -> Suggestions:
    """The same, of any vocabulary: an SQL text, and its parameters, that begins a query WITH a
    `vocabulary` of words and their kinds, see KINDS. None where there are no words."""
    items = [item for item in query.items if _may_be_mended(item)][:8]
    words = vocabulary() if items else None
    if words is None:
        return Suggestions()
    by_trigrams = has_trigrams()
    typed = sorted({folded(item.text) for item in items})
    rows = _compared(*words, typed, by_trigrams=by_trigrams)
    found = Suggestions(by_trigrams=by_trigrams)
    for item in items:
        for word in _near(item, rows, by_trigrams=by_trigrams)[:MOST_MEANT]:
            mended = _mended(item, word)
            if mended and len(found.meant) < MOST_MEANT:
                found.meant.append((mended, query.replacing(item.source, mended)))
    return found


def _may_be_mended(item: QueryItem) -> bool:
    if item.kind == META and item.path != ("channel",):
        return False
    return item.kind in KINDS and not item.is_not and len(item.text) <= 60


def _vocabulary(scope: Scope) -> Vocabulary | None:
    rows = (
        newest_first(scope.transactions(), scope)
        .annotate(channel=KT("metadata__channel"))
        .values("search", "category", "channel", "from_account_id", "to_account_id")[:NEWEST]
    )
    newest = compiled(rows)
    if newest is None:
        return None
    params: list[Any] = [*newest[1], *([scope.reader.pk] if scope.names else [])]
    said = None if scope.is_bank else compiled(words_noted(scope.reader)[:NEWEST])
    params += said[1] if said else []
    notes = NOTES.format(notes=said[0]) if said else ""
    names = NAMES if scope.names else ""
    return VOCABULARY.format(newest=newest[0], names=names, notes=notes), params


def _compared(
    vocabulary: str, params: list[Any], typed: list[str], *, by_trigrams: bool
) -> list[tuple[str | None, str, str]]:
    letters = ["".join(ACCENTS), "".join(ACCENTS.values())]
    params = [*params, *([*letters, typed, CLOSE_BY_TRIGRAMS] if by_trigrams else [MOST_WORDS])]
    with connection.cursor() as cursor:
        cursor.execute(vocabulary + (BY_SIMILARITY if by_trigrams else ALL_WORDS), params)
        found: list[tuple[str | None, str, str]] = cursor.fetchall()
        return found


def _near(
    item: QueryItem, rows: Iterable[tuple[str | None, str, str]], *, by_trigrams: bool
) -> list[str]:
    """The nearest words first; those that begin with what was typed before all others.

    A word that is known as it stands needs no mending.
    """
    typed, plain, kinds = item.text.lower(), folded(item.text), KINDS[item.kind]
    words = {word: None for of, kind, word in rows if kind in kinds and of in (None, plain)}
    if typed in words:
        return []
    if item.kind == WORD:  # a bare word was looked for as a beginning already
        words = {word: None for word in words if not word.startswith(typed)}
    if by_trigrams:
        return list(words)
    likeness = {word: _likeness(plain, folded(word)) for word in words}
    close = [word for word in likeness if likeness[word] >= CLOSE]
    return sorted(close, key=lambda word: (-likeness[word], word))


def _likeness(typed: str, word: str) -> float:
    if word.startswith(typed):
        return 2.0
    matcher = SequenceMatcher(None, typed, word)
    if matcher.real_quick_ratio() < CLOSE or matcher.quick_ratio() < CLOSE:
        return 0.0
    return matcher.ratio()


def _mended(item: QueryItem, word: str) -> str:
    if item.kind == WORD:
        return "" if ":" in word or '"' in word else word
    field_ = "meta.channel" if item.kind == META else item.kind
    return token(field_, word)
