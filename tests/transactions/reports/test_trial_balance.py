"""The trial balance at a moment, against figures worked out by hand."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts import services as account_services
from accounts.models import Account
from tests.factories import AccountFactory, walls_down
from tests.pages import lacks
from tests.transactions.reports.books import analyst, bank, clerk, moment, pay, rows_of
from transactions import services
from transactions.reports import trial_balance
from transactions.scope import Scope, scope_for

pytestmark = pytest.mark.django_db
COLUMNS = ("who", "opening", "debit", "credit", "ending")


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(name="Everyday", overdraft_limit=Decimal(100))
    return account


@pytest.fixture
def savings(account: Account) -> Account:
    savings: Account = AccountFactory(user=account.user, name="Savings")
    return savings


@pytest.fixture
def march(account: Account, savings: Account) -> Account:
    """100 in, 30 of it saved, 90.50 spent: February, March and April."""
    pay(None, account, "100", "2026-02-10")
    pay(account, savings, "30", "2026-03-05")
    pay(account, None, "90.50", "2026-04-01")
    return account


def figures(scope: Scope, at: str, **asked: Any) -> list[tuple[Any, ...]]:
    rows = trial_balance(scope, currency="USD", at=moment(at), **asked)
    return [(who.split(" ")[0], *rest) for who, *rest in rows_of(rows, *COLUMNS)]


def sums(scope: Scope, at: datetime, **asked: Any) -> dict[str, Decimal]:
    rows = trial_balance(scope, at=at, **{"currency": "USD", **asked})
    return {
        name: sum((row[name] for row in rows), Decimal(0))
        for name in ("opening", "debit", "credit", "ending", "outside_in", "outside_out")
    }


def test_turnover_and_balance_of_each_account_up_to_a_moment(march: Account) -> None:
    mine = scope_for(march.user)
    assert figures(mine, "2026-03-01") == [("Everyday", 0, 0, 100, 100)]
    assert figures(mine, "2026-03-31") == [
        ("Everyday", 0, 30, 100, 70),
        ("Savings", 0, 0, 30, 30),
    ]
    assert figures(mine, "2026-05-01") == [
        ("Savings", 0, 0, 30, 30),
        ("Everyday", 0, Decimal("120.50"), 100, Decimal("-20.50")),
    ]


def test_with_a_first_day_what_lies_before_it_is_the_opening(march: Account) -> None:
    assert figures(scope_for(march.user), "2026-05-01", since=date(2026, 4, 1)) == [
        ("Savings", 30, 0, 0, 30),
        ("Everyday", 70, Decimal("90.50"), 0, Decimal("-20.50")),
    ]


def test_the_moment_itself_is_not_within(march: Account) -> None:
    mine = scope_for(march.user)
    assert figures(mine, "2026-02-10T12:00") == []
    assert figures(mine, "2026-02-10T12:01") == [("Everyday", 0, 0, 100, 100)]


def test_balances_add_up_to_deposits_less_withdrawals(march: Account) -> None:
    other = AccountFactory()
    pay(march, other, "5", "2026-04-02")
    pay(None, other, "1.99", "2026-04-03")
    whole = sums(bank(analyst()), moment("2026-05-01"))
    assert whole["ending"] == Decimal("101.99") - Decimal("90.50")
    assert whole["outside_in"] == Decimal("101.99")
    assert whole["outside_out"] == Decimal("90.50")
    assert whole["debit"] - whole["outside_out"] == whole["credit"] - whole["outside_in"] == 35
    mine = sums(scope_for(march.user), moment("2026-05-01"))
    assert (mine["outside_in"], mine["outside_out"]) == (100, Decimal("95.50"))
    assert mine["ending"] == Decimal("4.50")


def test_currencies_are_kept_apart_with_their_own_decimals(march: Account) -> None:
    yen = AccountFactory(user=march.user, currency="JPY")
    dinar = AccountFactory(user=march.user, currency="KWD")
    pay(None, yen, "500", "2026-03-01")
    pay(None, dinar, "0.001", "2026-03-01")
    mine, at = scope_for(march.user), moment("2026-05-01")
    assert sums(mine, at, currency="JPY")["ending"] == 500
    assert sums(mine, at, currency="KWD")["ending"] == Decimal("0.001")


def test_holds_do_not_move_anything_and_refunds_do(account: Account) -> None:
    paid = services.deposit(to_account=account, amount=Decimal(9))
    services.hold(from_account=account, amount=Decimal(4))
    back = services.reverse(transaction=paid, amount=Decimal(2))
    rows = trial_balance(scope_for(account.user), currency="USD", at=back.created_at)
    assert rows_of(rows, "debit", "credit", "ending") == [(0, 9, 9)]
    assert sums(scope_for(account.user), moment("2999-01-01"))["ending"] == 7


def test_frozen_and_closed_accounts_are_there(march: Account, savings: Account) -> None:
    pay(savings, None, "30", "2026-04-05")
    savings.refresh_from_db()
    account_services.close_account(account=savings)
    account_services.freeze_account(account=march)
    assert figures(scope_for(march.user), "2026-05-01") == [
        ("Savings", 0, 30, 30, 0),
        ("Everyday", 0, Decimal("120.50"), 100, Decimal("-20.50")),
    ]


def test_strangers_accounts_are_the_banks_alone(march: Account) -> None:
    stranger = AccountFactory(user__name="Mara Lindt", balance=5)
    mine = trial_balance(scope_for(march.user), currency="USD", at=moment("2999-01-01"))
    assert len(mine) == 2
    unnamed = trial_balance(bank(analyst()), currency="USD", at=moment("2999-01-01"))
    assert sorted(row["who"] for row in unnamed)[0].startswith("··")
    assert "Mara" not in str(unnamed)
    assert stranger.number not in str(unnamed)
    named = trial_balance(bank(clerk()), currency="USD", at=moment("2999-01-01"))
    assert f"Mara Lindt, Everyday ··{stranger.number[-4:]}" in {row["who"] for row in named}


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_the_first_day_begins_at_the_banks_midnight(account: Account) -> None:
    pay(None, account, "1", "2026-03-31T14:59")
    pay(None, account, "2", "2026-03-31T15:00")
    rows = figures(scope_for(account.user), "2026-05-01", since=date(2026, 4, 1))
    assert rows == [("Everyday", 1, 0, 2, 3)]


def test_the_page_says_that_the_books_balance(client: Client, march: Account) -> None:
    client.force_login(march.user)
    page = client.get("/reports/trial-balance/", {"at": "2026-05-01T00:00"}).content.decode()
    assert not lacks(page, "2 accounts had 9.50\xa0USD", "the books balance")
    assert not lacks(page, "100.00\xa0USD came", "90.50\xa0USD went out", "is 9.50\xa0USD")
    foot = page[page.index("<tfoot>") : page.index("</tfoot>")]
    assert foot.count("<tr>") == 3
    assert foot.count(">30.00<") == 2  # between the accounts: as much debited as credited


def test_the_page_says_when_they_do_not(client: Client, march: Account) -> None:
    with walls_down() as cursor:
        cursor.execute(
            "UPDATE transactions SET from_balance = from_balance + 3 WHERE amount = 90.5"
        )
    client.force_login(march.user)
    page = client.get("/reports/trial-balance/", {"at": "2026-05-01T00:00"}).content.decode()
    assert not lacks(page, "do not balance", "3.00\xa0USD is wrong")
    assert "Run the audit" in page


@pytest.mark.parametrize("clock", ["2025-10-26T02:30:00", "2025-03-30T02:30:00"])
@override_settings(TIME_ZONE="Europe/Berlin")
def test_an_hour_that_the_clock_shows_twice_or_never_can_be_asked_for(
    clock: str, client: Client, march: Account
) -> None:
    client.force_login(march.user)
    page = client.get("/reports/trial-balance/", {"at": clock})
    assert page.context["form"].errors == {}
    assert page.context["run"] is not None


def test_at_midnight_the_rows_behind_are_those_of_the_day_before(
    client: Client, march: Account
) -> None:
    client.force_login(march.user)
    page = client.get("/reports/trial-balance/", {"at": "2026-04-01T00:00", "turnover": "month"})
    links = [cell.url for row in page.context["run"].table for cell in row if "is:out" in cell.url]
    assert links
    assert all("date:2026-03-01..2026-03-31" in link for link in links)
