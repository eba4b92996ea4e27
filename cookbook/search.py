"""The search of the cookbook: Postgres full-text search over the texts of the recipes.

The texts are not stored. Each query sends them as arrays, so they always match the code. The title
and the slug have the most weight, then the features, then the question and the group, then the
explanations and the source code.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from django.db import connection

from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG, RECIPES
from ledger.text.fuzzy import closest

MAX_CHARACTERS = 200
MAX_WORDS = 12
MAX_PARTIAL_MATCHES = 10
# Minimum similarity of a suggested word, from 0 to 1; "cte" and "the" have 0.67.
MIN_SIMILARITY = 0.8
# Words of Django for which no recipe exists. "serialize" is similar to a word with another meaning.
WITHOUT_RECIPE = frozenset({"serializer", "serializers"})
# Minimum number of letters of a word that is corrected. For example, "age" is not corrected to
# "page".
MIN_CORRECTED = 4
# Words of a question that do not describe its subject.
QUESTION_WORDS = frozenset(
    "a an can do does django how i in is it my of orm postgres the to use what".split()
)
# Words that a recipe does not need to contain, unless the query has no other word.
GENERIC_WORDS = QUESTION_WORDS | {"expression", "expressions"}
# Note [Names in a query]: developers type names from code, such as User.objects.raw or
# created_at__date. The last part of a name is the subject. The parts before the last come from the
# developer's code, so a recipe does not need to contain these parts. A recipe does not need to
# contain values and stop words either.
#
# If the end of the name is a feature, the longest such end finds its recipes: objects.raw is tried
# before raw, and rank__gte before gte. A single question word, such as IN, finds only features.
# Operators, such as ->>, contain no words, so they are compared unchanged. A slice, such as [:10],
# is recognised by its brackets.
NAME = re.compile(r"[\w+]+(?:\.[\w+]+)*")  # also matches N+1 as one name
STEP = re.compile(r"\.|__(?=\w)")  # the separator between two parts of a name
VALUE = re.compile(r"\d{1,4}")  # a value, as in LIMIT 10; a number of five digits is an SQLSTATE
CLASS_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")  # matches between "Outer" and "Ref"
OPERATOR = re.compile(r"[-+*/<>=~!@#%&|?]+")
CALL = re.compile(r"(\w+)\(")  # the name of a called function, such as F in F('balance')
SLICE = re.compile(r"\[\d*:\d*\]")
ACROSS_RELATIONS = ("double", "underscore")  # the name of the feature for paths such as user__email
# The places of a title with all words, and of a main feature with exactly these words, see
# `_named`.
TITLED = (0, 1)
MAIN_FEATURE = (0, -1)
# A name as the words of each part, such as (("created", "at"), ("date",)).
Name = tuple[tuple[str, ...], ...]

# Titles, questions and features are also indexed with 'simple', because the English dictionary
# treats "having", "not in" and "for update" as stop words. Explanations and source code are indexed
# only with 'simple', because unrelated words can have the same stem, such as "lateral" and "later".
FIND = """
WITH pages AS (
    SELECT slug,
           setweight(to_tsvector('english', title || ' ' || replace(slug, '-', ' ')), 'A')
           || setweight(to_tsvector('simple', title), 'A')
           || setweight(to_tsvector('english', features), 'B')
           || setweight(to_tsvector('simple', features), 'B')
           || setweight(to_tsvector('english', question || ' ' || topic), 'C')
           || setweight(to_tsvector('simple', question), 'C')
           || setweight(to_tsvector('simple', explanation || ' ' || source), 'D') AS words
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
    """The result of a search: the recipes that contain every word of the query, and the best
    recipes that contain only some words.
    """

    every: list[Recipe]
    some: list[Recipe]


def find(query: str) -> RecipeMatches:
    """Returns the recipes that match a query, the best first. Returns no recipes for a query
    without words.

    A recipe whose main feature has exactly this name comes first. Then come recipes with another
    feature of exactly this name, sorted by the position of the feature in their list. Recipes with
    all words in the title come after first features and before second features. All other recipes
    are sorted by rank. See Note [Names in a query].
    """
    query = SLICE.sub(" slicing ", query[:MAX_CHARACTERS])
    names = _names(query)
    words = list(dict.fromkeys(_words(names)))[:MAX_WORDS]
    named = {**_with_operator(query), **_named(names, query)}
    if QUESTION_WORDS.issuperset(words):
        return RecipeMatches([BY_SLUG[slug] for slug in sorted(named, key=named.__getitem__)], [])
    found = _ranked(words, _required_words(names, words))
    if not WITHOUT_RECIPE.isdisjoint(words):
        found = [(recipe, False) for recipe, _has_every in found]
    for slug in _titled(names, query):
        named[slug] = min(named.get(slug, TITLED), TITLED)
    typed = tuple(query_words(query))
    named |= {slug: MAIN_FEATURE for slug, main in _main_features().items() if typed in main}
    ranks = {recipe.slug: rank for rank, (recipe, _has_every) in enumerate(found)}
    by_name = sorted(named, key=lambda slug: (named[slug], ranks.get(slug, len(ranks))))
    others = [(recipe, has_every) for recipe, has_every in found if recipe.slug not in named]
    return RecipeMatches(
        [BY_SLUG[slug] for slug in by_name] + [recipe for recipe, every in others if every],
        [recipe for recipe, every in others if not every][:MAX_PARTIAL_MATCHES],
    )


def _names(text: str) -> list[Name]:
    """Returns the names and words in a text, without generic words. If the text contains only
    generic words, returns these words.
    """
    names = [
        tuple(tuple(_split(part).split()) for part in STEP.split(name))
        for name in NAME.findall(text[:MAX_CHARACTERS])[:MAX_WORDS]
    ]
    return [name for name in names if len(name) > 1 or set(name[0]) - GENERIC_WORDS] or names


def _words(names: Iterable[Name]) -> tuple[str, ...]:
    return tuple(word for name in names for part in name for word in part)


def _named(names: Sequence[Name], query: str) -> dict[str, tuple[int, int]]:
    """Returns the slugs of the recipes that have a feature with a name from the query. The feature
    may also be the end of such a name, for example raw for objects.raw.

    Each slug has two numbers, and smaller numbers are better: which ending matched, and twice the
    position of the feature in the list of the recipe (see TITLED).
    """
    wanted = [
        tuple(query_words(query)),  # for NOT IN, whose second word is a question word
        _words(names),
        _words(name for name in names if not _is_value(name)),
    ]
    # The arguments of a call come after the function, so they are tried first.
    for name in reversed(names):
        if len(name) > 1:
            wanted += [_words([name[start:]]) for start in range(len(name))]
    wanted += [_words(_names(called)) for called in reversed(CALL.findall(query))]
    if len(names) == 1 and "__" in query:
        wanted.append(ACROSS_RELATIONS)
    fits = {}
    for slug, features in _features().items():
        places = [(fit, 2 * features[of]) for fit, of in enumerate(wanted) if of in features]
        if places:
            fits[slug] = min(places)
    return fits


def _titled(names: Iterable[Name], query: str) -> list[str]:
    """Returns the slugs of the recipes whose title contains all words of the query. Returns [] if
    one of the names has several parts, such as created_at__date.
    """
    if any(len(name) > 1 for name in names):
        return []
    words = set(query_words(query))
    titles = zip(texts()["slugs"], texts()["titles"], strict=True)
    return [slug for slug, title in titles if words.issubset(title.split())]


def _with_operator(query: str) -> dict[str, tuple[int, int]]:
    """Returns the slugs of the recipes with a feature that is an operator in the query. The numbers
    have the same meaning as in `_named`.
    """
    operators = OPERATOR.findall(query)
    return {
        recipe.slug: (0, 2 * place)
        for recipe in RECIPES
        for place, feature in enumerate(recipe.shows)
        if feature in operators
    }


def _required_words(names: Iterable[Name], words: list[str]) -> list[str]:
    """Returns the words that a recipe must contain to match the whole query."""
    subjects = {word for name in names if not _is_value(name) for word in name[-1]}
    subjects -= _stop_words(words)
    return [word for word in words if word in subjects] or words


def _is_value(name: Name) -> bool:
    return VALUE.fullmatch("".join(_words([name]))) is not None


def _ranked(words: list[str], required: list[str]) -> list[tuple[Recipe, bool]]:
    """Returns the recipes that contain at least one of `words`, the best first. Each recipe has a
    bool: whether the recipe contains all words in `required`.
    """
    some, every = (
        joiner.join([ONE_WORD] * len(of)) for joiner, of in ((" || ", words), (" && ", required))
    )
    terms = [term for of in (words, required) for word in of for term in _terms(word)]
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(some=some, every=every), [*texts().values(), *terms])
        return [(BY_SLUG[slug], has_every) for slug, has_every in cursor.fetchall()]


