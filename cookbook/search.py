"""Finds recipes by the full-text search of Postgres.

Nothing is stored: the texts are sent with the query as arrays, so they always match the code. Title
and name weigh most, then the question, the features and the group, then the notes, then the source.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from django.db import connection

from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG, RECIPES
from ledger.text.fuzzy import closest

MOST_CHARACTERS = 200
MOST_WORDS = 12
MOST_OF_SOME = 10
NEAR = 0.8  # how alike two words have to be, 1 being the same; "cte" and "the" are 0.67
# What begins a question and says nothing of its subject.
ASKING = frozenset(
    "a an can do does django how i in is it my of orm postgres the to use what".split()
)
# The names of features are looked through word by word as well: "having", "not in" and "for
# update" are nothing but stop words to the English dictionary.
FIND = """
WITH pages AS (
    SELECT slug,
           setweight(to_tsvector('english', title), 'A')
           || setweight(to_tsvector('english', replace(slug, '-', ' ')), 'A')
           || setweight(to_tsvector('english', asks || ' ' || shows || ' ' || part), 'B')
           || setweight(to_tsvector('simple', shows), 'B')
           || setweight(to_tsvector('simple', title || ' ' || asks), 'D')
           || setweight(to_tsvector('english', said), 'C')
           || setweight(to_tsvector('english', source), 'D') AS words
    FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]
    ) AS recipes (slug, title, asks, shows, part, said, source)
)
SELECT slug, words @@ every_word
FROM pages, (SELECT {some} AS some_word, {every} AS every_word) AS asked
WHERE words @@ some_word
ORDER BY ts_rank(words, some_word, 1) DESC, slug
"""
ONE_WORD = "(to_tsquery('english', %s) || to_tsquery('simple', %s))"


@dataclass(frozen=True, slots=True)
class RecipeMatches:
    """Recipes with every word, and the best of those with some."""

    every: list[Recipe]
    some: list[Recipe]


def find(asked: str) -> RecipeMatches:
    """The recipes that match, best first: exact feature names, then by rank."""
    words = _asked_words(asked)
    if not words:
        return RecipeMatches([], [])
    small = _stop_words(words)
    needed = [word for word in words if word not in small] or words
    some, every = (
        operator.join([ONE_WORD] * len(of)) for operator, of in ((" || ", words), (" && ", needed))
    )
    terms = [term for of in (words, needed) for word in of for term in _terms(word)]
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(some=some, every=every), [*texts().values(), *terms])
        rows = [(BY_SLUG[slug], has_every) for slug, has_every in cursor.fetchall()]
    with_every = [recipe for recipe, has_every in rows if has_every]
    return RecipeMatches(
        sorted(with_every, key=lambda recipe: words not in _features(recipe)),
        [recipe for recipe, has_every in rows if not has_every][:MOST_OF_SOME],
    )


def near(slug: str) -> list[Recipe]:
    """Recipes with a similar name, most similar first."""
    return [BY_SLUG[name] for name in closest(slug, list(BY_SLUG), 5)]


def _asked_words(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in ASKING]


def _features(recipe: Recipe) -> list[list[str]]:
    return [_asked_words(feature) for feature in recipe.shows]


def _stop_words(words: Iterable[str]) -> set[str]:
    """Words that the English dictionary ignores, such as "with"."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM unnest(%s::text[]) AS word WHERE to_tsvector('english', word) = ''",
            [list(words)],
        )
        return {word for (word,) in cursor.fetchall()}


def _terms(word: str) -> tuple[str, str]:
    """A word for both dictionaries, quoted; a prefix matches too, except single letters."""
    return (f"'{word}':*" if len(word) > 1 else f"'{word}'", f"'{word}'")


def meant(asked: str) -> str:
    """A suggestion if nothing was found; "" if there is none."""
    words = words_of(asked)
    known = sorted(_known_words())
    mended = [
        word
        if word in ASKING or word in known
        else next(iter(closest(word, known, cutoff=NEAR)), word)
        for word in words
    ]
    said = " ".join(mended)
    return said if mended != words and find(said).every else ""


def words_of(asked: str) -> list[str]:
    """The words of a text: "select_for_update()" has three."""
    return _split(asked[:MOST_CHARACTERS]).split()[:MOST_WORDS]


def _split(text: str) -> str:
    """Words only: "n 1" for N+1."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


@cache
def texts() -> dict[str, list[str]]:
    """The searched texts, one array per kind."""
    return {
        "slugs": [recipe.slug for recipe in RECIPES],
        "titles": [_split(recipe.title) for recipe in RECIPES],
        "asks": [_split(recipe.asks) for recipe in RECIPES],
        "shows": [_split(" ".join(recipe.shows)) for recipe in RECIPES],
        "groups": [_split(recipe.group.title) for recipe in RECIPES],
        "said": [f"{recipe.about} {recipe.notice} {recipe.pitfall}" for recipe in RECIPES],
        "sources": [f"{recipe.parts} {recipe.source}" for recipe in RECIPES],
    }


@cache
def _known_words() -> frozenset[str]:
    """Words of titles, questions and features, for suggestions."""
    shown = texts()
    known = {
        word
        for text in shown["titles"] + shown["asks"] + shown["shows"]
        for word in text.split()
        if len(word) > 2
    }
    return frozenset(known - ASKING - _stop_words(known))
