"""Recipes about full-text search: a minimum rank, and an annotation with the stored column."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Count, F, QuerySet

from cookbook.recipes.fulltext import GROUP
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "filter(rank__gte=…): a minimum SearchRank",
    asks="How do I keep only search results above a rank?",
    shows=("rank__gte", "SearchRank", "minimum rank", "threshold", "relevance", "filter"),
    notice="rank is an annotation, so rank__gte puts ts_rank(…) >= … into WHERE. The condition "
    "search=query uses the GIN index; the rank is then computed for the rows that it found.",
    pitfall="Only filter(rank__gte=0.1) cannot use the index: the rank of every row is computed. "
    "And a rank only compares rows of one query, so no minimum fits all queries: ORDER BY the rank "
    "and LIMIT usually do.",
)
def matches_above_a_rank(rank: Decimal = Decimal("0.3")) -> QuerySet[Transaction, Any]:
    """Returns the descriptions with half, dinner or pizza whose rank is at least `rank`."""
    query = SearchQuery("half or dinner or pizza", search_type="websearch", config="simple")
    return (
        Transaction.objects.annotate(rank=SearchRank(F("search"), query))
        .filter(search=query, rank__gte=rank)
        .values("description", "rank")
        .annotate(times=Count("pk"))
        .order_by("-rank", "description")[:8]
    )


@GROUP.recipe(
    "annotate(search=…): conflicts with the field",
    asks="Why does annotate(search=SearchVector(…)) raise ValueError?",
    shows=(
        "annotate(search=SearchVector)",
        "SearchVector",
        "conflicts with a field",
        "stored column",
        "annotate",
    ),
    notice="Tutorials write annotate(search=SearchVector(…)). This model has a stored column of "
    "that name, so Django raises ValueError and sends no query. With another name, the query makes "
    "the vector of every row (Seq Scan). The stored column needs no annotation, and has the GIN "
    "index.",
    pitfall="The same conflict occurs if you add a SearchVectorField later. Remove the annotations "
    "of that name in the same commit, or the pages that use them fail. The vector and the query "
    "need the same config.",
    teaches_plan=True,
)
def annotated_beside_the_column(word: str = "lottery") -> dict[str, object]:
    """Searches in three ways: by two annotations with different names, and by the column."""
    vector = SearchVector("description", "reference", config="simple")
    query = SearchQuery(word, config="simple")
    try:
        refused = str(Transaction.objects.annotate(search=vector).filter(search=query).count())
    except ValueError as error:
        refused = str(error)
    with step("annotate(words=…)"):
        annotated = Transaction.objects.annotate(words=vector).filter(words=query).count()
    with step("The stored column"):
        stored = Transaction.objects.filter(search=query).count()
    return {"annotate(search=…)": refused, "annotate(words=…)": annotated, "the column": stored}