def similar(slug: str) -> list[Recipe]:
    """Returns the recipes with a similar slug, the most similar first."""
    return [BY_SLUG[name] for name in closest(slug, list(BY_SLUG), 5)]


def suggestion(query: str) -> str:
    """Returns the query with known words in place of misspelt words. Returns "" if no word was
    replaced, or if no recipe contains all words of the new query.
    """
    words = query_words(query)
    known = sorted(_known_words())
    corrected = [
        word
        if len(word) < MIN_CORRECTED or word in known or word in WITHOUT_RECIPE
        else next(iter(closest(word, known, cutoff=MIN_SIMILARITY)), word)
        for word in words
    ]
    corrected_query = " ".join(corrected)
    return corrected_query if corrected != words and find(corrected_query).every else ""


def query_words(query: str) -> list[str]:
    """Returns the words of a query in lower case. For example, "select_for_update()" has three
    words.
    """
    return _split(query[:MAX_CHARACTERS]).split()[:MAX_WORDS]


@cache
def _features() -> dict[str, dict[tuple[str, ...], int]]:
    """Returns a dict from the slug of each recipe to its features. A feature is a tuple of words
    with its position in `shows`. A name such as OuterRef also has the words "outer ref", and
    Manager.raw also has the word "raw".
    """
    return {
        recipe.slug: {
            words: place
            for place, feature in reversed(list(enumerate(recipe.shows)))
            for text in (feature, CLASS_WORDS.sub(" ", feature), feature.rpartition(".")[2])
            for words in (_words(_names(text)), tuple(query_words(text)))
            if words
        }
        for recipe in RECIPES
    }


