"""Did you mean: by pg_trgm if the database has it, by difflib if not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.transactions.search.shared import booked, pay
from transactions.models import Transaction
from transactions.scope import Scope
from transactions.search.engine import find
from transactions.search.language.parser import parse
from transactions.search.suggestions import ACCENTS, folded, has_trigrams, suggest

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]

# Stands in for pg_trgm: counts shared letters instead of shared trigrams.
SIMILARITY = """
CREATE FUNCTION public.similarity(one text, other text) RETURNS real LANGUAGE sql IMMUTABLE AS $$
    SELECT (SELECT count(*) FROM (
                SELECT unnest(string_to_array(one, NULL))
                INTERSECT SELECT unnest(string_to_array(other, NULL))) AS shared)::real
         / greatest(1, (SELECT count(*) FROM (
                SELECT unnest(string_to_array(one, NULL))
                UNION SELECT unnest(string_to_array(other, NULL))) AS every))
$$
"""


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    has_trigrams.cache_clear()
    yield
    has_trigrams.cache_clear()


@pytest.fixture(params=["difflib", "pg_trgm"])
def measure(request: Any, db: Any) -> str:
    """Runs a test with both; without pg_trgm, with a function of the same name."""
    if request.param == "pg_trgm" and not has_trigrams():
        with connection.cursor() as cursor:
            cursor.execute(SIMILARITY)
    has_trigrams.cache_clear()
    return str(request.param)


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
    measure: str, scope: Scope, books: Books, typed: str, meant: str
) -> None:
    found = suggest(scope, parse(typed))
    assert meant in found.queries
    assert found.by_trigrams == (measure == "pg_trgm")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("acai", "açaí"), ("Acaí", "açaí"), ("kyoto", "kyōto"), ("zoë", "zoe"), ("to:aca", "to:açaí")],
)
def test_a_missing_or_extra_accent_is_corrected(
    measure: str, scope: Scope, books: Books, typed: str, meant: str
) -> None:
    everyday = scope.accounts[0]
    booked(
        pay(9, "1", "AÇAÍ bowl", everyday),
        pay(10, "1", "Zoe", everyday, metadata={"city": "Kyōto"}),
    )
    assert find(scope, typed).rows == []
    assert suggest(scope, parse(typed)).queries[0] == meant
    assert find(scope, meant).rows


def test_letters_fold_one_by_one() -> None:
    assert folded("AÇAÍ Kyōto ß æ Łódź ệ") == "acai kyoto ß æ łodz e"
    assert all(len(folded(letter)) == 1 for letter in ACCENTS)


@pytest.mark.parametrize(
    "typed", ["salary", "-salray", "qqqqqq", "amount:5", "meta.other:crad", "9"]
)
def test_known_words_and_distant_words_get_no_suggestion(
    measure: str, scope: Scope, books: Books, typed: str
) -> None:
    assert suggest(scope, parse(typed)).queries == []


def test_names_are_suggested_only_to_readers_who_may_see_them(
    measure: str, ana: Any, books: Books
) -> None:
    blind = suggest(Scope(ana, is_bank=True, shows_names=False), parse("zelenak"))
    assert "zelenka" not in blind.queries
    seeing = suggest(Scope(ana, is_bank=True), parse("zelenak"))
    assert seeing.queries[0] == "zelenka"


def test_customers_are_not_shown_the_method(customer: Client, books: Books) -> None:
    said = customer.get("/search/", {"q": "salray"}).content.decode()
    assert "Did you mean" in said
    assert "difflib" not in said
    assert "pg_trgm" not in said
