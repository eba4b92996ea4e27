"""Which recipes answer a question: Postgres's own full-text search over their words.

Nothing is stored: the few hundred texts go along with the query, as arrays, so that they can
never be older than the code. The title weighs most, then the question and the names of the
features, then what is said about them, then the source.
"""

import re
from difflib import get_close_matches
from functools import cache

from django.db import connection

from ledger.cookbook.recipe import Recipe
from ledger.cookbook.recipes import BY_SLUG, RECIPES

MOST_CHARACTERS = 200
MOST_WORDS = 12
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
           || setweight(to_tsvector('english', asks || ' ' || shows), 'B')
           || setweight(to_tsvector('simple', shows), 'B')
           || setweight(to_tsvector('simple', title || ' ' || asks), 'D')
           || setweight(to_tsvector('english', said), 'C')
           || setweight(to_tsvector('english', source), 'D') AS words
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
         AS recipes (slug, title, asks, shows, said, source)
)
SELECT slug
FROM pages, (SELECT {some} AS some_word, {every} AS every_word) AS asked
WHERE words @@ some_word
ORDER BY words @@ every_word DESC, ts_rank(words, some_word, 1) DESC, slug
"""
ONE_WORD = "(to_tsquery('english', %s) || to_tsquery('simple', %s))"


def find(asked: str) -> list[Recipe]:
    """The recipes that answer it, the best first, those with every word before all others; none
    where no word of it is known."""
    words = [word for word in words_of(asked) if word not in ASKING]
    if not words:
        return []
    terms = [term for word in words for term in _terms(word)]
    some, every = (operator.join([ONE_WORD] * len(words)) for operator in (" || ", " && "))
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(some=some, every=every), [*texts().values(), *terms, *terms])
        return [BY_SLUG[slug] for (slug,) in cursor.fetchall()]


def _terms(word: str) -> tuple[str, str]:
    """A word for either dictionary: quoted, so that nothing in it is an operator; what begins so
    is found too, as one types, but for single letters."""
    return (f"'{word}':*" if len(word) > 1 else f"'{word}'", f"'{word}'")


def meant(asked: str) -> str:
    """What may have been meant where nothing was found, "" where no word is near."""
    known = sorted(_known_words())
    mended = [
        word if word in known else next(iter(get_close_matches(word, known, 1)), word)
        for word in words_of(asked)
    ]
    return " ".join(mended) if mended != words_of(asked) else ""


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
        "said": [f"{recipe.about} {recipe.notice} {recipe.pitfall}" for recipe in RECIPES],
        "sources": [f"{recipe.group.title} {recipe.parts} {recipe.source}" for recipe in RECIPES],
    }


@cache
def _known_words() -> frozenset[str]:
    shown = texts()
    return frozenset(
        word for text in shown["titles"] + shown["asks"] for word in words_of(text) if len(word) > 2
    )
