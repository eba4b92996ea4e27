"""Every verb at random against a plain Python model of a bank: they agree after each step.

Deterministic, so that it never fails by chance alone; `--hypothesis-seed=random` with
HYPOTHESIS_RANDOM=1 looks further. A failure prints the steps that lead to it.
"""

import os
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from transactions import services
from transactions.audit import audit
from transactions.exceptions import (
    AlreadyReversed,
    HoldNotPending,
    InsufficientFunds,
    InvalidAmount,
    LedgerError,
    SameAccount,
)
from transactions.models import Transaction

OVERDRAFTS = (Decimal(0), Decimal(50), Decimal(0), Decimal(5))
WHICH = st.integers(0, len(OVERDRAFTS) - 1)
AMOUNT = st.integers(1, 20_000).map(lambda cents: Decimal(cents) / 100)
PICK = st.integers(0, 10**6)


@dataclass
class Purse:
    """What the model knows of an account."""

    overdraft: Decimal
    balance: Decimal = Decimal(0)
    held: Decimal = Decimal(0)

    def can_spend(self, amount: Decimal) -> bool:
        return amount <= self.balance + self.overdraft - self.held


@dataclass
class Paid:
    """What the model knows of a row: a payment, or a hold with its end."""

    row: Transaction
    sender: int | None
    recipient: int | None
    amount: Decimal
    reversed: Decimal = Decimal(0)
    is_reversal: bool = False
    ended: bool = False


class Bank(RuleBasedStateMachine):
    """The services on the left, the model on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts = [AccountFactory(overdraft_limit=limit) for limit in OVERDRAFTS]
        self.purses = [Purse(limit) for limit in OVERDRAFTS]
        self.paid: list[Paid] = []
        self.holds: list[Paid] = []
        self.calls: list[tuple[Any, dict[str, Any], Transaction]] = []

    def call(self, service: Any, refusal: type[LedgerError] | None, **kwargs: Any) -> Any:
        """Calls a service under an id; it must refuse exactly as the model says."""
        kwargs["id"] = uuid7()
        if refusal is not None:
            with pytest.raises(refusal):
                service(**kwargs)
            return None
        row = service(**kwargs)
        self.calls.append((service, kwargs, row))
        return row

    def move(self, paid: Paid) -> None:
        if paid.sender is not None:
            self.purses[paid.sender].balance -= paid.amount
        if paid.recipient is not None:
            self.purses[paid.recipient].balance += paid.amount
        self.paid.append(paid)

    def too_poor(self, sender: int | None, amount: Decimal) -> type[LedgerError] | None:
        poor = sender is not None and not self.purses[sender].can_spend(amount)
        return InsufficientFunds if poor else None

    @rule(to=WHICH, amount=AMOUNT)
    def deposit(self, to: int, amount: Decimal) -> None:
        row = self.call(services.deposit, None, to_account=self.accounts[to], amount=amount)
        self.move(Paid(row, None, to, amount))

    @rule(sender=WHICH, amount=AMOUNT)
    def withdraw(self, sender: int, amount: Decimal) -> None:
        refusal = self.too_poor(sender, amount)
        account = self.accounts[sender]
        row = self.call(services.withdraw, refusal, from_account=account, amount=amount)
        if row:
            self.move(Paid(row, sender, None, amount))

    @rule(sender=WHICH, to=WHICH, amount=AMOUNT)
    def transfer(self, sender: int, to: int, amount: Decimal) -> None:
        refusal = SameAccount if sender == to else self.too_poor(sender, amount)
        sides = {"from_account": self.accounts[sender], "to_account": self.accounts[to]}
        row = self.call(services.transfer, refusal, amount=amount, **sides)
        if row:
            self.move(Paid(row, sender, to, amount))

    @rule(sender=WHICH, to=st.none() | WHICH, amount=AMOUNT)
    def hold(self, sender: int, to: int | None, amount: Decimal) -> None:
        refusal = SameAccount if sender == to else self.too_poor(sender, amount)
        recipient = None if to is None else self.accounts[to]
        sides = {"from_account": self.accounts[sender], "to_account": recipient}
        row = self.call(services.hold, refusal, amount=amount, **sides)
        if row:
            self.purses[sender].held += amount
            self.holds.append(Paid(row, sender, to, amount))

    @rule(pick=PICK, amount=st.none() | AMOUNT)
    def capture(self, pick: int, amount: Decimal | None) -> None:
        if not self.holds:
            return
        hold = self.holds[pick % len(self.holds)]
        taken = hold.amount if amount is None else amount
        refusal: type[LedgerError] | None = InvalidAmount if taken > hold.amount else None
        if hold.ended:
            refusal = HoldNotPending
        row = self.call(services.capture, refusal, hold=hold.row, amount=amount)
        if row:
            hold.ended = True
            self.purses[hold.sender or 0].held -= hold.amount
            self.move(Paid(row, hold.sender, hold.recipient, taken))

    @rule(pick=PICK)
    def void(self, pick: int) -> None:
        if not self.holds:
            return
        hold = self.holds[pick % len(self.holds)]
        hold.row.refresh_from_db()
        if hold.row.status == "captured":
            with pytest.raises(HoldNotPending):
                services.void(hold=hold.row)
            return
        assert services.void(hold=hold.row).status == "voided"
        if not hold.ended:
            self.purses[hold.sender or 0].held -= hold.amount
        hold.ended = True

    @rule(pick=PICK, amount=st.none() | AMOUNT)
    def reverse(self, pick: int, amount: Decimal | None) -> None:
        if not self.paid:
            return
        original = self.paid[pick % len(self.paid)]
        back = original.amount if amount is None else amount
        refusal: type[LedgerError] | None = None
        if original.is_reversal or original.reversed + back > original.amount:
            refusal = AlreadyReversed
        refusal = refusal or self.too_poor(original.recipient, back)
        row = self.call(services.reverse, refusal, transaction=original.row, amount=amount)
        if row:
            original.reversed += back
            self.move(Paid(row, original.recipient, original.sender, back, is_reversal=True))

    @rule(pick=PICK)
    def send_again(self, pick: int) -> None:
        """Whatever was booked before, sent again under its id, moves nothing."""
        if self.calls:
            service, kwargs, row = self.calls[pick % len(self.calls)]
            assert service(**kwargs) == row

    @invariant()
    def balances_and_holds_agree(self) -> None:
        stored = Account.objects.in_bulk([account.pk for account in self.accounts])
        for account, purse in zip(self.accounts, self.purses, strict=True):
            found = stored[account.pk]
            assert (found.balance, found.held) == (purse.balance, purse.held)

    def teardown(self) -> None:
        assert audit().clean


@pytest.mark.django_db
def test_the_services_agree_with_a_plain_model_of_a_bank() -> None:
    run_state_machine_as_test(
        Bank,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            derandomize=not os.environ.get("HYPOTHESIS_RANDOM"),
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
