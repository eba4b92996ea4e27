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
# A recipe that has all the words stands before every one that has only some.
FIND = """
WITH pages AS (
    SELECT slug,
           setweight(to_tsvector('english', title), 'A')
           || setweight(to_tsvector('english', asks), 'B')
           || setweight(to_tsvector('english', said), 'C')
           || setweight(to_tsvector('english', source), 'D') AS words
    FROM unnest(%(slugs)s::text[], %(titles)s::text[], %(asks)s::text[], %(said)s::text[],
                %(sources)s::text[]) AS recipes (slug, title, asks, said, source)
)
SELECT slug
FROM pages, to_tsquery('english', %(any)s) AS some_word, to_tsquery('english', %(all)s) AS all_words
WHERE words @@ some_word
ORDER BY words @@ all_words DESC, ts_rank(words, some_word) DESC, slug
"""


def find(asked: str) -> list[Recipe]:
    """The recipes that answer it, the best first; none where no word of it is known."""
    words = words_of(asked)
    if not words:
        return []
    # Quoted, so that nothing in a word is an operator; ":*" finds what begins so.
    begun = [f"'{word}':*" for word in words]
    values = texts() | {"any": " | ".join(begun), "all": " & ".join(begun)}
    with connection.cursor() as cursor:
        cursor.execute(FIND, values)
        return [BY_SLUG[slug] for (slug,) in cursor.fetchall()]


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
    return re.findall(r"[^\W_]+", asked[:MOST_CHARACTERS].lower())[:MOST_WORDS]


@cache
def texts() -> dict[str, list[str]]:
    """What is looked through, one array for each kind of text."""
    return {
        "slugs": [recipe.slug for recipe in RECIPES],
        "titles": [recipe.title for recipe in RECIPES],
        "asks": [f"{recipe.asks} {' '.join(recipe.shows)}" for recipe in RECIPES],
        "said": [f"{recipe.about} {recipe.notice} {recipe.pitfall}" for recipe in RECIPES],
        "sources": [f"{recipe.group.title} {recipe.parts} {recipe.source}" for recipe in RECIPES],
    }


@cache
def _known_words() -> frozenset[str]:
    shown = texts()
    return frozenset(
        word for text in shown["titles"] + shown["asks"] for word in words_of(text) if len(word) > 2
    )
