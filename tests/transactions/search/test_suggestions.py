"""Did you mean: similar words, by difflib on every server."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.transactions.search.shared import booked, pay
from transactions.models import Transaction
from transactions.scope import Scope
from transactions.search.language.parser import parse
from transactions.search.suggestions import suggest

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("grocereis", "groceries"),
        ("salray", "salary"),
        ("marra", "mara"),
        ("march grocereis", "march groceries"),
        ("category:groc", "category:groceries"),
        ("category:grocereis", "category:groceries"),
        ("category:eat", 'category:"eating out"'),
        ("meta.channel:crad", 'meta.channel:"card"'),
        ("to:mraa", "to:mara"),
        ("to:cornre", "to:corner"),
        ("from:salray", "from:salary"),
    ],
)
def test_a_typo_is_corrected_from_ones_own_rows(
    scope: Scope, books: Books, typed: str, meant: str
) -> None:
    assert meant in suggest(scope, parse(typed)).queries


def test_a_row_with_very_many_words_suggests_none_of_its_metadata(
    scope: Scope, books: Books
) -> None:
    """Thousands of such rows would make each search that finds nothing take seconds."""
    everyday = scope.accounts[0]
    many = " ".join(f"zz{number}" for number in range(100))
    booked(pay(30, "4", "Lighthouse", None, everyday, metadata={"a": "windmill"}))
    booked(pay(31, "4", "Waterfall", None, everyday, metadata={"a": f"riverbank {many}"}))
    typos = {"lighthuose": 1, "windmlil": 1, "watrefall": 1, "riverbnak": 0}
    assert {typo: len(suggest(scope, parse(typo)).queries) for typo in typos} == typos


@pytest.mark.parametrize(
    "typed", ["salary", "-salray", "qqqqqq", "amount:5", "meta.other:crad", "9"]
)
def test_known_words_and_distant_words_get_no_suggestion(
    scope: Scope, books: Books, typed: str
) -> None:
    assert suggest(scope, parse(typed)).queries == []


def test_names_are_suggested_only_to_readers_who_may_see_them(ana: Any, books: Books) -> None:
    blind = suggest(Scope(ana, is_bank=True, shows_names=False), parse("zelenak"))
    assert "zelenka" not in blind.queries
    seeing = suggest(Scope(ana, is_bank=True), parse("zelenak"))
    assert seeing.queries[0] == "zelenka"


@pytest.mark.parametrize("typed", ["salray", "marra", "zelenkka", "to:mraa"])
def test_suggestions_of_customers_use_no_trigrams(
    customer: Client, books: Books, typed: str
) -> None:
    """The index of trigrams has the names of the whole bank."""
    with CaptureQueriesContext(connection) as captured:
        customer.get("/search/", {"q": typed})
    assert "unnest(tsvector_to_array" in str(captured.captured_queries)
    assert "extensions" not in str(captured.captured_queries)


def test_customers_are_not_shown_the_method(customer: Client, books: Books) -> None:
    said = customer.get("/search/", {"q": "salray"}).content.decode()
    assert "Did you mean" in said
    assert "difflib" not in said
    assert "pg_trgm" not in said
