"""`/api/v1/search/`: the search of the search page, with the same query syntax, counts and
highlights.
"""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.caller import TokenScope
from api.fields import ExactAmountField, picked, rows_of
from api.paging import cursor_for, known_only, next_address, number_of, read_cursor
from api.parameters import CURSOR, FIELDS, query
from api.sign_in import check_whose
from api.transactions.serializers import WRITTEN, OptionalMetadataField, TransactionSerializer
from api.views import ApiView
from ledger.db.replicas import read
from transactions.models import Transaction
from transactions.scope import BANK, MINE, Scope
from transactions.search import engine
from transactions.search.engine import BY_TIME, MOST_PAGES, SORTS, SearchResult
from transactions.search.highlights import MarkedText, marked_strings
from transactions.search.language.parser import parse
from transactions.search.language.query import ParsedQuery
from transactions.search.page.file import side_name
from transactions.search.page.hits import direction_of
from transactions.search.page.views import SEARCH
from transactions.search.places import RowPlace
from transactions.search.sql.name_lookup import NameMatches, find_scope_and_names
from transactions.search.suggestions import suggest
from transactions.synonyms.matches import synonyms_of

FACETS = ("category", "channel", "month", "type", "account", "tag")
Marked = Iterator[tuple[str, MarkedText]]


class HighlightSerializer(serializers.Serializer[Any]):
    """A text in which words of the search were found."""

    field = serializers.CharField(help_text="Such as description, to_name, metadata.city, note.")
    text = serializers.CharField()
    ranges = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="Start and end of each word in text, in characters (code points).",
    )


class HitSerializer(TransactionSerializer):
    """A transaction that matches the search. For users who may not see names, the texts that people
    wrote are null.
    """

    description = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    metadata = OptionalMetadataField(allow_null=True)
    direction = serializers.ChoiceField(["in", "out", "own"])
    from_name = serializers.CharField(
        allow_null=True, help_text="The name of this side, as on the page."
    )
    to_name = serializers.CharField(
        allow_null=True, help_text="The name of this side, as on the page."
    )
    highlights = HighlightSerializer(many=True)
    found_by = serializers.ListField(
        child=serializers.CharField(),
        help_text="The synonyms that found the transaction, such as Restaurant. The list is empty "
        "if the search finds the transaction without synonyms.",
    )


class TotalSerializer(serializers.Serializer[Any]):
    """The matches in one currency: their number, and the booked money in and out."""

    currency = serializers.CharField()
    count = serializers.IntegerField()
    money_in = ExactAmountField()
    money_out = ExactAmountField()


class FacetSerializer(serializers.Serializer[Any]):
    """A value, and the number of matches with this value."""

    value = serializers.CharField()
    count = serializers.IntegerField()


class FacetsSerializer(serializers.Serializer[Any]):
    """Values that can be used to filter the matches."""

    category = FacetSerializer(many=True)
    channel = FacetSerializer(many=True)
    month = FacetSerializer(many=True)
    type = FacetSerializer(many=True)
    account = FacetSerializer(many=True)
    tag = FacetSerializer(many=True)


class MistakeSerializer(serializers.Serializer[Any]):
    """A mistake in the query."""

    sentence = serializers.CharField()
    suggestions = serializers.ListField(child=serializers.CharField())


class SearchSerializer(serializers.Serializer[Any]):
    """A page of matches, and counts over all matches."""

    results = HitSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    sort = serializers.ChoiceField(SORTS)
    whose = serializers.ChoiceField([MINE, BANK])
    count = serializers.IntegerField()
    is_cut = serializers.BooleanField(help_text="Whether only the newest matches are counted.")
    totals = TotalSerializer(many=True)
    facets = FacetsSerializer()
    mistakes = MistakeSerializer(many=True)
    suggestions = serializers.ListField(
        child=serializers.CharField(), help_text="Other queries, if nothing was found."
    )
    named_accounts = serializers.ListField(
        child=serializers.UUIDField(), help_text="The accounts that money in and out refers to."
    )