@cache
def _main_features() -> dict[str, set[tuple[str, ...]]]:
    """Returns, for each slug, the words of the recipe's main feature, and for a class such as
    OuterRef also "outer ref".
    """
    return {
        recipe.slug: {
            tuple(query_words(text))
            for text in (recipe.feature, CLASS_WORDS.sub(" ", recipe.feature))
        }
        for recipe in RECIPES
    }


def _stop_words(words: Iterable[str]) -> set[str]:
    """Returns the words that are stop words of the English dictionary, such as "with" and "no"."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM unnest(%s::text[]) AS word WHERE to_tsvector('english', word) = ''",
            [list(words)],
        )
        return {word for (word,) in cursor.fetchall()}


def _terms(word: str) -> tuple[str, str]:
    """Returns the quoted word for two tsqueries: for 'english', which finds stems in titles,
    features, questions and groups, and for 'simple' with a prefix match.

    Only 'simple' uses prefixes, because the stem of "serializers" would also match "serializable".
    A single letter is not a prefix. In quotes, no character is an operator.
    """
    return (f"'{word}':ABC", f"'{word}':*" if len(word) > 1 else f"'{word}'")


def _split(text: str) -> str:
    """Returns only the words of a text: "n 1" for N+1, and "objects raw" for objects.raw. Postgres
    would parse N+1 as n and +1, and objects.raw as the name of a host.
    """
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


@cache
def texts() -> dict[str, list[str]]:
    """Returns the searched texts of all recipes. Each kind of text is a list with one text per
    recipe.
    """
    return {
        "slugs": [recipe.slug for recipe in RECIPES],
        "titles": [_split(recipe.title) for recipe in RECIPES],
        "questions": [_split(recipe.asks) for recipe in RECIPES],
        "features": [
            _split(f"{features} {CLASS_WORDS.sub(' ', features)}")
            for features in (" ".join(recipe.shows) for recipe in RECIPES)
        ],
        "groups": [_split(recipe.group.title) for recipe in RECIPES],
        "explanations": [
            _split(f"{recipe.about} {recipe.notice} {recipe.pitfall}") for recipe in RECIPES
        ],
        "sources": [_split(recipe.searched) for recipe in RECIPES],
    }


@cache
def _known_words() -> frozenset[str]:
    """Returns the words in titles, questions and features. Each of these words can replace a
    misspelt word.
    """
    texts_by_kind = texts()
    known = {
        word
        for kind in ("titles", "questions", "features")
        for text in texts_by_kind[kind]
        for word in text.split()
        if len(word) > 2
    }
    return frozenset(known - QUESTION_WORDS - _stop_words(known))
