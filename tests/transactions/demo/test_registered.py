"""What features register is added to the demo: in order, once, and with what they need."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.env import BASE_DIR
from tests.transactions.demo.bank import NOON
from transactions.demo import registered, seeding
from transactions.demo.registered import DemoBank, RegisteredStep, register
from transactions.demo.sign_ins import SIGN_INS
from transactions.models import Transaction

OPTIONS: dict[str, Any] = {"users": 14, "months": 1, "seed": 7, "now": NOON}


@pytest.fixture(autouse=True)
def of_features() -> Iterator[list[RegisteredStep]]:
    """The steps that features registered, which the tests here leave out."""
    registered.discover()
    before = list(registered.STEPS)
    registered.STEPS.clear()
    yield before
    registered.STEPS[:] = before


def test_each_module_demo_data_registers_a_step(of_features: list[RegisteredStep]) -> None:
    """Without its line in INSTALLED_APPS, nobody would find it."""
    files = BASE_DIR.glob("*/*/demo_data.py")
    there = {".".join(file.relative_to(BASE_DIR).with_suffix("").parts) for file in files}
    assert {step.run.__module__ for step in of_features} == there


def test_steps_are_taken_before_the_first_payment_or_after_all_in_their_order(db: None) -> None:
    taken: list[tuple[str, bool]] = []

    def step(name: str) -> Any:
        return lambda _bank: taken.append((name, Transaction.objects.exists()))

    register(order=20)(step("last"))
    register(order=10)(step("third"))
    register(order=9, before_booking=True)(step("second"))
    register(order=1, before_booking=True)(step("first"))

    seeding.seed(**OPTIONS)

    assert taken == [("first", False), ("second", False), ("third", True), ("last", True)]


def test_a_step_gets_those_who_can_sign_in_and_the_end_of_the_demo(db: None) -> None:
    banks: list[DemoBank] = []
    register(order=1)(banks.append)

    seeding.seed(**OPTIONS)

    (bank,) = banks
    assert {who: user.email for who, user in bank.people.items()} == SIGN_INS
    assert bank.now == NOON


def test_a_demo_that_a_step_interrupts_is_made_complete_by_the_same_call(db: None) -> None:
    calls: list[DemoBank] = []

    @register(order=1)
    def fail_once(bank: DemoBank) -> None:
        calls.append(bank)
        if len(calls) == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        seeding.seed(**OPTIONS)
    assert seeding.is_interrupted()
    seeding.seed(**OPTIONS)
    assert not seeding.is_interrupted()
    seeding.seed(**OPTIONS)
    assert len(calls) == 2
