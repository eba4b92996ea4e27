"""Recipes about full-text search: vectors, queries, weights and ranks."""

from typing import Any, Literal

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, SearchVector
from django.db.models import Count, F, QuerySet
from django.utils.html import escape

from cookbook.recipe import RecipeGroup
from cookbook.runner.steps import step
from transactions.models import Transaction

GROUP = RecipeGroup("fulltext", "Full-text search", "Search vectors, queries, weights and ranks.")


@GROUP.recipe(
    "SearchVector: on the fly or stored",
    asks="How do I do full-text search with Django and Postgres, and make it fast?",
    shows=(
        "SearchVector",
        "on the fly",
        "generated column",
        "GIN",
        "full-text search",
    ),
    notice="On the fly, Postgres makes a tsvector of every row's text for this one query: the plan "
    "is a Seq Scan. The column search is a GeneratedField that Postgres keeps up to date. It has a "
    "GIN index: the plan is a Bitmap Index Scan on transactions_search.",
    pitfall="The stored vector is fetched with every row unless it is deferred, as this model's "
    "manager does. And the expression of a generated column must name its config: the default "
    "config depends on a setting, and Postgres allows immutable expressions only.",
    teaches_plan=True,
)
def words_on_the_fly_and_generated(word: str = "lottery") -> dict[str, int]:
    """Counts the transactions that contain a word, in two ways."""
    query = SearchQuery(word, config="simple")
    with step("on the fly"):
        on_the_fly = (
            Transaction.objects.annotate(
                words=SearchVector("description", "reference", config="simple")
            )
            .filter(words=query)
            .count()
        )
    with step("generated column"):
        generated = Transaction.objects.filter(search=query).count()
    return {"on the fly": on_the_fly, "generated column": generated}


@GROUP.recipe(
    "SearchVector(weight=…): weigh columns",
    asks="How do I weigh a match in the title above one in the text?",
    shows=("weights", "SearchVector", "SearchRank", "setweight"),
    notice="setweight gives the words of each column a letter; ts_rank turns letters into "
    "numbers, A 1.0, B 0.4, C 0.2, D 0.1 unless you give others. Rent in the description and in "
    "the reference comes before rent in only the reference.",
    pitfall="The numbers are given from D to A: [0.1, 0.2, 0.4, 1.0]. In the reverse order, the "
    "least important column counts most.",
)
def rent_by_weights() -> QuerySet[Transaction, Any]:
    """Returns June's transactions about rent, ranked. The description has the higher weight."""
    words = SearchVector("description", weight="A", config="simple") + SearchVector(
        "reference", weight="D", config="simple"
    )
    query = SearchQuery("rent", config="simple")
    return (
        Transaction.objects.filter(search=query, value_date__range=("2026-06-01", "2026-06-30"))
        .values("description", "reference")
        .annotate(rank=SearchRank(words, query, weights=[0.1, 0.2, 0.4, 1.0]))
        .order_by("-rank", "description")
        .distinct()[:6]
    )


@GROUP.recipe(
    "SearchQuery, plain or phrase",
    asks="How do I search for a phrase instead of single words?",
    shows=("plain", "phrase", "SearchQuery", "plainto_tsquery", "phraseto_tsquery"),
    notice="plain joins the words with &, so they may be anywhere, in any order. phrase joins them "
    "with <->, so each must directly follow the one before. The plans show the resulting query: "
    "'half' & 'of' & 'dinner', and 'half' <-> 'of' <-> 'dinner'.",
    pitfall="A phrase needs positions: the index finds the rows with all words, and each row is "
    "checked again. Type dinner of half: the phrase's plan finds the same 59 rows in the index and "
    "drops them all (Rows Removed by Index Recheck).",
    teaches_plan=True,
)
def dinners_plain_and_phrase(words: str = "half of dinner") -> list[dict[str, Any]]:
    """Counts the transactions with these words, in this order and in reverse order."""
    return [
        {
            "typed": typed,
            "plain": Transaction.objects.filter(
                search=SearchQuery(typed, search_type="plain", config="simple")
            ).count(),
            "phrase": Transaction.objects.filter(
                search=SearchQuery(typed, search_type="phrase", config="simple")
            ).count(),
        }
        for typed in (words, " ".join(reversed(words.split())))
    ]


@GROUP.recipe(
    "SearchQuery, websearch: a search box",
    asks="How do I support quotes, or, and minus in a search box?",
    shows=("websearch", "SearchQuery", "websearch_to_tsquery", "search box"),
    notice="Quotes make a phrase, or becomes |, and a minus becomes !. The plan's condition reads "
    "'half' <-> 'of' & !'dinner' | 'lottery': or binds last.",
    pitfall="websearch never raises, so use it for text that people type; but it has no brackets "
    "and no prefixes, and or only counts between two words.",
    teaches_plan=True,
)
def typed_by_people_websearch(
    typed: str = '"half of" -dinner or lottery',
) -> QuerySet[Transaction, Any]:
    """Returns the descriptions that match a text that a person typed into a search box."""
    query = SearchQuery(typed, search_type="websearch", config="simple")
    return (
        Transaction.objects.filter(search=query)
        .values("description")
        .annotate(times=Count("id"))
        .order_by("-times", "description")[:8]
    )


