"""The preview: a result for each line, from the engine itself, and nothing booked."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts.models import Account
from accounts.numbers import with_check_digits
from accounts.services import freeze_account
from banking.payment_files import booking, drafts, preview
from banking.payment_files.models import PaymentFile
from banking.payment_files.preview import check
from tests.banking.payment_files.files import checked, fates, pay, stored
from tests.factories import AccountFactory, balances
from tests.pages import lacks
from transactions import services
from transactions.models import Transaction
from transactions.safeguards.recipients import CANNOT_RECEIVE, NOT_PAYABLE

pytestmark = pytest.mark.django_db(transaction=True)
State = PaymentFile.State


def test_each_line_is_judged_with_what_the_lines_before_it_leave(
    everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 600), pay(jo, 500), pay(jo, 400))
    first, refusal, last = fates(file)
    assert (first, last) == ("waiting", "waiting")
    assert not lacks(refusal, "400.00 available", "500.00", "by 100.00")
    assert (file.state, file.line_count, file.total) == (State.CHECKED, 3, 1500)
    assert (file.waiting_count, file.waiting_total) == (2, 1000)
    assert (file.refused_count, file.refused_total) == (1, 500)


def test_nothing_is_booked_by_the_check(everyday: Account, mara: Account) -> None:
    before = Transaction.objects.count()
    everyday.refresh_from_db()
    checked(everyday, pay(mara, 600))
    assert Transaction.objects.count() == before
    assert balances(everyday, mara) == [1000, 0]
    last_entry = Account.objects.get(pk=everyday.pk).last_entry_at
    assert last_entry == everyday.last_entry_at


def test_every_reason_of_the_engine_is_a_result(everyday: Account, mara: Account) -> None:
    euros = AccountFactory(currency="EUR", user=everyday.user)
    file = checked(everyday, pay(everyday, 1), pay(euros, 1), pay(mara, 1, "x" * 501))
    same, currency, description = fates(file)
    assert "the same account" in same
    assert currency == CANNOT_RECEIVE
    assert "501 characters" in description
    assert file.waiting_count == 0


def test_a_line_that_cannot_be_read_says_everything_that_is_wrong_with_it(
    everyday: Account, mara: Account
) -> None:
    nobody = with_check_digits("1234567890")
    file = checked(
        everyday,
        "12,950.00",
        f"{mara.number},-5",
        f"{nobody},5",
        f"{mara.number},1,240.50,text,more",
        f"{mara.number},0.00001",
    )
    assert fates(file) == [
        "An account number has 12 digits. This number has 2.",
        "Type the amount without a minus sign.",
        NOT_PAYABLE,
        "There are more cells than columns. Put text that has commas in quotes.",
        "USD has 2 decimals, but 0.00001 has more.",
    ]


def test_checking_again_asks_the_refused_lines_anew(everyday: Account, mara: Account) -> None:
    file = checked(everyday, pay(mara, 5000), pay(mara, 5), "12,1")
    services.deposit(to_account=everyday, amount=Decimal(5000))
    assert fates(check(file))[:2] == ["waiting", "waiting"]
    freeze_account(account=everyday, reason="Lost card", changed_by=None)
    refusal = "Everyday is frozen. It can receive money, but cannot send money."
    file = check(file)
    assert fates(file)[:2] == [refusal, refusal]
    assert (file.waiting_count, file.refused_count) == (0, 3)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_size_of_the_parts_changes_no_result(
    everyday: Account, mara: Account, jo: Account, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", size)
    lines = [pay(mara, 400), pay(jo, 700), pay(mara, 400), pay(jo, 300), pay(jo, 200)]
    waits = [fate == "waiting" for fate in fates(checked(everyday, *lines))]
    assert waits == [True, False, True, False, True]


def test_a_daily_limit_is_counted_over_the_parts(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 1)
    Account.objects.filter(pk=everyday.pk).update(daily_limit=100)
    file = checked(everyday, pay(mara, 60), pay(mara, 60), pay(mara, 40))
    assert [fate == "waiting" for fate in fates(file)] == [True, False, True]


def test_a_file_that_is_being_paid_is_not_checked_meanwhile(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 1)
    file = booking.book_step(checked(everyday, pay(mara, 1), pay(mara, 2)))
    assert (file.state, check(file).state) == (State.PAYING, State.PAYING)
    assert fates(file) == ["booked", "waiting"]


def test_a_line_booked_while_the_check_was_on_its_way_stays_booked(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 600))
    services.withdraw(from_account=everyday, amount=Decimal(900))

    def booked_meanwhile(*work: Any) -> None:
        services.preview_parts(*work)
        services.deposit(to_account=everyday, amount=Decimal(900))
        booking.book_rest(file)

    monkeypatch.setattr(preview, "preview_parts", booked_meanwhile)
    assert check(file).state == State.DONE
    assert fates(file) == ["booked"]


def test_a_check_that_lost_a_race_forgets_what_it_had_found(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*work: Any) -> None:
        services.preview_parts(*work)
        services.deposit(to_account=everyday, amount=Decimal(5000))
        services.preview_parts(*work)

    monkeypatch.setattr(preview, "preview_parts", twice)
    assert fates(checked(everyday, pay(mara, 5000))) == ["waiting"]


def test_a_check_locks_no_account(everyday: Account, mara: Account) -> None:
    """A long check would refuse the payments of everybody who is in the file."""
    file = stored(everyday, pay(mara, 1), pay(mara, 2))
    free: list[int] = []

    def lock_elsewhere(_lines: int) -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            rows = other.execute("SELECT id FROM accounts FOR NO KEY UPDATE NOWAIT").fetchall()
            free.append(len(rows))

    check(file, lock_elsewhere)
    assert free == [Account.objects.count()]