class Search(ApiView):
    """The search for transactions."""

    scopes = {"GET": None}  # depends on `whose`: read, or one of report and staff

    @extend_schema(
        operation_id="search",
        parameters=[
            query("q", "The query, in the language of the page; default: everything."),
            query("sort", "Default: best if q has words, else newest.", choices=SORTS),
            query("whose", "The caller's own money, or the whole bank.", choices=[MINE, BANK]),
            query("page", f"1 to {MOST_PAGES}, 25 rows each; next has the right parameter."),
            CURSOR, FIELDS,
        ],
        responses=SearchSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Finds transactions, in the same way as the search page. A search in the caller's own
        money needs the scope read. A search in the whole bank needs the scope report or staff, and
        the caller must have the right to read the bank. If the results are sorted by time (`newest`
        or `oldest`), new transactions do not change the page at `next`.
        """
        known_only(request, "q", "sort", "whose", "page", "cursor")
        params = request.query_params
        text = parse(params.get("q", ""))
        sort, after = _sort(request), _after(request)
        page = number_of(request, "page", 1, MOST_PAGES)
        scope, names = self._scope_and_names(params.get("whose", ""), text)

        def found() -> tuple[SearchResult, list[str]]:
            result = engine.find(scope, text, sort=sort, page=page, after=after, names=names)
            _complete(result)
            has_found = result.rows or page > 1 or after or text.is_empty or result.is_explained
            return result, [] if has_found else suggest(scope, text).queries

        result, suggestions = read(SEARCH, found)
        return Response(_answer(request, result, suggestions))

    def _scope_and_names(self, whose: str, text: ParsedQuery) -> tuple[Scope, NameMatches]:
        """Returns the scope of the search, and the people whose names the words may match. A user
        without an account who may read the whole bank searches the whole bank, as on the page.
        """
        if whose not in ("", MINE, BANK):
            raise ValidationError({"whose": [f"Choose {MINE} or {BANK}."]})
        caller = self.caller
        if not (whose or caller.may(TokenScope.READ)) and caller.reads_bank:
            whose = BANK
        check_whose(caller, whose)
        found = find_scope_and_names(caller.person, whose or MINE, text)
        if whose or found[0].accounts:
            return found
        if caller.reads_bank:
            return find_scope_and_names(caller.person, BANK, text)
        return found


def _sort(request: Request) -> str:
    sort: str = request.query_params.get("sort", "")
    if sort and sort not in SORTS:
        raise ValidationError({"sort": [f"Choose one of {', '.join(SORTS)}."]})
    return sort


def _after(request: Request) -> RowPlace | None:
    params = request.query_params
    if not (given := params.get("cursor", "")):
        return None
    if params.get("sort") not in BY_TIME or "page" in params:
        raise ValidationError({"cursor": ["Take next unchanged: a cursor needs its sort."]})
    return RowPlace(*read_cursor(given))


def _complete(result: SearchResult) -> None:
    """Loads columns that the API returns and that the search page does not need. Makes one query if
    there are matches.
    """
    rows = {row.pk: row for row in result.rows}
    if not rows:
        return
    columns = ("pk", "value_date", "captures_id", "metadata")
    for pk, *values in Transaction.objects.filter(pk__in=rows).values_list(*columns):
        for name, value in zip(columns[1:], values, strict=True):
            setattr(rows[pk], name, value)


def _answer(request: Request, result: SearchResult, suggestions: list[str]) -> dict[str, Any]:
    for row in result.rows:
        _describe(row, result)
    hits = rows_of(HitSerializer, result.rows)
    if not result.scope.shows_names:
        hits = [{**hit, **dict.fromkeys(WRITTEN)} for hit in hits]
    facets = result.facets
    return {
        "results": picked(hits, request.query_params.get("fields")),
        "next": _next(request, result),
        "sort": result.sort,
        "whose": result.scope.kind,
        "count": facets.count,
        "is_cut": facets.is_cut,
        "totals": rows_of(TotalSerializer, facets.totals),
        "facets": {name: _values(name, getattr(facets, name)) for name in FACETS},
        "mistakes": rows_of(MistakeSerializer, result.mistakes),
        "suggestions": suggestions,
        "named_accounts": [str(pk) for pk in result.named_accounts],
    }


def _next(request: Request, result: SearchResult) -> str | None:
    """Returns the URL of the next page, or None on the last page. The URL contains the position of
    the last row if the order is by time, otherwise a page number.
    """
    if not result.has_more:
        return None
    if result.sort in BY_TIME:
        last = result.rows[-1]
        place = {"cursor": cursor_for(last.created_at, last.pk)}
    else:
        place = {"page": str(result.page + 1)}
    return next_address(request, sort=result.sort, **place)


def _values(name: str, values: list[tuple[Any, int]]) -> list[dict[str, Any]]:
    """Returns the values of a facet with their counts. A month has the form 2026-11."""
    return [
        {"value": f"{value:%Y-%m}" if name == "month" else str(value), "count": count}
        for value, count in values
    ]


def _describe(row: Any, result: SearchResult) -> None:
    """Sets the attributes of a row that the serializer reads."""
    scope = result.scope
    row.direction = direction_of(row, scope, result.named_accounts)
    row.from_name = side_name(row.from_account, scope)
    row.to_name = side_name(row.to_account, scope)
    row.found_by = synonyms_of(row)
    marked = _marked(row, scope) if scope.shows_names else iter(())
    row.highlights = [
        {"field": field, "text": found.text, "ranges": found.ranges}
        for field, found in marked
        if found.ranges
    ]


def _marked(row: Any, scope: Scope) -> Marked:
    """Yields pairs of a field and a text: the texts of this row in which the search page may
    highlight words.
    """
    for name in ("description", "reference"):
        yield name, MarkedText.of(getattr(row, name), getattr(row, f"marked_{name}", None))
    for side in ("from", "to"):
        account = getattr(row, f"{side}_account")
        if account is not None:
            is_own = not scope.is_bank and account.user_id == scope.reader.pk
            column = f"marked_{side}_account" if is_own else f"marked_{side}"
            name = account.name if is_own else account.user.name
            yield f"{side}_name", MarkedText.of(name, getattr(row, column, None))
    if note := getattr(row, "marked_note", None):
        yield "note", MarkedText.of(*note)
    for path, found in marked_strings(row):
        yield ".".join(["metadata", *map(str, path)]), found
