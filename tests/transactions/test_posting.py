"""One movement of money: what moves, what is refused, and that an id is booked once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db import transaction as db_transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services import close_account, freeze_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory, balances, walls_down
from transactions import rows, services, units
from transactions.books import open_books
from transactions.checks import apply
from transactions.drafts import prepare
from transactions.exceptions import (
    AccountNotActive,
    AccountNotFound,
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientFunds,
    InvalidAmount,
    InvalidDetails,
    LedgerError,
    LimitExceeded,
    SameAccount,
)
from transactions.models import Entry, Transaction
from transactions.services import Draft
from transactions.values import comparable

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
    for field in rows.COLUMNS:
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


def test_value_date_is_the_booking_day_unless_said() -> None:
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(1))
    assert row.value_date == timezone.localdate(row.created_at)


@pytest.mark.parametrize(
    "amount",
    [
        Decimal(0),
        Decimal("-1"),
        Decimal("0.001"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal("1e400"),
        Decimal("1e-400"),
        Decimal("1000000000000000"),
        0.1,
        True,
        None,
        "",
        "1e5",
        "ten",
        "$5",
        "\uff11\uff10",
        "\u0661\u0660",
        "9" * 30,
        Decimal("1." + "0" * 29 + "1"),
        Decimal("0." + "9" * 31),
        "0." + "9" * 30,
    ],
)
def test_an_amount_that_is_no_positive_exact_money_is_refused(amount: Any) -> None:
    account = AccountFactory()
    with pytest.raises(InvalidAmount):
        services.deposit(to_account=account, amount=amount)
    assert not Transaction.objects.exists()


@pytest.mark.parametrize(
    ("currency", "fits", "too_fine"),
    [("JPY", "1", "0.1"), ("USD", "0.01", "0.001"), ("KWD", "0.001", "0.0001")],
)
def test_an_amount_has_the_decimals_of_its_currency(
    currency: str, fits: str, too_fine: str
) -> None:
    account = AccountFactory(currency=currency)
    assert services.deposit(to_account=account, amount=Decimal(fits)).amount == Decimal(fits)
    with pytest.raises(InvalidAmount, match="too many decimals"):
        services.deposit(to_account=account, amount=Decimal(too_fine))


def test_trailing_zeros_are_no_decimals_of_their_own() -> None:
    row = services.deposit(to_account=AccountFactory(currency="JPY"), amount=Decimal("10.000"))
    assert row.amount == 10


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
    with pytest.raises(SameAccount, match="two different accounts"):
        services.transfer(from_account=account, to_account=account.pk, amount=Decimal(1))
    with pytest.raises(SameAccount, match="Say which account"):
        services.post_batch([Draft(amount=Decimal(1))])
    with pytest.raises(AccountNotFound, match="Say which account"):
        services.transfer(from_account=account, to_account=None, amount=Decimal(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("nobody", [uuid7(), "no id"])
def test_an_unknown_account_is_refused(nobody: Any) -> None:
    with pytest.raises(AccountNotFound):
        services.deposit(to_account=nobody, amount=Decimal(1))


def nested(levels: int) -> Any:
    inner: Any = 1
    for _ in range(levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "details",
    [
        {"description": "x" * 501},
        {"description": "a\x00b"},
        {"description": "\ud800"},
        {"description": "\u202egnihton"},
        {"reference": "a\u2067b"},
        {"reference": "x" * 141},
        {"metadata": ["no object"]},
        {"metadata": {"a": float("nan")}},
        {"metadata": {"a": [1e300] * 60}},
        {"metadata": {"a": nested(51)}},
        {"metadata": {"a": object()}},
        {"metadata": {"a": "x" * 17_000}},
        {"metadata": {"a": "\ud800"}},
        {"metadata": {"a": "\x00"}},
        {"id": "not a uuid"},
        {"value_date": "2026-01-01"},
        {"value_date": date.max},
        {"value_date": date.min},
        {"value_date": "2026-01-01\t1\n"},
        {"created_by": "0197\t1\n"},
        {"metadata": {"deep": [{"\x00": 1}]}},
        {"value_date": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_details_the_books_cannot_keep_are_refused(details: dict[str, Any]) -> None:
    account = AccountFactory()
    with pytest.raises(InvalidDetails):
        services.deposit(to_account=account, amount=Decimal(1), **details)
    assert balances(account) == [0]


def test_a_payment_above_its_limit_is_refused() -> None:
    account = AccountFactory(balance="1000", transfer_limit=Decimal(100))
    with pytest.raises(LimitExceeded, match=r"above the limit of 100\.00"):
        services.withdraw(from_account=account, amount=Decimal("100.01"))
    services.withdraw(from_account=account, amount=Decimal(100))


def test_a_day_above_its_limit_is_refused_over_calls_and_within_a_batch() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    services.withdraw(from_account=account, amount=Decimal(60))
    with pytest.raises(LimitExceeded, match=r"may send 40\.00 more"):
        services.withdraw(from_account=account, amount=Decimal(41))
    drafts = [Draft(from_account=account, amount=Decimal(30)) for _ in range(2)]
    verdicts = services.post_batch(drafts, atomic=False)
    assert [type(verdict) for verdict in verdicts] == [Transaction, LimitExceeded]


def test_the_daily_limit_counts_holds_and_may_be_used_up_exactly() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    services.hold(from_account=account, amount=Decimal(30))
    with pytest.raises(LimitExceeded, match=r"may send 70\.00 more"):
        services.withdraw(from_account=account, amount=Decimal("70.01"))
    services.withdraw(from_account=account, amount=Decimal(70))


def test_the_daily_limit_counts_a_hold_in_full_and_its_capture_no_more() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    hold = services.hold(from_account=account, amount=Decimal(60))
    services.capture(hold=hold, amount=Decimal(20))
    drafts = [Draft(from_account=account, amount=Decimal(41))]
    with pytest.raises(LimitExceeded, match=r"may send 40\.00 more"):
        services.withdraw(from_account=account, amount=Decimal(41))
    assert isinstance(services.post_batch(drafts, atomic=False)[0], LimitExceeded)
    released = services.hold(from_account=account, amount=Decimal(40))
    services.void(hold=released)
    services.withdraw(from_account=account, amount=Decimal(40))


def test_the_daily_limit_counts_a_capture_alike_alone_and_in_a_batch() -> None:
    alone, batch = (AccountFactory(balance="1000", daily_limit=Decimal(100)) for _ in range(2))
    holds = [services.hold(from_account=a, amount=Decimal(60)) for a in (alone, batch)]
    services.capture(hold=holds[0], amount=Decimal(30))
    services.withdraw(from_account=alone, amount=Decimal(40))
    drafts = [
        Draft(from_account=batch, amount=Decimal(30), captures=holds[1]),
        Draft(from_account=batch, amount=Decimal(40)),
        Draft(from_account=batch, amount=Decimal("0.01")),
    ]
    verdicts = services.post_batch(drafts, atomic=False)
    assert [type(v) for v in verdicts] == [Transaction, Transaction, LimitExceeded]
    with pytest.raises(LimitExceeded):
        services.withdraw(from_account=alone, amount=Decimal("0.01"))


def test_the_daily_limit_counts_each_day_by_itself() -> None:
    account = AccountFactory(daily_limit=Decimal(100))
    day = datetime(2026, 3, 10, 12, tzinfo=UTC)
    history = [Draft(to_account=account, amount=Decimal(1000), created_at=day - timedelta(1))]
    history += [
        Draft(from_account=account, amount=Decimal(80), created_at=day + timedelta(days=n))
        for n in range(3)
    ]
    services.post_batch(history)
    again = Draft(from_account=account, amount=Decimal(80), created_at=day + timedelta(days=2))
    with pytest.raises(LimitExceeded):
        services.post_batch([again])


def test_the_same_id_and_content_again_returns_the_first_row() -> None:
    a, b, key = AccountFactory(balance="10"), AccountFactory(), uuid7()
    call: dict[str, Any] = {
        "from_account": a,
        "to_account": b,
        "amount": Decimal("10"),
        "id": key,
        "metadata": {"n": Decimal("1.5"), "when": date(2026, 1, 1)},
    }
    first = services.transfer(**call)
    again = services.transfer(**{**call, "id": str(key), "amount": Decimal("10.00")})
    assert first == again
    assert balances(a, b) == [0, 10]
    assert Transaction.objects.filter(type="transfer").count() == 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"x": 1e23},
        {"x": 1e300},
        {"x": 0.1},
        {"x": nested(49)},
        {"x": Decimal("1.5")},
        {"t": ("a", "b")},
        {1: "a"},
        {"when": date(2026, 1, 1)},
        {"true": True, "none": None, "one": 1},
    ],
)
def test_metadata_comes_back_equal_when_it_is_sent_again(metadata: Any) -> None:
    draft = Draft(to_account=AccountFactory(), amount=Decimal(1), id=uuid7(), metadata=metadata)
    first = services.book(draft)
    assert services.book(draft) == first
    assert services.post_batch([draft, draft]) == [first, first]
    fresh = replace(draft, id=uuid7())
    twice = services.post_batch([fresh, fresh], atomic=False)
    assert twice[0] == twice[1]
    assert Transaction.objects.count() == 2
    assert {type(value) for value in twice} == {Transaction}
    stored = Transaction.objects.get(pk=twice[0].pk)  # type: ignore[union-attr]
    assert comparable(stored.metadata) == comparable(twice[0].metadata)  # type: ignore[union-attr]


def test_true_is_not_one_in_metadata() -> None:
    draft = Draft(to_account=AccountFactory(), amount=Decimal(1), id=uuid7(), metadata={"a": True})
    services.book(draft)
    with pytest.raises(IdempotencyConflict):
        services.book(replace(draft, metadata={"a": 1}))


def test_the_same_id_is_answered_even_if_it_would_be_refused_today() -> None:
    a, b, key = AccountFactory(balance="10"), AccountFactory(), uuid7()
    first = services.transfer(from_account=a, to_account=b, amount=Decimal(10), id=key)
    freeze_account(account=a, reason="Lost card")
    assert services.transfer(from_account=a, to_account=b, amount=Decimal(10), id=key) == first


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal(2)},
        {"description": "Other"},
        {"reference": "Other"},
        {"metadata": {"a": 2}},
        {"value_date": date(2020, 1, 1)},
    ],
)
def test_the_same_id_with_other_content_is_a_conflict(change: dict[str, Any]) -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    call: dict[str, Any] = {"from_account": a, "to_account": b, "amount": Decimal(1)}
    call["id"] = uuid7()
    services.transfer(**call)
    with pytest.raises(IdempotencyConflict, match="already been used"):
        services.transfer(**{**call, **change})
    with pytest.raises(IdempotencyConflict):
        services.transfer(**{**call, "from_account": b, "to_account": a})
    assert balances(a, b) == [9, 1]


def test_booking_times_strictly_rise_within_an_account() -> None:
    account = AccountFactory()
    ahead = timezone.now() + timedelta(seconds=30)
    with walls_down("accounts") as cursor:
        cursor.execute("UPDATE accounts SET last_entry_at = %s WHERE id = %s", [ahead, account.pk])
    first = services.deposit(to_account=account, amount=Decimal(1))
    second = services.deposit(to_account=account, amount=Decimal(1))
    assert first.created_at == ahead + timedelta(microseconds=1)
    assert second.created_at == ahead + timedelta(microseconds=2)


def test_two_bookings_at_one_tick_of_the_clock_do_not_tie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, now = AccountFactory(), timezone.now()
    monkeypatch.setattr("transactions.books.now", lambda: now)
    first = services.deposit(to_account=account, amount=Decimal(1))
    second = services.deposit(to_account=account, amount=Decimal(1))
    assert (first.created_at, second.created_at) == (now, now + timedelta(microseconds=1))


def test_history_keeps_its_time_unless_the_account_is_further() -> None:
    account = AccountFactory()
    past = datetime(1993, 1, 1, tzinfo=UTC)
    drafts = [
        Draft(to_account=account, amount=Decimal(1), created_at=past),
        Draft(to_account=account, amount=Decimal(1), created_at=past - timedelta(days=1)),
    ]
    first, second = services.post_batch(drafts)
    assert first.created_at == past  # type: ignore[union-attr]
    assert second.created_at == past + timedelta(microseconds=1)  # type: ignore[union-attr]
    assert second.value_date == date(1993, 1, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "moment",
    [datetime(1993, 1, 1), datetime(2999, 1, 1, tzinfo=UTC)],  # noqa: DTZ001
)
def test_a_booking_time_has_a_zone_and_is_not_in_the_future(moment: datetime) -> None:
    with pytest.raises(InvalidDetails):
        services.post_batch(
            [Draft(to_account=AccountFactory(), amount=Decimal(1), created_at=moment)]
        )


def test_a_service_never_runs_inside_somebody_elses_transaction() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with db_transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        services.transfer(from_account=a, to_account=b, amount=Decimal(1))
    assert balances(a, b) == [10, 0]


def test_one_transfer_takes_two_statements(django_assert_num_queries: Any) -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    with django_assert_num_queries(2 + 2):  # lock, insert; the test adds a savepoint
        services.transfer(from_account=a, to_account=b, amount=Decimal(1), id=uuid7())


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
        books = open_books([item])
        apply(item, books.sides(item), books)
        rows.write([item], 1)

    with pytest.raises(InsufficientFunds, match="cannot go below zero"):
        units.run(unchecked)
    assert balances(a) == [10]


def test_an_unnamed_database_error_is_no_refusal() -> None:
    def broken() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO users (id) VALUES (%s)", [uuid7()])

    with pytest.raises(LedgerError, match="The books refuse this"):
        units.run(broken)
