"""Holds in the admin's list and pages, in the words that the customer reads."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, hold_that_ended
from tests.pages import text_of
from transactions import services, staff_services
from transactions.models import Transaction
from transactions.staff.desk import holds

pytestmark = pytest.mark.django_db
LIST = reverse("admin:transactions_transaction_changelist")


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100", user__name="Mara Lindt")
    return account


def held(account: Account, **details: Any) -> Transaction:
    return services.hold(from_account=account, amount=Decimal(10), **details)


def expired(account: Account) -> Transaction:
    return hold_that_ended(account, Decimal(10))


def until_noon(account: Account) -> Transaction:
    """A hold to noon of the second day from now."""
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    return held(account, expires_at=noon + timedelta(days=2))


def taken(account: Account) -> Transaction:
    row = held(account)
    services.capture(hold=row)
    return row


def released(account: Account) -> Transaction:
    return services.void(hold=held(account))


def cell(staff: Client, row: Transaction, column: str) -> str:
    """What the list shows of a row in a column."""
    page = staff.get(LIST).content.decode()
    line = next(part for part in page.split("<tr>") if str(row.pk) in part)
    inner = line.partition(f'class="field-{column}">')[2].partition("</td>")[0]
    return inner.partition(">")[2].partition("<")[0] if inner.startswith("<") else inner


def page_of(row: Transaction) -> str:
    return reverse("admin:transactions_transaction_change", args=[row.pk])


def in_two_days() -> str:
    day = timezone.localdate() + timedelta(days=2)
    year = f" {day.year}" if day.year != timezone.localdate().year else ""
    return f"held until {day:%A} {day.day} {day:%B}{year}"


@pytest.mark.parametrize(("make", "words"), [
    (until_noon, in_two_days), (held, lambda: "pending"), (expired, lambda: "expired"),
    (taken, lambda: "captured"), (released, lambda: "released"),
])  # fmt: skip
def test_the_list_and_the_page_say_how_a_hold_stands(
    make: Callable[[Account], Transaction], words: Callable[[], str],
    staff: Client, account: Account,
) -> None:  # fmt: skip
    row = make(account)
    assert cell(staff, row, "state") == words()
    assert f"Status: {words()} " in text_of(staff.get(page_of(row)))


def test_a_hold_is_called_a_hold_not_a_withdrawal(staff: Client, account: Account) -> None:
    row = held(account)
    assert cell(staff, row, "kind") == "Hold"
    page = staff.get(page_of(row)).content.decode()
    assert "ithdrawal" not in page
    assert "Hold" in page
    assert str(row) == "hold of 10.00 USD"
    capture = services.capture(hold=row)
    assert cell(staff, capture, "kind") == "Withdrawal"
    assert "captures the hold hold" not in text_of(staff.get(page_of(capture)))


def test_the_page_tells_a_hold_that_expired_from_one_that_was_released(
    staff: Client, account: Account, clerk: Any
) -> None:
    over, by_hand = expired(account), expired(account)
    staff_services.release(hold=by_hand, reason="Cancelled", written_by=clerk)
    services.expire_holds()
    assert "Status: expired and released " in text_of(staff.get(page_of(over)))
    assert "Status: released " in text_of(staff.get(page_of(by_hand)))


@pytest.mark.parametrize(("chosen", "expected"), [
    ("pending", {held, expired}), ("expired", {expired}), ("captured", {taken}),
    ("released", {released}),
])  # fmt: skip
def test_the_list_is_filtered_by_how_holds_stand(
    chosen: str, expected: set[Any], staff: Client, account: Account
) -> None:
    rows = {make: make(account) for make in (held, expired, taken, released)}
    shown = {row.pk for row in staff.get(LIST, {"standing": chosen}).context["cl"].result_list}
    assert shown == {rows[make].pk for make in expected}


def test_the_list_asks_no_more_for_many_holds(
    staff: Client, account: Account, django_assert_max_num_queries: Any
) -> None:
    for _ in range(9):
        held(account, expires_at=timezone.now() + timedelta(days=1))
    with django_assert_max_num_queries(10):  # two log the read
        staff.get(LIST)


@pytest.mark.parametrize("button", ["review", "book"])
def test_an_end_that_came_while_the_form_was_filled_in_is_an_error_in_its_place(
    button: str, staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last second of today is over when the clerk sends the form."""
    monkeypatch.setattr(holds, "last_second_of", lambda _: timezone.now() - timedelta(seconds=1))
    filled = {
        "id": str(uuid7()), "number": account.number, "amount": "10", "description": "Hotel",
        "until": timezone.localdate().isoformat(), "reason": "Asked for", "step": button,
    }  # fmt: skip
    answer = staff.post(reverse("admin:transactions_transaction_hold"), filled)
    (error,) = answer.context["form"].errors["until"]
    assert "Choose a later end" in error
    assert "Asked for" in text_of(answer)
    assert not Transaction.objects.filter(status="pending").exists()


def test_what_is_about_to_be_released_says_how_it_stands(staff: Client, account: Account) -> None:
    row = expired(account)
    url = reverse("admin:transactions_transaction_release", args=[row.pk])
    assert "10.00 USD expired" in text_of(staff.get(url))
