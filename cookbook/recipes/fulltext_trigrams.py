"""Recipes about texts with slips and accents: trigrams and unaccent."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.search import (
    TrigramDistance,
    TrigramSimilarity,
    TrigramStrictWordDistance,
    TrigramStrictWordSimilarity,
    TrigramWordDistance,
    TrigramWordSimilarity,
)
from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from cookbook.models import Visit
from cookbook.recipes.fulltext import GROUP
from cookbook.runner.steps import step


@GROUP.recipe(
    "TrigramSimilarity: find a misspelt name",
    asks="How do I find names that are similar to a misspelt one?",
    shows=(
        "TrigramSimilarity",
        "trigram",
        "fuzzy search",
        "typo tolerant",
        "similarity",
        "pg_trgm",
        "trigram_similar",
    ),
    notice="SIMILARITY() compares the sets of three letters of both texts and returns a number "
    "from 0 to 1. The lookup name__trigram_similar is the operator %, true from 0.3 on. The "
    "function is in the schema of the extensions, so its name begins with extensions.",
    pitfall="A condition on the number reads every row: for many rows filter by trigram_similar, "
    "which can use an index with gin_trgm_ops. For a short name in a long text the number is "
    "small: take TrigramWordSimilarity.",
)
def people_by_trigram_similarity(
    name: str = "Anna Fereira", at_least: Decimal = Decimal("0.3")
) -> QuerySet[User, Any]:
    """Returns the people whose name is similar to a text, the most similar first."""
    return (
        User.objects.annotate(similarity=TrigramSimilarity("name", name))
        .filter(similarity__gte=at_least)
        .order_by("-similarity", "email")
        .values("name", "similarity")
    )


@GROUP.recipe(
    "TrigramWordSimilarity: a word in a text",
    asks="How do I find a misspelt word in longer texts?",
    shows=("TrigramWordSimilarity", "word_similarity", "trigram_word_similar", "pg_trgm"),
    notice="WORD_SIMILARITY() compares the word with the most similar part of the text, so the "
    "rest of the text does not lower the number. The word comes first: "
    "TrigramWordSimilarity(word, column). TrigramSimilarity has the column first.",
    pitfall="trigram_word_similar is true from 0.6 on (pg_trgm.word_similarity_threshold). "
    "A word of one or two letters has only two or three trigrams, so few matches differ in rank.",
)
def places_by_trigram_word_similarity(word: str = "Centrall") -> QuerySet[Visit, Any]:
    """Returns the three most similar places to a word."""
    return (
        Visit.objects.annotate(similarity=TrigramWordSimilarity(word, "place"))
        .order_by("-similarity", "place")
        .values("place", "similarity")
        .distinct()[:3]
    )


@GROUP.recipe(
    "TrigramDistance: the nearest texts first",
    asks="How do I sort by similarity, and which of the trigram functions do I need?",
    shows=(
        "TrigramDistance",
        "TrigramWordDistance",
        "TrigramStrictWordSimilarity",
        "TrigramStrictWordDistance",
        "trigram_strict_word_similar",
        "strict_word_similarity",
        "nearest neighbour",
    ),
    notice="A distance is 1 minus the similarity, by the operators <->, <<-> and <<<->. The strict "
    "functions compare the word only with whole words of the place, the others with any part of "
    "it: for tral, a part of Central, the strict similarity is smaller.",
    pitfall="ORDER BY a distance with LIMIT can use an index with gist_trgm_ops, which returns the "
    "nearest rows first; gin_trgm_ops cannot. TrigramDistance has the column first, the "
    "functions for words have the text first.",
)
def places_by_trigram_distance(word: str = "tral") -> QuerySet[Visit, Any]:
    """Returns the nearest place to a word with its distances and similarities."""
    return (
        Visit.objects.annotate(
            distance=TrigramDistance("place", word),
            word_distance=TrigramWordDistance(word, "place"),
            strict_distance=TrigramStrictWordDistance(word, "place"),
            word_similarity=TrigramWordSimilarity(word, "place"),
            strict_similarity=TrigramStrictWordSimilarity(word, "place"),
        )
        .order_by("word_distance", "distance", "place")
        .values(
            "place",
            "distance",
            "word_distance",
            "strict_distance",
            "word_similarity",
            "strict_similarity",
        )[:1]
    )


@GROUP.recipe(
    "gin_trgm_ops: an index for part of a text",
    asks="Which index helps contains (LIKE with % at both ends)?",
    shows=("gin_trgm_ops", "trigram index", "opclasses", "OpClass", "contains", "LIKE"),
    notice='The model has GinIndex(fields=["place"], opclasses=["extensions.gin_trgm_ops"], '
    'name="visits_place"), with the schema of the extension pg_trgm. An index on trigrams finds '
    "LIKE '%…%' and regular expressions: the first plan has a Bitmap Index Scan. icontains "
    "compares UPPER(place), so it needs the second index, which is on an expression: OpClass names "
    "the operator class there. LOWER(place) has no index, so the third plan is a Seq Scan.",
    pitfall="An index on the column does not help icontains, and an index on UPPER() does not help "
    "contains. A text of fewer than three letters has no whole trigram, so the index does not "
    "help. Each insert writes one entry per trigram into each of these indexes.",
    teaches_plan=True,
)
def places_by_gin_trgm_ops(text: str = "Nova 177") -> dict[str, int]:
    """Counts the visits to places that contain a text, with its case and without."""
    with step("contains: the index on the column"):
        contains = Visit.objects.filter(place__contains=text).count()
    with step("icontains: the index on UPPER()"):
        icontains = Visit.objects.filter(place__icontains=text).count()
    with step("LOWER(): no index"):
        lowered = Visit.objects.alias(lowered=Lower("place"))
        lower = lowered.filter(lowered__contains=text.lower()).count()
    return {"contains": contains, "icontains": icontains, "LOWER()": lower}


@GROUP.recipe(
    "Unaccent: find São by sao",
    asks="How do I search without accents?",
    shows=("Unaccent", "__unaccent", "accents", "diacritics", "unaccent__icontains"),
    notice="place__unaccent__icontains applies UNACCENT() to the column and to the text, so both "
    "may have accents. The lookup needs 'django.contrib.postgres' in INSTALLED_APPS and the "
    "extension unaccent; here the function's name has the schema of the extensions.",
    pitfall="UNACCENT() is STABLE, not IMMUTABLE, because its rules can change. So Postgres "
    "refuses an index on it; a function of your own that is declared IMMUTABLE can be indexed.",
)
def places_by_unaccent(text: str = "cafe sao") -> dict[str, int]:
    """Counts the visits to places that contain a text, with accents and without."""
    with step("icontains"):
        with_accents = Visit.objects.filter(place__icontains=text).count()
    with step("unaccent__icontains"):
        without = Visit.objects.filter(place__unaccent__icontains=text).count()
        return {"icontains": with_accents, "unaccent__icontains": without}
