"""Suggests other queries if a search finds nothing. The suggestions use similar words from the
newest rows of the scope.

Python ranks the words by the similarity of difflib. The similarity of pg_trgm is too low for the
most frequent typing error, two letters in the wrong order: "salray" shares 3 of 11 trigrams with
"salary", and "crad" shares 1 of 9 with "card".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models.fields.json import KT

from accounts.shown import add_unnamed
from ledger.db.queries.compiled_sql import compiled
from ledger.text.fuzzy import folded, similarities
from transactions.annotations.search import annotation_words
from transactions.scope import Scope, newest_first
from transactions.search.language.query import META, WORD, ParsedQuery, QueryItem
from transactions.search.language.terms import token
from transactions.search.sql.name_lookup import SIDES

NEWEST = 5_000  # number of newest rows from which words are read
# Maximum number of distinct words that Python compares for all items of a query together.
MOST_WORDS = 20_000
MOST_SUGGESTIONS = 4
CUTOFF = 0.7  # minimum similarity, as computed by difflib

# Of a row with many words, only the words of the description and the reference are compared.
# Comparing thousands of metadata words in each of thousands of rows would take seconds.
WORDS_OF_ROW = "CASE WHEN length(search) > 100 THEN ts_filter(search, '{a,b}') ELSE search END"

# The words to compare. Each word has a kind (see KINDS). VOCABULARY selects categories and
# channels. NAMES adds words of the rows and names of people, and is left out for readers who may
# not see names. NOTES adds the reader's notes and tags.
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
NAMES = f"""
    UNION
    SELECT 'word', word
    FROM newest, unnest(tsvector_to_array({WORDS_OF_ROW})) AS word
    WHERE length(word) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
    UNION
    SELECT 'description', word
    FROM newest, unnest(tsvector_to_array(ts_filter(search, '{{a}}'))) AS word
    WHERE (from_account_id IS NULL OR to_account_id IS NULL)
          AND length(word) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
    UNION
    SELECT 'name', word
    FROM (
        SELECT DISTINCT search_words(users.name) AS words
        FROM newest JOIN accounts ON accounts.id IN (from_account_id, to_account_id)
                    JOIN users ON users.id = accounts.user_id
        WHERE users.id <> %s
    ) AS people, unnest(tsvector_to_array(words)) AS word
"""  # noqa: S608 - constants
NOTES = """
    UNION
    SELECT CASE WHEN starts_with(word, '#') THEN 'tag' ELSE 'note' END, ltrim(word, '#')
    FROM ({notes}) AS annotated, unnest(tsvector_to_array(annotated.search)) AS word
    WHERE length(ltrim(word, '#')) BETWEEN 3 AND 60 AND word !~ '^[-0-9.@]'
"""
ALL_WORDS = "SELECT kind, word FROM vocabulary ORDER BY word LIMIT %s"
Vocabulary = tuple[str, list[Any]]
# For each kind of item: the kinds of words that can replace the item's value.
KINDS = {
    WORD: ("word", "name", "note"),
    "note": ("note",),
    "tag": ("tag",),
    "category": ("category",),
    META: ("channel",),
    **dict.fromkeys(SIDES, ("name", "description")),
}


@dataclass(slots=True)
class Suggestions:
    """Complete queries to try instead, the best query first."""

    queries: list[str] = field(default_factory=list)


def suggest(scope: Scope, query: ParsedQuery) -> Suggestions:
    """Returns queries with similar words from the newest rows in the scope. Sends one query."""
    return suggest_from(lambda: _vocabulary(scope), query)


def suggest_from(vocabulary: Callable[[], Vocabulary | None], query: ParsedQuery) -> Suggestions:
    """Returns queries with similar words from the given vocabulary.

    `vocabulary` returns an SQL text and its parameters, or None if there are no words. The SQL is a
    WITH clause that defines the table `vocabulary` with the columns `kind` (see KINDS) and `word`.
    """
    items = [item for item in query.items if _is_replaceable(item)][:8]
    words = vocabulary() if items else None
    if words is None:
        return Suggestions()
    rows = _words(*words)
    suggestions = Suggestions()
    for item in items:
        for word in _similar_words(item, rows, MOST_WORDS // len(items))[:MOST_SUGGESTIONS]:
            term = _term(item, word)
            if term and len(suggestions.queries) < MOST_SUGGESTIONS:
                suggestions.queries.append(query.replacing(item.source, term))
    if suggestions.queries:
        add_unnamed()  # the words may be parts of names
    return suggestions


def _is_replaceable(item: QueryItem) -> bool:
    if item.kind == META and item.path != ("channel",):
        return False
    return item.kind in KINDS and not item.is_negated and len(item.text) <= 60


def _vocabulary(scope: Scope) -> Vocabulary | None:
    rows = (
        newest_first(scope.transactions(), scope)
        .annotate(channel=KT("metadata__channel"))
        .values("search", "category", "channel", "from_account_id", "to_account_id")[:NEWEST]
    )
    newest = compiled(rows)
    if newest is None:
        return None
    params: list[Any] = [*newest[1], *([scope.reader.pk] if scope.shows_names else [])]
    annotations = None if scope.is_bank else compiled(annotation_words(scope.reader)[:NEWEST])
    params += annotations[1] if annotations else []
    notes = NOTES.format(notes=annotations[0]) if annotations else ""
    names = NAMES if scope.shows_names else ""
    return VOCABULARY.format(newest=newest[0], names=names, notes=notes), params


def _words(vocabulary: str, params: list[Any]) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(vocabulary + ALL_WORDS, [*params, MOST_WORDS])
        words: list[tuple[str, str]] = cursor.fetchall()
        return words


def _similar_words(item: QueryItem, rows: Iterable[tuple[str, str]], most: int) -> list[str]:
    """Returns the words that are similar to the item's text, the most similar first. Words that
    start with the typed text come before all other words. Compares only the first `most` words of
    the kinds that the item can mean.

    Returns an empty list if the typed word is one of the words in `rows`.
    """
    typed, plain, kinds = item.text.lower(), folded(item.text), KINDS[item.kind]
    words = {word: None for kind, word in rows if kind in kinds}
    if typed in words or (plain in words and item.kind == WORD):
        return []
    if item.kind == WORD:  # the search has already looked for words that start with this word
        words = {word: None for word in words if not word.startswith(plain)}
    plain_words = {word: folded(word) for word in islice(words, most)}
    others = {text for text in plain_words.values() if not text.startswith(plain)}
    scores = similarities(plain, sorted(others), cutoff=CUTOFF)
    scores |= {text: 2.0 for text in plain_words.values() if text.startswith(plain)}
    similar = [word for word, text in plain_words.items() if text in scores]
    return sorted(similar, key=lambda word: (-scores[plain_words[word]], word))


def _term(item: QueryItem, word: str) -> str:
    if item.kind == WORD:
        return "" if ":" in word or '"' in word else word
    return token("meta.channel" if item.kind == META else item.kind, word)
