"""Balances, trial balance and months of the real bank of Berka, against sums of its files by plain
Python."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.banking.berka.berka_files import run_import
from tests.banking.berka.shared import DATA, signed, table
from tests.transactions.reports.books import bank, rows_of
from transactions.reports import balance_over_time, money_by_month, trial_balance
from transactions.reports.queries.balances import periods_of
from transactions.scope import Scope

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (DATA / "trans.asc").is_file(),
        reason="The Berka data is not there; say where with LEDGER_BERKA=directory.",
    ),
]
FIRST, LAST = date(1993, 1, 1), date(1994, 3, 31)

Movement = tuple[date, int, Decimal]


def movements() -> list[Movement]:
    """Each row of the file: its day, its account, and its amount with a sign."""
    found = []
    for row in table("trans"):
        year, month, day = (int(row["date"][at : at + 2]) for at in (0, 2, 4))
        found.append((date(1900 + year, month, day), int(row["account_id"]), signed(row)))
    return found


def test_figures_of_three_reports_are_those_of_the_files() -> None:
    code, _, err = run_import(DATA)
    assert (code, err) == (0, [])
    whole = bank()
    assert_balances_agree(whole)
    assert_one_accounts_days_agree(whole)
    assert_trial_balance_agrees(whole)
    assert_months_agree(whole)


def assert_balances_agree(whole: Scope) -> None:
    """The whole bank at the end of each month, and of each day of December."""
    asked = {"currency": "CZK", "since": FIRST, "until": LAST, "step": "month"}
    ends = [last for _, last in periods_of(FIRST, LAST, "month")]
    expected = [sum(amount for day, _, amount in movements() if day <= end) for end in ends]
    rows = balance_over_time(whole, **asked)  # type: ignore[arg-type]
    assert rows_of(rows, "day", "balance") == list(zip(ends, expected, strict=True))
    assert rows[-1]["balance"] == Decimal("27496238.50")
    december = [date(1993, 12, 1) + timedelta(days=n) for n in range(31)]
    rows = balance_over_time(
        whole, currency="CZK", since=december[0], until=december[-1], step="day"
    )
    for row, day in zip(rows, december, strict=True):
        assert row["balance"] == sum(amount for when, _, amount in movements() if when <= day)
        assert row["change"] == sum(amount for when, _, amount in movements() if when == day)


def assert_one_accounts_days_agree(whole: Scope) -> None:
    """The account with the most rows, day by day over all fifteen months."""
    by_account: dict[int, list[Movement]] = defaultdict(list)
    for movement in movements():
        by_account[movement[1]].append(movement)
    busiest = max(by_account, key=lambda account: len(by_account[account]))
    number = whole.all_accounts().get(number__startswith=f"{busiest:010}").number
    rows = balance_over_time(
        whole, currency="CZK", since=FIRST, until=LAST, step="day", number=number
    )
    assert len(rows) == 455
    for row in rows:
        expected = sum(amount for day, _, amount in by_account[busiest] if day <= row["day"])
        assert row["balance"] == expected, row["day"]


def assert_trial_balance_agrees(whole: Scope) -> None:
    """Each account at the first moment of October, its turnover since July."""
    at, since = datetime(1993, 10, 1, tzinfo=UTC), date(1993, 7, 1)
    found = {
        int(row["account_key"][:10]): tuple(
            row[name] for name in ("opening", "debit", "credit", "ending")
        )
        for row in trial_balance(whole, currency="CZK", at=at, since=since)
    }
    zero = Decimal(0)
    expected: dict[int, list[Decimal]] = defaultdict(lambda: [zero, zero, zero, zero])
    for day, account, amount in movements():
        if day < at.date():
            sums = expected[account]
            sums[3] += amount
            if day < since:
                sums[0] += amount
            else:
                sums[1 if amount < 0 else 2] += abs(amount)
    moved = {account: tuple(sums) for account, sums in expected.items()}
    assert {account: found[account] for account in moved} == moved
    assert {sums for account, sums in found.items() if account not in moved} <= {(0, 0, 0, 0)}
    assert len(moved) > 400


def assert_months_agree(whole: Scope) -> None:
    """In, out, net and change of each month."""
    came: dict[date, Decimal] = defaultdict(Decimal)
    went: dict[date, Decimal] = defaultdict(Decimal)
    for day, _, amount in movements():
        side = came if amount > 0 else went
        side[day.replace(day=1)] += abs(amount)
    months = sorted({*came, *went})
    nets = [came[month] - went[month] for month in months]
    changes = [None, *(later - earlier for earlier, later in pairwise(nets))]
    rows = money_by_month(whole, currency="CZK", since=FIRST, until=LAST)
    assert rows_of(rows, "month", "money_in", "money_out", "net", "change") == [
        (month, came[month], went[month], net, change)
        for month, net, change in zip(months, nets, changes, strict=True)
    ]
    assert len(months) == 15
