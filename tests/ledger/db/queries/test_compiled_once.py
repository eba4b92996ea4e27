"""A queryset that is compiled once gives, for any values, what Django compiles from them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.postgres.search import SearchQuery
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.queries import compiled_once
from ledger.db.queries.compiled_once import CompiledOnce
from ledger.db.queries.compiled_sql import compiled
from ledger.db.queries.tsqueries import LexemeQuery, MatchesText
from tests.factories import AccountFactory
from transactions.models import Transaction

Rows = QuerySet[Any, Any]
A, B, C = (uuid4() for _ in range(3))


def rows_where(where: Q) -> Rows:
    rows: Rows = Transaction.objects.filter(where)
    return rows


def raw(text: str) -> SearchQuery:
    return SearchQuery(text, search_type="raw", config="simple")


SAME_SHAPE = {
    "ids": (Q(from_account__in=[A, B]), Q(from_account__in=[B, C])),
    "amount": (Q(amount__gte=Decimal(5)), Q(amount__gte=Decimal("12.3400"))),
    "time": (
        Q(created_at__lt=datetime(2026, 1, 1, tzinfo=UTC)),
        Q(created_at__lt=datetime(2025, 7, 8, 9, 10, 11, 12, tzinfo=UTC)),
    ),
    "words": (Q(search=raw("'a':*") | raw("'b'")), Q(search=raw("'%s':*") | raw("'a%'"))),
    "words without an index": (
        Q(MatchesText(F("search"), raw("'a'"))),
        Q(MatchesText(F("search"), raw("'b'"))),
    ),
    "same words twice": (Q(search=raw("'a'") & raw("'a'")), Q(search=raw("'a'") & raw("'b'"))),
    "nested": (Q(pk=A) | ~Q(pk=B) & Q(type="deposit"), Q(pk=C) | ~Q(pk=C) & Q(type="deposit")),
}
OTHER_SHAPE = {
    "number of ids": (Q(pk__in=[A, B]), Q(pk__in=[A, B, C])),
    "lookup": (Q(amount__gt=Decimal(5)), Q(amount__lt=Decimal(5))),
    "negated": (Q(pk=A), ~Q(pk=A)),
    "connector": (Q(pk=A) & Q(pk=B), Q(pk=A) | Q(pk=B)),
    "text of a column": (Q(type="deposit"), Q(type="transfer")),
    "escaped text": (Q(description__contains="a"), Q(description__contains="50%_")),
    "one and True": (Q(category=True), Q(category=1)),
    "column": (
        Q(MatchesText(F("search"), raw("'a'"))),
        Q(MatchesText(F("captures__search"), raw("'a'"))),
    ),
    "kind of tsquery": (Q(search=raw("'a'")), Q(search=LexemeQuery("'a'"))),
    "inverted": (Q(search=raw("'a'")), Q(search=~raw("'a'"))),
    "nothing": (Q(pk__in=[]), Q(pk__in=[A])),
}


@pytest.mark.parametrize("case", SAME_SHAPE)
def test_other_values_of_a_shape_are_filled_in(case: str) -> None:
    once = CompiledOnce(rows_where)
    for where in SAME_SHAPE[case]:
        assert once.statement(where) == compiled(rows_where(where))
    assert [template is not None for template in once.templates.values()] == [True]


@pytest.mark.parametrize("case", OTHER_SHAPE)
def test_another_shape_is_compiled_anew(case: str) -> None:
    once = CompiledOnce(rows_where)
    for where in OTHER_SHAPE[case]:
        assert once.statement(where) == compiled(rows_where(where))
    assert len(once.templates) == 2


def test_a_shape_is_compiled_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    once = CompiledOnce(rows_where)
    once.statement(Q(pk=A))
    monkeypatch.setattr(once, "build", None)
    assert once.statement(Q(pk=B)) == compiled(rows_where(Q(pk=B)))


def test_a_template_keeps_no_connection_of_the_thread_that_compiled_it() -> None:
    once = CompiledOnce(rows_where)
    once.statement(Q(pk=A))
    (template,) = once.templates.values()
    assert template is not None
    assert not hasattr(template.compiler, "connection")


def test_what_has_no_known_shape_is_compiled_at_each_call() -> None:
    once = CompiledOnce(rows_where)
    for value in (A, B):
        where = Q(Case(When(pk=value, then=Value(True)), default=Value(False)))
        assert once.statement(where) == compiled(rows_where(where))
    assert once.templates == {}


def test_a_value_that_the_function_changes_is_compiled_at_each_call() -> None:
    def build(amount: Decimal) -> Rows:
        return rows_where(Q(amount=amount * 2))

    once = CompiledOnce(build)
    for amount in (Decimal(1), Decimal(7)):
        assert once.statement(amount) == compiled(build(amount))
    assert [*once.templates.values()] == [None]


def test_a_time_zone_has_its_own_sql() -> None:
    def build() -> Rows:
        return rows_where(Q(created_at__hour=3))

    once = CompiledOnce(build)
    for zone in ("UTC", "Asia/Tokyo"):
        with timezone.override(zone):
            assert once.statement() == compiled(build())


def test_shapes_take_a_limited_amount_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape used longest ago is forgotten; a long statement is never kept."""
    one_id = len(compiled(rows_where(Q(pk__in=[A])))[0])  # type: ignore[index]
    monkeypatch.setattr(compiled_once, "MAX_KEPT", 3 * one_id + 100)
    monkeypatch.setattr(compiled_once, "MAX_LENGTH", one_id + 20)
    once = CompiledOnce(rows_where)
    kept = []
    for number in (1, 2, 3, 1, 4, 9):
        where = Q(pk__in=[uuid4() for _ in range(number)])
        assert once.statement(where) == compiled(rows_where(where))
        kept.append(len(once.templates))
        assert once.kept == sum(map(compiled_once._length, once.templates.values()))
        assert once.kept <= compiled_once.MAX_KEPT
    assert kept == [1, 2, 3, 3, 3, 3]
    monkeypatch.setattr(once, "_checked", lambda *_: pytest.fail("the last used one is kept"))
    once.statement(Q(pk__in=[A]))


def test_values_of_another_type_are_not_the_same() -> None:
    """1 equals True in Python, but not as a parameter."""
    assert compiled_once._are_same(("a", (1,)), ("a", (1,)))
    assert not compiled_once._are_same(("a", (1,)), ("a", (True,)))


def test_rows_are_those_of_the_queryset(db: Any) -> None:
    def build(user: User, ids: Sequence[UUID]) -> Rows:
        rows = Account.objects.filter(pk__in=ids, user=user).select_related("user").defer("name")
        return rows.annotate(one=Value(1)).order_by("pk")

    once = CompiledOnce(build)
    accounts = [AccountFactory() for _ in range(3)]
    for account in accounts:
        ids = [each.pk for each in accounts]
        (found,) = once.rows(account.user, ids)
        assert found == account
        assert found.user.email == account.user.email
        assert found.one == 1
        assert found.get_deferred_fields() == {"name"}
        assert found.name == account.name
    assert len(once.templates) == 1


def test_a_shape_of_long_sql_is_built_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call also compares, see Note [Checked once]."""
    monkeypatch.setattr(compiled_once, "MAX_LENGTH", 10)
    built = []

    def build(where: Q) -> Rows:
        built.append(where)
        return rows_where(where)

    once = CompiledOnce(build)
    first, second = SAME_SHAPE["ids"]
    once.statement(first)
    built.clear()
    assert once.statement(second) == compiled(rows_where(second))
    assert built == [second]
