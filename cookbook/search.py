"""Which recipes answer a question: Postgres's own full-text search over their words.

Nothing is stored: the few hundred texts go along with the query, as arrays, so that they can
never be older than the code. The title and the name weigh most, then the question, the names of
the features and the group, then what is said about them, then the source.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from django.db import connection

from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG, RECIPES

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
    """The recipes with every word that was asked for, and the best of those with some of them."""

    every: list[Recipe]
    some: list[Recipe]


def find(asked: str) -> RecipeMatches:
    """The recipes that answer it, the best first: those that name a feature just so, then as the
    words are weighed. None where no word of it is known."""
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
    """Recipes of a name like this one, the nearest first."""
    return [BY_SLUG[name] for name in get_close_matches(slug, list(BY_SLUG), 5)]


def _asked_words(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in ASKING]


def _features(recipe: Recipe) -> list[list[str]]:
    return [_asked_words(feature) for feature in recipe.shows]


def _stop_words(words: Iterable[str]) -> set[str]:
    """Those that say nothing to the English dictionary, such as "with" and "no"."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM unnest(%s::text[]) AS word WHERE to_tsvector('english', word) = ''",
            [list(words)],
        )
        return {word for (word,) in cursor.fetchall()}


def _terms(word: str) -> tuple[str, str]:
    """A word for either dictionary: quoted, so that nothing in it is an operator; what begins so
    is found too, as one types, but for single letters."""
    return (f"'{word}':*" if len(word) > 1 else f"'{word}'", f"'{word}'")


def meant(asked: str) -> str:
    """What may have been meant where nothing was found, "" where no word is near, or where what
    is near would find nothing either."""
    words = words_of(asked)
    known = sorted(_known_words())
    mended = [
        word
        if word in ASKING or word in known
        else next(iter(get_close_matches(word, known, 1, NEAR)), word)
        for word in words
    ]
    said = " ".join(mended)
    return said if mended != words and find(said).every else ""


def words_of(asked: str) -> list[str]:
    """Its words, as the search takes them: "select_for_update()" has three."""
    return _split(asked[:MOST_CHARACTERS]).split()[:MOST_WORDS]


def _split(text: str) -> str:
    """Words and nothing else: "n 1" for N+1, which Postgres's parser takes for n and +1."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


@cache
def texts() -> dict[str, list[str]]:
    """What is looked through, one array for each kind of text."""
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
    """The words of titles, questions and features that somebody may have meant to type."""
    shown = texts()
    known = {
        word
        for text in shown["titles"] + shown["asks"] + shown["shows"]
        for word in text.split()
        if len(word) > 2
    }
    return frozenset(known - ASKING - _stop_words(known))
