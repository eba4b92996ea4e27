"""The distribution of amounts and their percentiles, against figures by hand."""

from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from ledger.text.currencies import LARGEST_AMOUNT
from tests.factories import AccountFactory
from tests.transactions.reports.movements import bank, book, funded, picked
from transactions import services
from transactions.reports import amount_distribution, amount_percentiles
from transactions.reports.pages.sizes import bounds, short
from transactions.reports.queries.sizes import EDGES
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
YEAR: dict[str, Any] = {
    "currency": "USD",
    "since": date(2025, 1, 1),
    "until": date(2025, 12, 31),
}


@pytest.fixture
def account() -> Account:
    return funded()


def pay(account: Account, *amounts: str, category: str | None = None) -> None:
    for amount in amounts:
        second = (account.last_entry_at.second + 1) if account.last_entry_at else 0
        minute = account.last_entry_at.minute if account.last_entry_at else 0
        minute, second = minute + second // 60, second % 60
        at = f"2025-03-01T12:{minute:02}:{second:02}"
        book(at, amount, out_of=account, category=category)
        account.refresh_from_db()


def sizes(account: Account, **changes: Any) -> list[tuple[Any, ...]]:
    """Each size by its bounds, with the number and the sum of its payments."""
    asked = {**YEAR, **changes}
    rows = amount_distribution(scope_for(account.user), **asked)
    return [
        (*bounds(row["bucket"], asked["currency"]), row["payments"], row["total"]) for row in rows
    ]


def test_payments_by_the_sizes_they_are_of(account: Account) -> None:
    pay(account, "0.01", "1", "1.99", "2", "4.99", "5", "19.99", "20", "1000")
    assert sizes(account) == [
        (Decimal("0.01"), Decimal("0.01"), 1, Decimal("0.01")),
        (1, Decimal("1.99"), 2, Decimal("2.99")),
        (2, Decimal("4.99"), 2, Decimal("6.99")),
        (5, Decimal("9.99"), 1, 5),
        (10, Decimal("19.99"), 1, Decimal("19.99")),
        (20, Decimal("49.99"), 1, 20),
        (1000, Decimal("1999.99"), 1, 1000),
    ]


def test_shares_of_the_number_and_running_up_to_all(account: Account) -> None:
    pay(account, "3", "4", "6", "700")
    rows = amount_distribution(scope_for(account.user), **YEAR)
    assert picked(rows, "share", "up_to") == [
        (Decimal("0.5"), Decimal("0.5")),
        (Decimal("0.25"), Decimal("0.75")),
        (Decimal("0.25"), 1),
    ]


def test_yen_have_no_decimals_and_dinars_three() -> None:
    yen, dinars = funded("JPY"), funded("KWD")
    pay(yen, "1", "4999")
    pay(dinars, "0.001", "0.125")
    assert sizes(yen, currency="JPY") == [(1, 1, 1, 1), (2000, 4999, 1, 4999)]
    assert sizes(dinars, currency="KWD") == [
        (Decimal("0.001"), Decimal("0.001"), 1, Decimal("0.001")),
        (Decimal("0.1"), Decimal("0.199"), 1, Decimal("0.125")),
    ]


def test_every_amount_the_books_hold_has_a_size() -> None:
    assert sorted(EDGES) == EDGES
    assert EDGES[0] == Decimal("0.001")
    assert EDGES[-1] == 500_000_000_000_000


def test_what_came_in_is_asked_for_apart(account: Account) -> None:
    book("2025-02-01", "300", into=account)
    pay(account, "7")
    assert [row[2:] for row in sizes(account, direction="in")] == [(1, 300)]
    assert [row[2:] for row in sizes(account, direction="out")] == [(1, 7)]


def test_own_transfers_holds_strangers_and_other_days_do_not_count(account: Account) -> None:
    book("2024-12-31T23:59", "1", out_of=account)
    book("2025-01-01T00:00", "30", out_of=account)
    book("2025-01-02", "40", out_of=account, into=AccountFactory(user=account.user))
    book("2025-01-03", "50", out_of=funded())
    book("2025-12-31T23:59", "60", out_of=account)
    book("2026-01-01T00:00", "70", out_of=account)
    services.hold(from_account=account, amount=Decimal(80))
    assert [row[2:] for row in sizes(account)] == [(1, 30), (1, 60)]


def percentiles(account: Account, **changes: Any) -> list[tuple[Any, ...]]:
    rows = amount_percentiles(scope_for(account.user), **{**YEAR, **changes})
    return picked(rows, "paid_for", "payments", "median", "p90", "p99", "usual")


def test_what_payments_of_each_category_usually_come_to(account: Account) -> None:
    pay(account, "40", "10", "30", "20", "10", "60", "70", "80", "90", "1000", category="food")
    pay(account, "5", "7", "9", category="bus")
    pay(account, "2.50")
    # Of ten in order, 10 10 20 30 40 60 70 80 90 1000: the middle of the fifth and sixth, the
    # ninth, and the tenth. Of three: the second, and the third twice.
    assert percentiles(account) == [
        ("food", 10, 50, 90, 1000, 10),
        ("bus", 3, 7, 9, 9, 5),
        (None, 1, Decimal("2.50"), Decimal("2.50"), Decimal("2.50"), Decimal("2.50")),
    ]


def test_the_median_of_an_even_number_lies_between(account: Account) -> None:
    pay(account, "0.10", "0.20", "0.25", "900000.01", category="food")
    assert percentiles(account)[0][2] == Decimal("0.225")


def test_percentiles_of_the_bank_are_of_what_left_it(account: Account) -> None:
    pay(account, "10", "20", "30", category="food")
    book("2025-03-02", "999", out_of=account, into=funded(), category="food")
    rows = amount_percentiles(bank(), **YEAR)
    assert picked(rows, "paid_for", "payments", "median") == [("food", 3, 20)]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert (sizes(account), percentiles(account)) == ([], [])


def test_edges_are_short_at_the_axis() -> None:
    said = [short(Decimal(edge)) for edge in ("0.001", "0.5", "1", "20", "500", "5000", "2E+6")]
    assert said == ["0.001", "0.5", "1", "20", "500", "5k", "2M"]


def test_the_largest_amount_that_the_books_hold_has_a_size_too(client: Client) -> None:
    account = AccountFactory(balance=LARGEST_AMOUNT.quantize(Decimal("0.01"), ROUND_DOWN))
    client.force_login(account.user)
    asked = {"direction": "in"}
    page = client.get("/reports/amount-distribution/", asked)
    assert "500,000,000,000,000.00 to 999,999,999,999,999.99" in page.content.decode()
    file = client.get("/reports/amount-distribution/report.csv", asked)
    assert len(b"".join(file.streaming_content).splitlines()) == 2  # type: ignore[attr-defined]
