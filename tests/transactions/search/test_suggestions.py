"""Did you mean: by similarity where the database has pg_trgm, by difflib where not."""

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

# The same measure as pg_trgm's, over shared letters instead of trigrams.
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
    """Both ways; the second with a function of that name, for the server has no pg_trgm."""
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
def test_a_typo_is_mended_from_ones_own_rows(
    measure: str, scope: Scope, books: Books, typed: str, meant: str
) -> None:
    found = suggest(scope, parse(typed))
    assert meant in found.queries
    assert found.by_trigrams == (measure == "pg_trgm")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("acai", "açaí"), ("Acaí", "açaí"), ("kyoto", "kyōto"), ("zoë", "zoe"), ("to:aca", "to:açaí")],
)
def test_an_accent_more_or_less_is_mended(
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
def test_what_is_known_or_far_off_is_left_alone(
    measure: str, scope: Scope, books: Books, typed: str
) -> None:
    assert suggest(scope, parse(typed)).queries == []


def test_names_are_left_out_for_whoever_may_not_see_them(
    measure: str, ana: Any, books: Books
) -> None:
    blind = suggest(Scope(ana, is_bank=True, shows_names=False), parse("zelenak"))
    assert "zelenka" not in blind.queries
    seeing = suggest(Scope(ana, is_bank=True), parse("zelenak"))
    assert seeing.queries[0] == "zelenka"


def test_customers_are_not_told_by_what(customer: Client, books: Books) -> None:
    said = customer.get("/search/", {"q": "salray"}).content.decode()
    assert "Did you mean" in said
    assert "difflib" not in said
    assert "pg_trgm" not in said
