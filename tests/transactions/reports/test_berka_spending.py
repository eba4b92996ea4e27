"""Reports over the real bank of Berka, against sums of its files by plain Python."""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.banking.berka.berka_files import run_import
from tests.banking.berka.shared import DATA, table
from tests.transactions.reports.movements import bank, picked
from transactions.reports import (
    amount_distribution,
    amount_percentiles,
    spending_by_category,
    top_spenders,
)
from transactions.reports.pages.sizes import bounds

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (DATA / "trans.asc").is_file(),
        reason="The Berka data is not there; say where with LEDGER_BERKA=directory.",
    ),
]
PURPOSES = {
    "SIPO": "household",
    "SLUZBY": "statement fee",
    "POJISTNE": "insurance",
    "UVER": "loan payment",
    "SANKC. UROK": "penalty interest",
}
OPERATIONS = {"VYBER": "cash", "VYBER KARTOU": "card", "PREVOD NA UCET": "transfer"}
HALF = (date(1993, 7, 1), date(1993, 12, 31))
BEFORE = (date(1993, 1, 1), date(1993, 6, 30))

Payment = tuple[date, str, str, Decimal]


def payments() -> list[Payment]:
    """What went out: the day, the account, what it was for, and how much."""
    found = []
    for row in table("trans"):
        if row["type"] != "PRIJEM":
            year, month, day = (int(row["date"][at : at + 2]) for at in (0, 2, 4))
            purpose = PURPOSES.get(row["k_symbol"].strip()) or OPERATIONS[row["operation"]]
            booked = date(1900 + year, month, day)
            found.append((booked, row["account_id"], purpose, Decimal(row["amount"])))
    return found


def within(days: tuple[date, date]) -> list[Payment]:
    return [payment for payment in payments() if days[0] <= payment[0] <= days[1]]


def test_figures_of_four_reports_are_those_of_the_files() -> None:
    code, _, err = run_import(DATA)
    assert (code, err) == (0, [])
    asked: dict[str, Any] = {"currency": "CZK", "since": HALF[0], "until": HALF[1]}
    assert len(within(HALF)) > 1000
    assert_spending_agrees(asked)
    assert_sizes_agree(asked)
    assert_usual_amounts_agree(asked)
    assert_top_spenders_agree(asked)


def assert_spending_agrees(asked: dict[str, Any]) -> None:
    now: Counter[str] = Counter()
    then: Counter[str] = Counter()
    for period, sums in ((HALF, now), (BEFORE, then)):
        for _, _, purpose, amount in within(period):
            sums[purpose] += amount  # type: ignore[assignment]
    rows = picked(spending_by_category(bank(), **asked), "spent_on", "spent", "before")
    assert {row[0]: row[1:] for row in rows} == {
        purpose: (now[purpose], then[purpose]) for purpose in now.keys() | then.keys()
    }
    assert [row[1] for row in rows] == sorted(now.values(), reverse=True)


def assert_sizes_agree(asked: dict[str, Any]) -> None:
    amounts = [amount for _, _, _, amount in within(HALF)]
    rows = list(amount_distribution(bank(), **asked))
    assert sum(row["payments"] for row in rows) == len(amounts)
    for row in rows:
        least, most = bounds(row["bucket"], "CZK")
        of_size = [amount for amount in amounts if least <= amount <= most]
        assert (row["payments"], row["total"]) == (len(of_size), sum(of_size))


def assert_usual_amounts_agree(asked: dict[str, Any]) -> None:
    amounts = defaultdict(list)
    for _, _, purpose, amount in within(HALF):
        amounts[purpose].append(amount)
    rows = list(amount_percentiles(bank(), **asked))
    assert {row["paid_for"]: row["payments"] for row in rows} == {
        purpose: len(of_it) for purpose, of_it in amounts.items()
    }
    for row in rows:
        of_it = sorted(amounts[row["paid_for"]])
        count = len(of_it)
        assert row["median"] == (of_it[(count - 1) // 2] + of_it[count // 2]) / 2
        # The first of which at least so many hundredths are no larger.
        assert row["p90"] == of_it[-(-count * 90 // 100) - 1]
        assert row["p99"] == of_it[-(-count * 99 // 100) - 1]
        most = max(Counter(of_it).values())
        assert row["usual"] == min(a for a, many in Counter(of_it).items() if many == most)


def assert_top_spenders_agree(asked: dict[str, Any]) -> None:
    owners = {
        row["account_id"]: f"Client {row['client_id']}"
        for row in table("disp")
        if row["type"] == "OWNER"
    }
    spent = defaultdict(list)
    for _, account, _, amount in within(HALF):
        spent[owners[account]].append(amount)
    best = sorted(spent.items(), key=lambda item: -sum(item[1]))[:20]
    rows = picked(top_spenders(bank(), **asked), "person", "spent", "payments", "largest")
    assert rows[:20] == [
        (person, sum(amounts), len(amounts), max(amounts)) for person, amounts in best
    ]
