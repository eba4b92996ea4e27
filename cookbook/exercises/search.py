"""The part of the learning path about full-text search."""

from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Count, F, Max, QuerySet

from cookbook.exercises.exercise import PathPart
from transactions.models import Transaction

PART = PathPart(
    "search",
    "Search",
    "Full-text search: words, phrases, weights, ranks and languages. The words of a payment are in "
    "the column search. Use the configuration simple, unless the question names another.",
    (
        "words-on-the-fly-and-generated", "dinners-plain-and-phrase", "typed-by-people-websearch",
        "dinners-by-raw-query", "words-by-prefix", "rent-by-weights", "ranked-matches",
        "safe-headline", "books-in-languages", "people-by-trigram-similarity",
        "places-by-unaccent",
    ),
)  # fmt: skip


@PART.exercise(
    "One word",
    asks="Which different descriptions do payments with the word refund have? The word may be in "
    "any of their texts. Return the column description.",
    uses=(Transaction,),
    hints=(
        "The operator @@ compares a tsvector, such as the column search, with a tsquery.",
        "plainto_tsquery('simple', 'refund') is a tsquery.",
        "SELECT DISTINCT description … WHERE search @@ plainto_tsquery('simple', 'refund')",
    ),
    recipes=("words-on-the-fly-and-generated",),
)
def descriptions_with_refund() -> QuerySet[Transaction, Any]:
    found = Transaction.objects.filter(search=SearchQuery("refund", config="simple"))
    return found.values("description").distinct()


@PART.exercise(
    "What people type",
    asks='A person types into a search box: "half of" or dinner -your. Quotes mean a phrase, and a '
    "minus excludes a word. How many payments with each description match? Return the columns "
    "description and the number of payments.",
    uses=(Transaction,),
    hints=(
        "websearch_to_tsquery understands quotes, or, and minus.",
        "Pass the typed text unchanged: websearch_to_tsquery('simple', '\"half of\" or …')",
        "GROUP BY description",
    ),
    recipes=("typed-by-people-websearch", "dinners-plain-and-phrase"),
    note="or binds last, so the minus belongs to dinner only.",
)
def halves_and_dinners() -> QuerySet[Transaction, Any]:
    typed = '"half of" or dinner -your'
    query = SearchQuery(typed, search_type="websearch", config="simple")
    found = Transaction.objects.filter(search=query)
    return found.values("description").annotate(payments=Count("pk"))


@PART.exercise(
    "The beginning of a word",
    asks="Somebody has typed phar so far. How many payments with each description have a word that "
    "begins with these letters? Return the columns description and the number of payments.",
    uses=(Transaction,),
    hints=(
        "In the syntax of to_tsquery, a word with :* matches all words with this beginning.",
        "to_tsquery('simple', 'phar:*')",
    ),
    recipes=("words-by-prefix", "dinners-by-raw-query"),
    note="plainto_tsquery and websearch_to_tsquery have no prefixes.",
)
def words_that_begin_with_phar() -> QuerySet[Transaction, Any]:
    query = SearchQuery("phar:*", search_type="raw", config="simple")
    found = Transaction.objects.filter(search=query)
    return found.values("description").annotate(payments=Count("pk"))


@PART.exercise(
    "Weights",
    asks="The words of the description have the weight A, and those of the reference B. Which "
    "payments have the word rent in the reference, but not in the description? Return the "
    "different pairs of description and reference.",
    uses=(Transaction,),
    hints=(
        "In the syntax of to_tsquery, rent:A is the word rent with the weight A.",
        "The operators are & (and), | (or) and ! (not).",
        "to_tsquery('simple', 'rent:B & !rent:A')",
    ),
    recipes=("rent-by-weights", "dinners-by-raw-query"),
)
def rent_only_in_the_reference() -> QuerySet[Transaction, Any]:
    query = SearchQuery("rent:B & !rent:A", search_type="raw", config="simple")
    found = Transaction.objects.filter(search=query)
    return found.values("description", "reference").distinct()


@PART.exercise(
    "The best matches first",
    asks="Which three descriptions match the query market or book best? The rank of a "
    "description is the largest ts_rank of its payments. Return the columns description and rank, "
    "the largest rank first, then by description.",
    uses=(Transaction,),
    hints=(
        "ts_rank(search, query) returns the rank of one payment.",
        "max(ts_rank(…)) with GROUP BY description returns the rank of a description.",
        "The query is websearch_to_tsquery('simple', 'market or book').",
    ),
    recipes=("ranked-matches", "typed-by-people-websearch"),
    is_ordered=True,
    note='F("search") is the stored column. A bare name would make a new vector without weights.',
)
def three_best_matches() -> QuerySet[Transaction, Any]:
    query = SearchQuery("market or book", search_type="websearch", config="simple")
    return (
        Transaction.objects.filter(search=query)
        .values("description")
        .annotate(rank=Max(SearchRank(F("search"), query)))
        .order_by("-rank", "description")[:3]
    )


@PART.exercise(
    "Words of a language",
    asks="In the configuration english, water also finds waters and watered. Which different "
    "descriptions match water in this configuration? Return the column description.",
    uses=(Transaction,),
    hints=(
        "The column search was made with whole words. So make a new vector from the description.",
        "to_tsvector('english', description)",
        "Vector and query need the same configuration: plainto_tsquery('english', 'water')",
    ),
    recipes=("books-in-languages", "words-on-the-fly-and-generated"),
    note="Postgres reads every row, because no index contains these vectors.",
)
def water_in_english() -> QuerySet[Transaction, Any]:
    return (
        Transaction.objects.annotate(words=SearchVector("description", config="english"))
        .filter(words=SearchQuery("water", config="english"))
        .values("description")
        .distinct()
    )
