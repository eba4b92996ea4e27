"""One movement of money: what moves, what the accounts refuse, and in how many statements."""

from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.timezone import get_fixed_timezone

from accounts.services import close_account, freeze_account
from ledger.db.ids import uuid7
from ledger.text.currencies import LARGEST_AMOUNT
from ledger.text.dates import start_of_day
from tests.factories import AccountFactory, UserFactory, balances
from transactions import services
from transactions.exceptions import (
    AccountNotActive,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidAmount,
    RefusedByDatabase,
    SameAccount,
)
from transactions.models import Entry, Transaction
from transactions.posting import insert, single_statement, unit_of_work
from transactions.posting.checks import apply
from transactions.posting.drafts import prepare
from transactions.posting.locked_accounts import lock_accounts_of
from transactions.posting.single_statement import STEP_BY_STEP
from transactions.services import Draft

pytestmark = pytest.mark.django_db


def test_transfer_moves_the_amount_and_writes_both_balances() -> None:
    rent, landlord, staff = AccountFactory(balance="1000"), AccountFactory(), UserFactory()
    row = services.transfer(
        from_account=rent,
        to_account=landlord,
        amount=Decimal("950"),
        description="Rent",
        reference="R-11",
        metadata={"category": "rent"},
        value_date=date(2026, 11, 1),
        created_by=staff,
    )
    assert balances(rent, landlord) == [50, 950]
    assert (row.from_balance, row.to_balance) == (50, 950)
    stored = Transaction.objects.get(pk=row.pk)
    assert (stored.type, stored.status, stored.currency) == ("transfer", "completed", "USD")
    assert (stored.description, stored.reference) == ("Rent", "R-11")
    assert stored.category == "rent"
    assert stored.value_date == date(2026, 11, 1)
    assert stored.created_by == staff
    debit, credit = Entry.objects.filter(transaction=row).order_by("direction").reverse()
    assert (debit.account, debit.counterparty, debit.signed_amount) == (rent, landlord, -950)
    assert (credit.account, credit.counterparty, credit.signed_amount) == (landlord, rent, 950)


def test_what_a_service_returns_is_what_is_stored() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    row = services.transfer(
        from_account=a, to_account=b, amount=Decimal(3), metadata={"a": [1, {"b": "ä\t\\"}]}
    )
    stored = Transaction.objects.get(pk=row.pk)
    for field in insert.COLUMNS:
        assert getattr(row, field) == getattr(stored, field), field
    assert row.category is None


def test_deposit_and_withdrawal_have_one_side() -> None:
    account = AccountFactory()
    into = services.deposit(to_account=account.pk, amount=Decimal("12.30"))
    out = services.withdraw(from_account=str(account.pk), amount=Decimal("2.30"))
    assert (into.type, into.to_balance, into.from_balance) == ("deposit", Decimal("12.30"), None)
    assert (out.type, out.from_balance, out.to_balance) == ("withdrawal", 10, None)
    assert balances(account) == [10]
    assert [e.signed_amount for e in Entry.objects.for_account(account).newest_first()] == [
        Decimal("-2.30"),
        Decimal("12.30"),
    ]


def test_too_much_is_refused_in_words_and_nothing_moves() -> None:
    everyday, other = AccountFactory(balance="42.10"), AccountFactory()
    said = r"^Everyday has 42\.10 available; 50\.00 is too much by 7\.90\.$"
    with pytest.raises(InsufficientFunds, match=said):
        services.transfer(from_account=everyday, to_account=other, amount=Decimal(50))
    assert balances(everyday, other) == [Decimal("42.10"), 0]
    assert services.transfer(
        from_account=everyday, to_account=other, amount=Decimal("42.10")
    ).from_balance == Decimal(0)


def test_an_overdraft_may_be_used_to_its_limit() -> None:
    account = AccountFactory(overdraft_limit=Decimal(100))
    assert services.withdraw(from_account=account, amount=Decimal(100)).from_balance == -100
    with pytest.raises(InsufficientFunds):
        services.withdraw(from_account=account, amount=Decimal("0.01"))


def test_held_money_is_not_available() -> None:
    account = AccountFactory(balance="100")
    services.hold(from_account=account, amount=Decimal(60))
    with pytest.raises(InsufficientFunds, match=r"40\.00 available"):
        services.withdraw(from_account=account, amount=Decimal(41))


def test_frozen_lets_money_in_but_not_out() -> None:
    frozen, other = AccountFactory(balance="10"), AccountFactory(balance="10")
    freeze_account(account=frozen, reason="Lost card")
    with pytest.raises(AccountNotActive, match="Everyday is frozen"):
        services.transfer(from_account=frozen, to_account=other, amount=Decimal(1))
    services.transfer(from_account=other, to_account=frozen, amount=Decimal(1))
    assert balances(frozen, other) == [11, 9]


def test_closed_moves_nothing() -> None:
    closed, other = AccountFactory(), AccountFactory(balance="10")
    close_account(account=closed, reason="Leaving")
    with pytest.raises(AccountNotActive, match=f"Account {closed.number} is closed"):
        services.transfer(from_account=other, to_account=closed, amount=Decimal(1))
    with pytest.raises(AccountNotActive, match="closed"):
        services.withdraw(from_account=closed, amount=Decimal(1))


