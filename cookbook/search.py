"""The search of the cookbook: Postgres full-text search over the texts of the recipes.

Nothing is stored: the texts go along with each query as arrays, so they are never older than the
code. Title and slug have the most weight, then question, features and group, then the
explanations, then the source.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django.db import connection

from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG, RECIPES
from ledger.text.fuzzy import closest

MAX_CHARACTERS = 200
MAX_WORDS = 12
MAX_PARTIAL_MATCHES = 10
MIN_SIMILARITY = 0.8  # of a suggested word, 1 being the same; "cte" and "the" have 0.67
# Words of a question that do not describe its subject.
QUESTION_WORDS = frozenset(
    "a an can do does django how i in is it my of orm postgres the to use what".split()
)
# Titles, questions and features are indexed in 'simple' too: "having", "not in" and "for update"
# are stop words of the English dictionary.
FIND = """
WITH pages AS (
    SELECT slug,
           setweight(to_tsvector('english', title), 'A')
           || setweight(to_tsvector('english', replace(slug, '-', ' ')), 'A')
           || setweight(to_tsvector('english', question || ' ' || features || ' ' || topic), 'B')
           || setweight(to_tsvector('simple', features), 'B')
           || setweight(to_tsvector('simple', title || ' ' || question), 'D')
           || setweight(to_tsvector('english', explanation), 'C')
           || setweight(to_tsvector('english', source), 'D') AS words
    FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]
    ) AS recipes (slug, title, question, features, topic, explanation, source)
)
SELECT slug, words @@ every_word
FROM pages, (SELECT {some} AS some_word, {every} AS every_word) AS query
WHERE words @@ some_word
ORDER BY ts_rank(words, some_word, 1) DESC, slug
"""
ONE_WORD = "(to_tsquery('english', %s) || to_tsquery('simple', %s))"


@dataclass(frozen=True, slots=True)
class RecipeMatches:
    """Recipes that contain every word of the query, and the best of those with some of them."""

    every: list[Recipe]
    some: list[Recipe]


def find(query: str) -> RecipeMatches:
    """The matching recipes, the best first: those with a feature of exactly this name, then by
    rank. Empty if the query has no words."""
    words = _subject_words(query)
    if not words:
        return RecipeMatches([], [])
    stop_words = _stop_words(words)
    required = [word for word in words if word not in stop_words] or words
    some, every = (
        joiner.join([ONE_WORD] * len(of)) for joiner, of in ((" || ", words), (" && ", required))
    )
    terms = [term for of in (words, required) for word in of for term in _terms(word)]
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(some=some, every=every), [*texts().values(), *terms])
        rows = [(BY_SLUG[slug], has_every) for slug, has_every in cursor.fetchall()]
    with_every = [recipe for recipe, has_every in rows if has_every]
    return RecipeMatches(
        sorted(with_every, key=lambda recipe: words not in _feature_words(recipe)),
        [recipe for recipe, has_every in rows if not has_every][:MAX_PARTIAL_MATCHES],
    )


def similar(slug: str) -> list[Recipe]:
    """Recipes with a similar slug, the most similar first."""
    return [BY_SLUG[name] for name in closest(slug, list(BY_SLUG), 5)]


def suggestion(query: str) -> str:
    """The query with misspelt words replaced by known ones; "" if no word is similar, or if the
    new query finds nothing either."""
    words = query_words(query)
    known = sorted(_known_words())
    corrected = [
        word
        if word in QUESTION_WORDS or word in known
        else next(iter(closest(word, known, cutoff=MIN_SIMILARITY)), word)
        for word in words
    ]
    corrected_query = " ".join(corrected)
    return corrected_query if corrected != words and find(corrected_query).every else ""


def query_words(query: str) -> list[str]:
    """Its words in lower case: "select_for_update()" has three."""
    return _split(query[:MAX_CHARACTERS]).split()[:MAX_WORDS]


def _subject_words(text: str) -> list[str]:
    return [word for word in query_words(text) if word not in QUESTION_WORDS]


def _feature_words(recipe: Recipe) -> list[list[str]]:
    return [_subject_words(feature) for feature in recipe.shows]


def _stop_words(words: Iterable[str]) -> set[str]:
    """Those that the English dictionary drops, such as "with" and "no"."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM unnest(%s::text[]) AS word WHERE to_tsvector('english', word) = ''",
            [list(words)],
        )
        return {word for (word,) in cursor.fetchall()}


def _terms(word: str) -> tuple[str, str]:
    """The word for 'english', as a prefix unless it is a single letter, and for 'simple'. Quoted,
    so that no character in it is an operator."""
    return (f"'{word}':*" if len(word) > 1 else f"'{word}'", f"'{word}'")


def _split(text: str) -> str:
    """Words only: "n 1" for N+1, which Postgres would parse as n and +1."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


@cache
def texts() -> dict[str, list[str]]:
    """The searched texts of all recipes, one list for each weight."""
    return {
        "slugs": [recipe.slug for recipe in RECIPES],
        "titles": [_split(recipe.title) for recipe in RECIPES],
        "questions": [_split(recipe.asks) for recipe in RECIPES],
        "features": [_split(" ".join(recipe.shows)) for recipe in RECIPES],
        "groups": [_split(recipe.group.title) for recipe in RECIPES],
        "explanations": [f"{recipe.about} {recipe.notice} {recipe.pitfall}" for recipe in RECIPES],
        "sources": [f"{recipe.parts} {recipe.source}" for recipe in RECIPES],
    }


@cache
def _known_words() -> frozenset[str]:
    """The words of titles, questions and features, which a misspelt word may stand for."""
    texts_by_kind = texts()
    known = {
        word
        for kind in ("titles", "questions", "features")
        for text in texts_by_kind[kind]
        for word in text.split()
        if len(word) > 2
    }
    return frozenset(known - QUESTION_WORDS - _stop_words(known))
