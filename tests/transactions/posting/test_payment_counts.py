"""What `/metrics` counts of payments is what the books have, and each refusal has its name."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import exceptions as account_refusals
from accounts import services as account_services
from accounts.models import Account
from accounts.refusal_counts import counts_refusals
from ledger.db.ids import uuid7
from ledger.db.retry import OutcomeUnknown
from tests.factories import AccountFactory, hold_that_ended
from tests.metrics import growth
from tests.transactions.posting.shared import lose_next_answer
from transactions import exceptions, services
from transactions.models import Transaction
from transactions.posting import single_statement
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)
PAYMENTS, REFUSALS = "ledger_payments_total", "ledger_refusals_total"


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


@pytest.fixture
def other() -> Account:
    other: Account = AccountFactory()
    return other


def test_each_kind_that_is_booked_counts_once(account: Account, other: Account) -> None:
    before = Transaction.objects.count()
    with growth() as grown:
        services.transfer(from_account=account, to_account=other, amount=Decimal(10))
        paid = services.deposit(to_account=account, amount=Decimal(5))
        services.withdraw(from_account=account, amount=Decimal(1))
        hold = services.hold(from_account=account, to_account=other, amount=Decimal(20))
        services.capture(hold=hold)
        services.void(hold=services.hold(from_account=account, amount=Decimal(3)))
        services.reverse(transaction=paid, amount=Decimal(2))

    assert grown[PAYMENTS] == {
        "transfer booked": 1, "deposit booked": 1, "withdrawal booked": 1, "hold booked": 2,
        "capture booked": 1, "release booked": 1, "reversal booked": 1,
    }  # fmt: skip
    assert grown[REFUSALS] == {}
    # A release makes no row.
    assert Transaction.objects.count() - before == sum(grown[PAYMENTS].values()) - 1


def test_what_is_sent_again_counts_as_repeated(account: Account) -> None:
    key = uuid7()
    hold = services.hold(from_account=account, amount=Decimal(3))
    with growth() as grown:
        for _ in range(3):
            services.withdraw(from_account=account, amount=Decimal(1), id=key)
        services.void(hold=hold)
        services.void(hold=hold)
    assert grown[PAYMENTS] == {
        "withdrawal booked": 1, "withdrawal repeated": 2,
        "release booked": 1, "release repeated": 1,
    }  # fmt: skip


def test_expired_holds_count_as_released(account: Account) -> None:
    for _ in range(2):
        hold_that_ended(account, Decimal(1))
    with growth() as grown:
        assert services.expire_holds() == 2
        assert services.expire_holds() == 0
    assert grown[PAYMENTS] == {"release booked": 2}


REFUSED: dict[str, Callable[[Account, Account], Any]] = {
    "InvalidAmount transfer": lambda a, b: services.transfer(
        from_account=a, to_account=b, amount=Decimal("0.001")
    ),
    "InsufficientFunds withdrawal": lambda a, _: services.withdraw(
        from_account=a, amount=Decimal(101)
    ),
    "SameAccount transfer": lambda a, _: services.transfer(
        from_account=a, to_account=a, amount=Decimal(1)
    ),
    "AccountNotFound deposit": lambda _a, _b: services.deposit(
        to_account=uuid7(), amount=Decimal(1)
    ),
    "AccountNotFound transfer": lambda a, _: services.transfer(
        from_account=a,
        to_account=None,  # type: ignore[arg-type]
        amount=Decimal(1),
    ),
    "CurrencyMismatch transfer": lambda a, _: services.transfer(
        from_account=a, to_account=AccountFactory(currency="EUR"), amount=Decimal(1)
    ),
    "AccountNotActive withdrawal": lambda a, _: services.withdraw(
        from_account=account_services.freeze_account(account=a, reason="lost card"),
        amount=Decimal(1),
    ),
    "RecipientClosed transfer": lambda a, b: services.transfer(
        from_account=a,
        to_account=account_services.close_account(account=b, reason="moved"),
        amount=Decimal(1),
    ),
    "LimitExceeded withdrawal": lambda a, _: services.withdraw(
        from_account=account_services.change_account(account=a, transfer_limit=Decimal(5)),
        amount=Decimal(6),
    ),
    "InvalidDetails deposit": lambda a, _: services.deposit(
        to_account=a, amount=Decimal(1), metadata={"a": "\0"}
    ),
    "ExpiryPassed hold": lambda a, _: services.hold(
        from_account=a, amount=Decimal(1), expires_at=timezone.now() - timedelta(days=1)
    ),
    "HoldNotPending capture": lambda _a, _b: services.capture(hold=uuid7()),
    "HoldNotPending release": lambda _a, _b: services.void(hold=uuid7()),
    "AlreadyReversed reversal": lambda _a, _b: services.reverse(transaction=uuid7()),
    "RecipientFull deposit": lambda a, _: services.deposit(
        to_account=a, amount=Decimal("999999999999999")
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_counts_once_by_its_name(case: str, account: Account, other: Account) -> None:
    name, kind = case.split()
    rows = Transaction.objects.count()
    with growth() as grown, pytest.raises(getattr(exceptions, name)):
        REFUSED[case](account, other)

    assert Transaction.objects.count() == rows
    assert grown[PAYMENTS] == {f"{kind} refused": 1}
    assert grown[REFUSALS] == {f"{name} booking": 1}


def test_an_id_that_was_used_for_another_payment_counts_as_a_conflict(account: Account) -> None:
    key = uuid7()
    services.deposit(to_account=account, amount=Decimal(1), id=key)
    with growth() as grown, pytest.raises(exceptions.IdempotencyConflict):
        services.deposit(to_account=account, amount=Decimal(2), id=key)
    assert grown[REFUSALS] == {"IdempotencyConflict booking": 1}


def test_a_review_counts_no_payment(account: Account) -> None:
    with growth() as grown:
        services.preview(Draft(from_account=account, amount=1))
        with pytest.raises(exceptions.InsufficientFunds):
            services.preview(Draft(from_account=account, amount=101))
    assert grown[PAYMENTS] == {}
    assert grown[REFUSALS] == {"InsufficientFunds review": 1}


def all_refusals(kind: type = account_refusals.LedgerError) -> list[type]:
    below: list[type] = kind.__subclasses__()
    return below + [each for part in below for each in all_refusals(part)]


def test_every_refusal_of_a_service_counts_by_its_name_and_once() -> None:
    kinds = [kind for kind in all_refusals() if kind.__module__.startswith("accounts")]
    assert len(kinds) > 15

    @counts_refusals
    def inner(kind: Any) -> None:
        raise kind("No.")

    @counts_refusals
    def outer(kind: Any) -> None:
        inner(kind)

    with growth() as grown:
        for kind in kinds:
            with pytest.raises(kind):
                outer(kind)
    assert grown[REFUSALS] == {f"{kind.__name__} service": 1 for kind in kinds}


def test_a_refusal_of_an_account_service_counts(account: Account) -> None:
    with growth() as grown, pytest.raises(account_refusals.AccountNotEmpty):
        account_services.close_account(account=account, reason="moved")
    assert grown[REFUSALS] == {"AccountNotEmpty service": 1}


def test_a_batch_counts_each_of_its_drafts(account: Account, other: Account) -> None:
    key = uuid7()
    drafts = [
        Draft(from_account=account, to_account=other, amount=1),
        Draft(from_account=account, amount=1000),
        Draft(to_account=account, amount=5, id=key),
        Draft(to_account=account, amount=5, id=key),
        Draft(amount=1),
    ]
    with growth() as grown:
        services.post_batch(drafts, atomic=False)
    assert grown[PAYMENTS] == {
        "transfer booked": 1, "withdrawal refused": 1, "deposit booked": 1,
        "deposit repeated": 1, "deposit refused": 1,
    }  # fmt: skip
    assert grown[REFUSALS] == {"InsufficientFunds booking": 1, "SameAccount booking": 1}


def test_a_batch_that_is_refused_as_a_whole_counts_once(account: Account) -> None:
    drafts = [Draft(to_account=account, amount=1), Draft(from_account=account, amount=1000)]
    with growth() as grown, pytest.raises(exceptions.InsufficientFunds):
        services.post_batch(drafts)
    assert grown[PAYMENTS] == {"batch refused": 1}
    assert grown[REFUSALS] == {"InsufficientFunds booking": 1}


def test_a_payment_whose_lost_answer_was_found_counts_once_as_booked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = [Draft(from_account=account, amount=1) for _ in range(3)]
    lost = lose_next_answer(monkeypatch)
    with growth() as grown:
        services.post_batch(drafts)
    assert lost
    assert grown[PAYMENTS] == {"withdrawal booked": 3}
    assert grown["ledger_db_retries_total"] == {"unknown": 1}
    assert grown["ledger_db_unknown_outcomes_total"] == {}
    assert Counter(Transaction.objects.values_list("type", flat=True))["withdrawal"] == 3


def test_an_outcome_that_stays_unknown_counts_as_unknown(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost_for_good(*_: Any) -> Any:
        raise OperationalError from psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr("ledger.db.retry.UNTIL_BACK", 0.0)
    monkeypatch.setattr("transactions.posting.single_statement.post", lost_for_good)
    with growth() as grown, pytest.raises(OutcomeUnknown):
        services.withdraw(from_account=account, amount=Decimal(1), id=uuid7())
    assert grown[PAYMENTS] == {"withdrawal unknown": 1}
    assert grown["ledger_db_unknown_outcomes_total"] == {"": 1}
    assert grown["ledger_db_given_up_total"] == {"unknown": 1}
    assert grown[REFUSALS] == {}


def test_a_failure_that_is_no_refusal_counts_as_failed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("transactions.posting.single_statement.post", broken)
    with growth() as grown, pytest.raises(ZeroDivisionError):
        services.withdraw(from_account=account, amount=Decimal(1))
    assert grown[PAYMENTS] == {"withdrawal failed": 1}


def test_a_payment_that_ran_again_after_a_lost_race_counts_once(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, losses = single_statement.post, [1, 2]

    def lose_twice(*arguments: Any) -> Any:
        if losses:
            losses.pop()
            raise OperationalError from psycopg.errors.DeadlockDetected()
        return post(*arguments)

    monkeypatch.setattr("transactions.posting.single_statement.post", lose_twice)
    with growth() as grown:
        services.withdraw(from_account=account, amount=Decimal(1))
    assert grown[PAYMENTS] == {"withdrawal booked": 1}
    assert grown["ledger_db_retries_total"] == {"lost_race": 2}
    assert connection.in_atomic_block is False