@GROUP.recipe(
    "SearchQuery, raw: the full tsquery syntax",
    asks="How do I use the full tsquery syntax from Django?",
    shows=("raw", "SearchQuery", "to_tsquery", "weight labels", "tsquery operators"),
    notice="raw is to_tsquery: & | ! and brackets, <-> for the next word, <2> for the word after "
    "that, rent:A for rent among the words of weight A only. SearchQuery objects can also be "
    "joined with & and |, and negated with ~, without writing a query text.",
    pitfall="Two words without an operator between them are a syntax error, 42601, and so is a "
    "single bracket: never pass user input on as raw. Offer a choice, as here.",
)
def dinners_by_raw_query(
    query: Literal[
        "(pizza | dinner) & half & !your", "half <-> of", "half <2> dinner", "rent", "rent:A"
    ] = "(pizza | dinner) & half & !your",
) -> QuerySet[Transaction, Any]:
    """Returns the descriptions that match a query in the syntax of tsquery."""
    return (
        Transaction.objects.filter(search=SearchQuery(query, search_type="raw", config="simple"))
        .values("description")
        .annotate(times=Count("id"))
        .order_by("-times", "description")[:8]
    )


@GROUP.recipe(
    "Prefix search: search as you type",
    asks="How do I search by the beginning of a word, as somebody types it?",
    shows=("prefix", "raw", "SearchQuery", "autocomplete", "search as you type"),
    notice="'lott':* in to_tsquery uses the GIN index, whose words are sorted. The quotes keep the "
    "typed text together: two words become a phrase, both as prefixes.",
    pitfall="Without the quotes, and doubled quotes inside, the first typed bracket or space is "
    "a syntax error. One or two letters match a large part of all words: require three.",
)
def words_by_prefix(beginning: str = "lott") -> QuerySet[Transaction, Any]:
    """Returns the descriptions that have a word beginning with these letters."""
    quoted = beginning.replace("\\", "\\\\").replace("'", "''")
    query = SearchQuery(f"'{quoted}':*", search_type="raw", config="simple")
    return (
        Transaction.objects.filter(search=query)
        .values("description")
        .annotate(times=Count("id"))
        .order_by("-times", "description")[:8]
    )


@GROUP.recipe(
    "SearchRank: the best matches first",
    asks="How do I order search results by relevance?",
    shows=("SearchRank", "cover_density", "relevance", "ts_rank_cd"),
    notice="ts_rank counts how often the words occur, and with which weight. With cover_density, "
    "Django uses ts_rank_cd, which counts how close together the words are. The index finds the "
    "rows; the rank is calculated for each of them.",
    pitfall="Ordering by rank reads the vector of every match before it can show ten: for a word "
    "in a sixth of all rows that is almost the whole table. Limit the rows that are ranked, for "
    "instance to the newest few hundred matches. And do not forget F(): a bare name is made into "
    "a new SearchVector, of the text of the vector, and its weights are lost.",
)
def ranked_matches(cover_density: bool = False) -> QuerySet[Transaction, Any]:
    """Returns descriptions with half, dinner or pizza, the best matches first."""
    query = SearchQuery("half or dinner or pizza", search_type="websearch", config="simple")
    return (
        Transaction.objects.filter(search=query)
        .values("description")
        .annotate(rank=SearchRank(F("search"), query, cover_density=cover_density))
        .order_by("-rank", "description")
        .distinct()[:8]
    )


@GROUP.recipe(
    "SearchHeadline: highlight matches safely",
    asks="How do I highlight the matched words in search results?",
    shows=("SearchHeadline", "ts_headline", "highlight", "escape"),
    notice="ts_headline puts a marker before and after each match. The second column is what a "
    "template may show: neutral markers, then escape(), then the markers replaced by <mark>. "
    "replace() returns a plain str, so the template needs mark_safe() or |safe for this column.",
    pitfall="ts_headline does not escape: see the & in the first column. It drops plain tags, "
    'but <svg/onload=alert(1)> in a description remains, and with start_sel="<mark>" and |safe '
    "in the template it runs.",
)
def safe_headline(word: str = "farm") -> list[dict[str, str]]:
    """Returns descriptions with this word marked by Postgres, and escaped for a page."""
    query = SearchQuery(word, config="simple")
    headline = SearchHeadline("description", query, config="simple", start_sel="⟦", stop_sel="⟧")
    marked = Transaction.objects.filter(search=query).values_list(headline, flat=True)
    return [
        {
            "as Postgres gives it": text,
            "safe to show": escape(text).replace("⟦", "<mark>").replace("⟧", "</mark>"),
        }
        for text in marked.order_by("description").distinct()[:5]
    ]


@GROUP.recipe(
    "SearchVector(config=…): stems of a language",
    asks="How do I make a search find books when somebody types book?",
    shows=("languages", "config", "stemming", "stop words", "SearchVector"),
    notice="simple only lowers the case: books finds books. english reduces words to their stem, "
    "so that books and book are the same: the plan's condition has 'book'. Words like of and "
    "the are left out of an english vector.",
    pitfall="Vector and query need the same config: otherwise stems are compared with whole words, "
    "and only words that are their own stem are found. For names use simple: english takes Wells "
    "for the plural of well.",
    teaches_plan=True,
)
def books_in_languages(
    word: str = "books", language: Literal["english", "german", "french"] = "english"
) -> dict[str, int]:
    """Counts the descriptions with exactly this word, and the descriptions with its stem."""
    return {
        config: Transaction.objects.annotate(words=SearchVector("description", config=config))
        .filter(words=SearchQuery(word, config=config))
        .count()
        for config in (language, "simple")
    }
