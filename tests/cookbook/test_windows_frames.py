"""Recipes of frames: what each row saw, worked out by slices of lists."""

from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Avg, Sum, ValueRange, Window
from django.db.models.functions import TruncMonth

from tests.cookbook.conftest import Cook
from tests.cookbook.shared import OF_ANA, TRAVEL, by_month
from transactions.models import Transaction


def mean(amounts: list[Decimal]) -> Decimal:
    return (sum(amounts, Decimal(0)) / len(amounts)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def bills(rows: Any) -> list[Decimal]:
    return [amount for _day, _what, amount, kind in rows(OF_ANA, "USD") if kind == "utilities"]


@pytest.mark.parametrize(
    ("last", "frame"), [(3, "2 PRECEDING AND CURRENT ROW"), (1, "CURRENT ROW AND CURRENT ROW")]
)
def test_bills_smoothed(cook: Cook, rows: Any, last: int, frame: str) -> None:
    amounts = bills(rows)
    ran = cook("bills-smoothed", bills=last)
    assert [(row["amount"], row["average"]) for row in ran.value] == [
        (amount, mean(amounts[max(0, place + 1 - last) : place + 1]))
        for place, amount in enumerate(amounts)
    ]
    assert len(amounts) == 12
    assert f"ROWS BETWEEN {frame}" in ran.work.queries[0].sql


def test_an_average_over_sums_is_refused_by_django(cook: Cook) -> None:
    """The pitfall of that recipe."""
    assert "over a Sum" in cook("bills-smoothed").recipe.pitfall
    months = Transaction.objects.values(month=TruncMonth("value_date")).annotate(
        spent=Sum("amount")
    )
    with pytest.raises(FieldError, match="is an aggregate"):
        months.annotate(average=Window(Avg("spent"), order_by="month"))


def test_by_rows_and_by_range(cook: Cook, rows: Any) -> None:
    since = date(2026, 6, 3)
    entries = rows(TRAVEL, since)
    sums = list(accumulate(amount for _day, _what, amount, _balance in entries))
    end_of_day = {entry[0]: total for entry, total in zip(entries, sums, strict=True)}
    ran = cook("by-rows-and-by-range", since=since)
    assert [(row["by_rows"], row["by_range"]) for row in ran.value] == [
        (total, end_of_day[entry[0]]) for entry, total in zip(entries, sums, strict=True)
    ]
    assert len(end_of_day) == 4 < len(entries)
    sql = ran.work.queries[0].sql
    assert "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW" in sql
    assert "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW" in sql


def test_a_range_of_days_is_refused_by_django(cook: Cook) -> None:
    """The pitfall of that recipe."""
    assert "ValueRange(start=-7)" in cook("by-rows-and-by-range").recipe.pitfall
    week = Window(Sum("amount"), order_by="value_date", frame=ValueRange(start=-7, end=0))
    with pytest.raises(NotSupportedError, match="UNBOUNDED"):
        list(Transaction.objects.annotate(week=week))


def test_closing_balance_of_each_day(cook: Cook, rows: Any) -> None:
    since = date(2026, 6, 3)
    days = defaultdict(list)
    for day, _what, _amount, balance in rows(TRAVEL, since):
        days[day].append(balance)
    ran = cook("closing-balance-of-each-day", since=since)
    assert [(row["first"], row["last_so_far"], row["last"]) for row in ran.value] == [
        (balances[0], balance, balances[-1]) for balances in days.values() for balance in balances
    ]
    assert len(days) == 4 < len(ran.value)


@pytest.mark.parametrize("category", ["restaurant", "cash"])
def test_months_beside_named_months(cook: Cook, rows: Any, category: str) -> None:
    spent = by_month(rows, category)
    most, second, *_rest = sorted(spent.values(), reverse=True)
    befores = [None, *spent.values()]
    ran = cook("months-beside-named-months", category=category)
    assert list(ran.value) == [
        {
            "month": month,
            "spent": amount,
            "first": next(iter(spent.values())),
            "before": before,
            "most": most,
            "second_most": second,
        }
        for (month, amount), before in zip(spent.items(), befores, strict=False)
    ]
    plan = ran.work.queries[0].plan
    windows = plan.partition("Aggregate")[0]
    assert windows.count("Sort Key") == 2  # as the notice says


def test_bills_beside_the_others(cook: Cook, rows: Any) -> None:
    amounts = sorted(bills(rows), reverse=True)
    ran = cook("bills-beside-the-others")
    assert [(row["amount"], row["average"], row["of_the_others"]) for row in ran.value] == [
        (amount, mean(amounts), mean(amounts[:place] + amounts[place + 1 :]))
        for place, amount in enumerate(amounts)
    ]
    frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW"
    assert frame in ran.work.queries[0].sql
