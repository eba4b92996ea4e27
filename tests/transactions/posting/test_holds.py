"""Holds: money reserved, then captured whole or in part, voided, or expired."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.exceptions import AccountNotEmpty
from accounts.models import Account
from accounts.services import close_account, freeze_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, hold_that_ended
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import (
    AccountNotActive,
    CurrencyMismatch,
    ExpiryPassed,
    HoldNotPending,
    IdempotencyConflict,
    InsufficientFunds,
    InvalidAmount,
    InvalidDetails,
    LimitExceeded,
)
from transactions.models import Entry, Transaction
from transactions.posting import engine
from transactions.services import Draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="100")


@pytest.fixture
def hotel() -> Account:
    return AccountFactory(name="Hotel")


def state(account: Account) -> tuple[Decimal, Decimal, Decimal]:
    account.refresh_from_db()
    return account.balance, account.held, account.available


@pytest.fixture(autouse=True)
def _clean_books() -> Any:
    yield
    assert audit().clean


def test_a_hold_reserves_and_moves_nothing(everyday: Account, hotel: Account) -> None:
    row = services.hold(
        from_account=everyday, to_account=hotel, amount=Decimal(60), description="Hotel Aurora"
    )
    stored = Transaction.objects.get(pk=row.pk)
    assert (stored.status, stored.type, stored.from_balance) == ("pending", "transfer", None)
    assert state(everyday) == (100, 60, 40)
    assert state(hotel) == (0, 0, 0)
    assert not Entry.objects.filter(transaction=row).exists()
    with pytest.raises(InsufficientFunds, match=r"40\.00 available"):
        services.withdraw(from_account=everyday, amount=Decimal(41))


def test_a_hold_without_recipient_is_a_withdrawal_to_come(everyday: Account) -> None:
    row = services.hold(from_account=everyday, amount=Decimal(60))
    assert row.type == "withdrawal"
    assert services.capture(hold=row).type == "withdrawal"
    assert state(everyday) == (40, 0, 40)


def test_a_capture_of_the_whole_moves_it(everyday: Account, hotel: Account) -> None:
    row = services.hold(
        from_account=everyday,
        to_account=hotel,
        amount=Decimal(60),
        description="Hotel Aurora",
        reference="R7",
        metadata={"category": "travel"},
    )
    taken = services.capture(hold=row)
    assert (taken.status, taken.captures, taken.from_balance) == ("completed", row, 40)
    assert (taken.description, taken.reference) == ("Hotel Aurora", "R7")
    assert taken.metadata == {"category": "travel"}
    assert Transaction.objects.get(pk=row.pk).status == "captured"
    assert (state(everyday), state(hotel)) == ((40, 0, 40), (60, 0, 60))


def test_a_capture_of_a_part_releases_the_rest(everyday: Account, hotel: Account) -> None:
    row = services.hold(from_account=everyday, to_account=hotel, amount=Decimal(60))
    services.capture(hold=row.pk, amount=Decimal(25), description="One night")
    assert (state(everyday), state(hotel)) == ((75, 0, 75), (25, 0, 25))


def test_a_capture_above_its_hold_is_refused(everyday: Account) -> None:
    row = services.hold(from_account=everyday, amount=Decimal(60))
    with pytest.raises(InvalidAmount, match=r"for 60\.00, and 60\.01"):
        services.capture(hold=row, amount=Decimal("60.01"))
    assert state(everyday) == (100, 60, 40)


def test_a_hold_ends_once(everyday: Account) -> None:
    captured = services.hold(from_account=everyday, amount=Decimal(10))
    voided = services.hold(from_account=everyday, amount=Decimal(10))
    services.capture(hold=captured)
    services.void(hold=voided)
    with pytest.raises(HoldNotPending, match="captured before"):
        services.capture(hold=captured)
    with pytest.raises(HoldNotPending, match="captured before"):
        services.void(hold=captured)
    with pytest.raises(HoldNotPending, match="released before"):
        services.capture(hold=voided)
    assert services.void(hold=voided.pk).status == "voided"
    assert state(everyday) == (90, 0, 90)


def test_what_is_no_hold_cannot_be_captured_or_voided(everyday: Account) -> None:
    row = services.withdraw(from_account=everyday, amount=Decimal(1))
    for thing in (row, uuid7(), "x", everyday):
        with pytest.raises(HoldNotPending, match="no hold with that id"):
            services.capture(hold=thing)  # type: ignore[arg-type]
        with pytest.raises(HoldNotPending, match="no hold with that id"):
            services.void(hold=thing)  # type: ignore[arg-type]


def test_void_makes_the_money_available_again(everyday: Account) -> None:
    row = services.hold(from_account=everyday, amount=Decimal(60))
    assert services.void(hold=str(row.pk)).status == "voided"  # type: ignore[arg-type]
    assert state(everyday) == (100, 0, 100)


@pytest.mark.parametrize("expiry", ["x", date(2027, 1, 1), datetime.max.replace(tzinfo=UTC)])
def test_an_expiry_that_is_no_time_refuses_its_own_draft_alone(
    everyday: Account, expiry: Any
) -> None:
    drafts = [
        Draft(to_account=everyday, amount=Decimal(1)),
        Draft(from_account=everyday, amount=Decimal(1), pending=True, expires_at=expiry),
    ]
    results = services.post_batch(drafts, atomic=False)
    assert [type(result) for result in results] == [Transaction, InvalidDetails]


def test_a_hold_that_would_be_over_already_is_refused(everyday: Account) -> None:
    """In a batch too, where it refuses itself alone; moved by neither preview nor booking."""
    over = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    sentence = "08:30 on 1 March 2026"
    draft = Draft(from_account=everyday, amount=Decimal(10), pending=True, expires_at=over)
    for book in (services.book, services.preview):
        with pytest.raises(ExpiryPassed, match=sentence):
            book(draft)
    with pytest.raises(ExpiryPassed, match=sentence):
        services.hold(from_account=everyday, amount=Decimal(10), expires_at=over)
    drafts = [Draft(to_account=everyday, amount=Decimal(1)), draft]
    results = services.post_batch(drafts, atomic=False)
    assert [type(result) for result in results] == [Transaction, ExpiryPassed]
    assert state(everyday) == (101, 0, 101)


def test_a_hold_sent_again_after_its_time_is_the_first_row(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    draft = Draft(
        id=uuid7(), from_account=everyday, amount=Decimal(10), pending=True,
        expires_at=now + timedelta(minutes=3),
    )  # fmt: skip
    row = services.book(draft)
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=4))
    assert services.book(draft) == row
    assert services.post_batch([draft]) == [row]
    services.expire_holds(now=timezone.now())
    assert services.book(draft).status == "voided"
    with pytest.raises(IdempotencyConflict):
        services.book(replace(draft, amount=Decimal(11)))
    with pytest.raises(ExpiryPassed):
        services.book(replace(draft, id=uuid7()))
    assert state(everyday) == (100, 0, 100)


def test_a_hold_of_history_may_have_ended(everyday: Account) -> None:
    moment = timezone.now() - timedelta(days=9)
    draft = Draft(
        from_account=AccountFactory(overdraft_limit=Decimal(10)), amount=Decimal(10), pending=True,
        created_at=moment, expires_at=moment + timedelta(days=1),
    )  # fmt: skip
    assert services.book(draft).is_expired
    assert services.expire_holds() == 1


def test_each_verb_with_the_same_id_again_gives_the_first_row(everyday: Account) -> None:
    key, second = uuid7(), uuid7()
    call: dict[str, Any] = {"from_account": everyday, "amount": Decimal(60), "id": key}
    row = services.hold(**call)
    assert services.hold(**call) == row
    taken = services.capture(hold=row, id=second, amount=Decimal(10))
    assert services.capture(hold=row, id=second, amount=Decimal(10)) == taken
    assert services.hold(**call).status == "captured"
    with pytest.raises(IdempotencyConflict):
        services.capture(hold=row, id=second, amount=Decimal(11))
    with pytest.raises(IdempotencyConflict):
        services.withdraw(**call)
    assert state(everyday) == (90, 0, 90)


def test_a_hold_meets_the_limits_and_its_capture_does_not_meet_them_again() -> None:
    account = AccountFactory(balance="100", transfer_limit=Decimal(50), daily_limit=Decimal(60))
    with pytest.raises(LimitExceeded):
        services.hold(from_account=account, amount=Decimal(51))
    row = services.hold(from_account=account, amount=Decimal(50))
    with pytest.raises(LimitExceeded, match=r"can send up to 10\.00 USD more"):
        services.hold(from_account=account, amount=Decimal(11))
    assert services.capture(hold=row).amount == 50


def test_holds_are_refused_like_payments(everyday: Account) -> None:
    with pytest.raises(InsufficientFunds, match=r"100\.00 available; 101\.00"):
        services.hold(from_account=everyday, amount=Decimal(101))
    with pytest.raises(CurrencyMismatch):
        services.hold(
            from_account=everyday, to_account=AccountFactory(currency="EUR"), amount=Decimal(1)
        )
    with pytest.raises(InvalidDetails, match="set from_account"):
        services.post_batch([Draft(to_account=everyday, amount=Decimal(1), pending=True)])
    with pytest.raises(InvalidDetails, match="Only a hold expires"):
        services.post_batch(
            [Draft(from_account=everyday, amount=Decimal(1), expires_at=timezone.now())]
        )
    row = services.hold(from_account=everyday, amount=Decimal(10))
    freeze_account(account=everyday, reason="Lost card")
    with pytest.raises(AccountNotActive, match="frozen"):
        services.capture(hold=row)
    assert services.void(hold=row).status == "voided", "releasing lets nothing out"


@pytest.mark.parametrize("side", ["from_account", "to_account"])
def test_neither_account_of_a_hold_is_closed(side: str) -> None:
    row = services.hold(
        from_account=AccountFactory(overdraft_limit=Decimal(10)),
        to_account=AccountFactory(),
        amount=Decimal(10),
    )
    account = getattr(row, side)
    with pytest.raises(AccountNotEmpty):
        close_account(account=account, reason="Leaving")
    services.void(hold=row)
    assert close_account(account=account, reason="Leaving").is_closed


def test_holds_and_captures_go_through_batches_too(everyday: Account, hotel: Account) -> None:
    held = services.post_batch(
        [Draft(from_account=everyday, to_account=hotel, amount=Decimal(2), pending=True)] * 30
    )
    assert state(everyday) == (100, 60, 40)
    captures = [
        Draft(from_account=everyday, to_account=hotel, amount=Decimal(1), captures=row)  # type: ignore[arg-type]
        for row in held
    ]
    results = services.post_batch([*captures, captures[0]], atomic=False)
    assert isinstance(results[-1], HoldNotPending)
    assert (state(everyday), state(hotel)) == ((70, 0, 70), (30, 0, 30))


def test_a_capture_has_the_sides_of_its_hold(everyday: Account, hotel: Account) -> None:
    row = services.hold(from_account=everyday, to_account=hotel, amount=Decimal(10))
    with pytest.raises(HoldNotPending, match="same two accounts"):
        services.post_batch([Draft(from_account=everyday, amount=Decimal(10), captures=row)])


def test_expired_holds_are_released_and_only_they(everyday: Account) -> None:
    now = timezone.now()
    over = hold_that_ended(everyday, Decimal(10))
    ahead = services.hold(
        from_account=everyday, amount=Decimal(20), expires_at=now + timedelta(minutes=3)
    )
    services.hold(from_account=everyday, amount=Decimal(30))
    with pytest.raises(HoldNotPending, match="has expired"):
        services.capture(hold=over)
    out = StringIO()
    call_command("expire_holds", stdout=out)
    call_command("expire_holds", stdout=out)
    assert out.getvalue().splitlines() == ["Released 1 hold.", "Released 0 holds."]
    assert Transaction.objects.get(pk=over.pk).status == "voided"
    assert state(everyday) == (100, 50, 50)
    assert services.expire_holds(now=now + timedelta(minutes=4)) == 1
    assert Transaction.objects.get(pk=ahead.pk).status == "voided"


def test_one_account_that_refuses_keeps_no_other_hold_from_expiring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = sorted((AccountFactory(balance="10") for _ in range(3)), key=lambda a: a.pk)
    for account in accounts:
        hold_that_ended(account, Decimal(5))
    release, refusing = engine.release_locked, accounts[1].pk

    def refuse_one(holds: Any) -> None:
        if holds[0].from_account_id == refusing:
            raise InvalidAmount("Not this one.")
        release(holds)

    monkeypatch.setattr(engine, "release_locked", refuse_one)
    with pytest.raises(InvalidAmount):
        services.expire_holds()
    pending = Transaction.objects.pending().values_list("from_account", flat=True)
    assert list(pending) == [refusing]
