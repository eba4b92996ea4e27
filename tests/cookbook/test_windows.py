"""Recipes of windows, held against plain Python that looks at the neighbours itself."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import accumulate, groupby, pairwise
from typing import Any

import pytest
from django.db import ProgrammingError
from django.db.models import Sum, Window
from django.db.models.functions import Lag, TruncMonth

from cookbook.practice.role import as_cookbook_role
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import OF_ANA, TRAVEL, by_month
from transactions.models import Transaction


@pytest.mark.parametrize("since", [date(2026, 6, 5), date(2026, 5, 29)])
def test_statement_with_running_total(cook: Cook, rows: Any, since: date) -> None:
    entries = rows(TRAVEL, since)
    ran = cook("statement-with-running-total", since=since)
    assert [(row["description"], row["balance"]) for row in ran.value] == [
        (what, balance) for _day, what, _amount, balance in entries
    ]
    moved = [row["moved"] for row in ran.value]
    assert moved == list(accumulate(amount for _day, _what, amount, _balance in entries))
    before = entries[0][3] - entries[0][2]
    assert before != 0
    assert [row["balance"] - row["moved"] for row in ran.value] == [before] * len(moved)
    sql = ran.work.queries[0].sql
    assert 'OVER (ORDER BY "entries"."created_at")' in sql
    assert "value_date" in sql.partition("WHERE")[2]


def test_share_of_the_day(cook: Cook, rows: Any) -> None:
    spent = [row for row in rows(TRAVEL, date(2026, 6, 5)) if row[2] < 0]
    days: Counter[date] = Counter()
    for day, _what, amount, _balance in spent:
        days[day] -= amount
    ran = cook("share-of-the-day")
    assert [(r["value_date"], r["amount"], r["day_total"], r["per_cent"]) for r in ran.value] == [
        (day, -amount, days[day], round(-amount * 100 / days[day], 1))
        for day, _what, amount, _balance in spent
    ]
    assert len(days) == 2
    assert 'OVER (PARTITION BY "transactions"."value_date")' in ran.work.queries[0].sql


def test_categories_by_number_of_payments(cook: Cook, rows: Any) -> None:
    payments = Counter(
        category
        for (category,) in rows(
            "SELECT t.category FROM transactions t JOIN accounts a ON a.id = t.from_account_id"
            " JOIN users u ON u.id = a.user_id WHERE u.email = 'ana@example.com'"
            " AND t.currency = 'USD' AND t.type = 'withdrawal' AND t.status = 'completed'"
        )
    )
    numbers = sorted(payments.values())
    expected = [
        {
            "category": category,
            "payments": number,
            "rank": 1 + numbers.index(number),
            "dense_rank": 1 + sorted(set(numbers)).index(number),
            "row_number": place,
        }
        for place, (number, category) in enumerate(
            sorted((number, category) for category, number in payments.items()), start=1
        )
    ]
    ran = cook("categories-by-number-of-payments")
    assert list(ran.value) == expected
    places = {row["category"]: (row["rank"], row["dense_rank"]) for row in expected}
    assert places["insurance"] == places["utilities"] == (4, 4)
    assert places["cash"] == (6, 5)  # as the notice says


def test_where_a_balance_stands(cook: Cook, rows: Any) -> None:
    balances = sorted(
        balance
        for (balance,) in rows(
            "SELECT balance FROM accounts WHERE currency = 'EUR' AND name = 'Everyday'"
        )
    )
    last = len(balances) - 1
    found = cook("where-a-balance-stands").value
    assert [(row["balance"], row["percent_rank"], row["cume_dist"]) for row in found] == [
        (balance, pytest.approx(place / last), pytest.approx((place + 1) / (last + 1)))
        for place, balance in enumerate(balances)
    ]
    assert last == 5


@pytest.mark.parametrize(("parts", "sizes"), [(4, [3, 3, 3, 3]), (5, [3, 3, 2, 2, 2])])
def test_balances_in_parts(cook: Cook, rows: Any, parts: int, sizes: list[int]) -> None:
    balances = [b for (b,) in rows("SELECT balance FROM accounts WHERE currency = 'USD'")]
    found = cook("balances-in-parts", parts=parts).value
    assert [row["balance"] for row in found] == sorted(balances, reverse=True)
    assert [row["part"] for row in found] == [
        part for part, size in enumerate(sizes, start=1) for _ in range(size)
    ]


@pytest.mark.parametrize("category", ["groceries", "cash"])
def test_spending_by_month(cook: Cook, rows: Any, category: str) -> None:
    spent = by_month(rows, category)
    befores = [None, *spent.values()]
    ran = cook("spending-by-month", category=category)
    assert list(ran.value) == [
        {
            "month": month,
            "spent": amount,
            "before": before,
            "change": None if before is None else amount - before,
        }
        for (month, amount), before in zip(spent.items(), befores, strict=False)
    ]
    assert ran.work.queries[0].sql.endswith("GROUP BY 1 ORDER BY 1 ASC")


def test_a_window_in_the_annotate_of_the_sum_is_refused(cook: Cook) -> None:
    """The pitfall of that recipe, as it says it."""
    assert "separate annotate()" in cook("spending-by-month").recipe.pitfall
    months = Transaction.objects.values(month=TruncMonth("value_date"))
    before = Window(Lag(Sum("amount")), order_by="month")
    with (
        as_cookbook_role(writes=False),
        pytest.raises(ProgrammingError, match="not allowed in GROUP BY"),
    ):
        list(months.annotate(spent=Sum("amount"), before=before))


def test_days_until_cash_is_drawn_again(cook: Cook, rows: Any) -> None:
    drawn = rows(
        "SELECT email, value_date FROM transactions t JOIN accounts a ON a.id = from_account_id"
        " JOIN users ON users.id = user_id"
        " WHERE category = 'cash' AND t.currency = 'USD' ORDER BY email, t.created_at"
    )
    pauses = []
    for _email, days in groupby(drawn, key=lambda row: row[0]):
        pauses += [(later[1] - earlier[1], earlier) for earlier, later in pairwise(days)]
    pauses.sort(key=lambda pause: -pause[0])
    found = cook("days-until-cash-is-drawn-again", most=6).value
    assert [(row["pause"], row["from_account__user__email"]) for row in found] == [
        (pause, email) for pause, (email, _day) in pauses[:6]
    ]
    assert found[0]["pause"] == timedelta(days=121)
    everything = cook("days-until-cash-is-drawn-again", most=1000).value
    without = [row["pause"] for row in everything].count(None)
    assert without == len({email for email, _day in drawn})  # the last of each account
    assert len(everything) == len(drawn)


@pytest.mark.parametrize("each", [1, 2])
def test_largest_payments_of_each_category(cook: Cook, rows: Any, each: int) -> None:
    payments = defaultdict(list)
    for day, what, amount, category in rows(OF_ANA, "EUR"):
        if date(2026, 5, 29) <= day <= date(2026, 6, 6):
            payments[category].append((what, amount))
    ran = cook("largest-payments-of-each-category", each=each)
    assert list(ran.value) == [
        {"category": category, "place": place, "description": what, "amount": amount}
        for category in sorted(payments)
        for place, (what, amount) in enumerate(
            sorted(payments[category], key=lambda payment: -payment[1])[:each], start=1
        )
    ]
    inner, outer = ran.work.queries[0].sql.split('"qualify"')
    assert '"category" ORDER BY' in inner
    assert outer.startswith(f' WHERE "place" <= {each}')


def test_a_plain_condition_goes_before_the_window(cook: Cook) -> None:
    """The pitfall of that recipe."""
    ranked = cook("largest-payments-of-each-category").value.all()
    inner = str(ranked.filter(amount__lt=50).query).partition('"qualify"')[0]
    assert '"amount" < 50' in inner


def test_newest_payment_of_each_account(cook: Cook, rows: Any) -> None:
    newest = {
        account: {
            "from_account__user__email": email,
            "from_account__name": name,
            "description": what,
        }
        for account, email, name, what in rows(
            "SELECT a.id, email, a.name, description FROM transactions t JOIN accounts a"
            " ON a.id = from_account_id JOIN users ON users.id = user_id"
            " WHERE a.currency = 'GBP' ORDER BY t.created_at"
        )
    }
    expected = [newest[account] for account in sorted(newest)]
    ran = cook("newest-payment-of-each-account")
    assert ran.value == {"By DISTINCT ON": expected, "By a window": expected}
    assert len(expected) == 4
    distinct, window = (section.queries[0].sql for section in ran.sections)
    assert distinct.startswith('SELECT DISTINCT ON ("transactions"."from_account_id")')
    assert '"qualify"' not in distinct
    assert '"qualify"' in window


def test_distinct_on_in_another_order_is_refused(cook: Cook) -> None:
    """The pitfall of that recipe."""
    assert "42P10" in cook("newest-payment-of-each-account").recipe.pitfall
    payments = Transaction.objects.order_by("-created_at").distinct("from_account")
    with as_cookbook_role(writes=False), pytest.raises(ProgrammingError) as refused:
        list(payments)
    assert getattr(refused.value.__cause__, "sqlstate", "") == "42P10"