def test_two_currencies_do_not_mix() -> None:
    dollars, euros = AccountFactory(balance="10"), AccountFactory(currency="EUR")
    with pytest.raises(CurrencyMismatch, match="Everyday is in USD"):
        services.transfer(from_account=dollars, to_account=euros, amount=Decimal(1))


def test_both_sides_are_needed_and_differ() -> None:
    account = AccountFactory(balance="10")
    with pytest.raises(SameAccount, match="the same account"):
        services.transfer(from_account=account, to_account=account.pk, amount=Decimal(1))
    with pytest.raises(SameAccount, match="Name the account"):
        services.post_batch([Draft(amount=Decimal(1))])
    with pytest.raises(AccountNotFound, match="Name the account"):
        services.transfer(from_account=account, to_account=None, amount=Decimal(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("nobody", [uuid7(), "no id"])
def test_an_unknown_account_is_refused(nobody: Any) -> None:
    with pytest.raises(AccountNotFound):
        services.deposit(to_account=nobody, amount=Decimal(1))


def test_a_service_never_runs_inside_somebody_elses_transaction() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with db_transaction.atomic(), pytest.raises(RuntimeError, match="durable") as refused:
        services.transfer(from_account=a, to_account=b, amount=Decimal(1))
    assert balances(a, b) == [10, 0]
    assert "docs/posting.md" in "".join(getattr(refused.value, "__notes__", []))


@pytest.mark.django_db(transaction=True)
def test_a_service_refuses_a_transaction_that_was_begun_by_hand() -> None:
    account = AccountFactory()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        with pytest.raises(ProgrammingError):
            services.deposit(to_account=account, amount=Decimal(5))
        cursor.execute("ROLLBACK")
    assert balances(account) == [0]


@pytest.mark.parametrize("hours", [13, -11, 0])
def test_the_value_date_is_a_day_of_the_current_time_zone(hours: int) -> None:
    with timezone.override(get_fixed_timezone(hours * 60)):
        row = services.deposit(to_account=AccountFactory(), amount=Decimal(1))
        row.refresh_from_db()
        assert row.value_date == timezone.localdate(row.created_at)


@pytest.mark.usefixtures("path")
def test_no_recipient_gets_more_than_fits_with_its_overdraft() -> None:
    full = AccountFactory(overdraft_limit=Decimal(1000))
    services.deposit(to_account=full, amount=LARGEST_AMOUNT.to_integral_value(ROUND_DOWN) - 1500)
    with pytest.raises(InvalidAmount):
        services.deposit(to_account=full, amount=Decimal(1000))


def test_one_transfer_takes_one_statement(django_assert_num_queries: Any) -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with django_assert_num_queries(1 + 2):  # the test adds a savepoint
        services.transfer(from_account=a, to_account=b, amount=Decimal(1), id=uuid7())


def test_in_one_statement_accounts_are_locked_in_order_of_id() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with CaptureQueriesContext(connection) as queries:
        services.transfer(from_account=a, to_account=b, amount=Decimal(1))
    (statement,) = [query["sql"] for query in queries if "INSERT" in query["sql"]]
    assert statement.count("FOR ") == statement.count("ORDER BY id FOR NO KEY UPDATE") == 1


@pytest.mark.usefixtures("step_by_step")
def test_step_by_step_one_transfer_takes_three_statements(django_assert_num_queries: Any) -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with django_assert_num_queries(3 + 2):  # limit, lock, insert; the test adds a savepoint
        services.transfer(from_account=a, to_account=b, amount=Decimal(1), id=uuid7())


@pytest.mark.usefixtures("step_by_step")
def test_accounts_are_locked_in_one_query_in_order_of_id() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with CaptureQueriesContext(connection) as queries:
        services.transfer(from_account=a, to_account=b, amount=Decimal(1))
    (lock,) = [query["sql"] for query in queries if "FOR " in query["sql"]]
    assert lock.endswith('ORDER BY "accounts"."id" ASC FOR NO KEY UPDATE')


def test_a_database_refusal_is_told_by_the_name_of_its_constraint() -> None:
    """Go round the checks in Python: the constraint still stands, and gets its sentence."""
    a = AccountFactory(balance="10")
    item = prepare(Draft(from_account=a, amount=Decimal(11)))

    def unchecked() -> None:
        books = lock_accounts_of([item])
        apply(item, books.sides(item), books)
        insert.write([item], 1)

    with pytest.raises(InsufficientFunds, match="cannot go below zero"):
        unit_of_work.run(unchecked)
    assert balances(a) == [10]


def test_an_unnamed_database_error_is_no_refusal() -> None:
    def broken() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO users (id) VALUES (%s)", [uuid7()])

    with pytest.raises(RefusedByDatabase):
        unit_of_work.run(broken)


def test_a_payment_of_another_day_than_the_process_expects_goes_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At midnight the clock of the database may be a day ahead: its day is the value date."""
    account = AccountFactory(balance="10")
    today, paths = timezone.localdate(), Counter[str]()
    monkeypatch.setattr(single_statement, "paths", paths)
    yesterday = start_of_day(today - timedelta(days=1)), start_of_day(today)
    monkeypatch.setattr(single_statement, "_bounds", lambda _day, _zone: yesterday)
    row = services.withdraw(from_account=account, amount=Decimal(1))

    assert row.value_date == timezone.localdate(row.created_at)
    assert paths == {STEP_BY_STEP: 1}
