"""Each way to move money passes on what it is given, and counts what it refuses."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.transactions.posting.shared import counted, more
from transactions import services
from transactions.exceptions import (
    AccountNotFound,
    AlreadyReversed,
    HoldNotPending,
    InvalidAmount,
    LedgerError,
)
from transactions.models import Transaction
from transactions.models.transaction import DESCRIPTION_LIMIT

pytestmark = pytest.mark.django_db
TEN = Decimal(10)


@pytest.fixture
def mine() -> Account:
    return AccountFactory(overdraft_limit=Decimal(100))


@pytest.fixture
def theirs() -> Account:
    return AccountFactory()


def stored(row: Transaction, *names: str) -> tuple[Any, ...]:
    found = Transaction.objects.get(pk=row.pk)
    return tuple(getattr(found, name) for name in names)


@pytest.mark.parametrize("verb", ["transfer", "deposit", "withdraw", "hold"])
def test_a_row_has_the_sides_and_details_that_its_caller_gives(
    mine: Account, theirs: Account, verb: str
) -> None:
    details: dict[str, Any] = {
        "id": uuid7(), "description": "Rent", "reference": "R-1", "metadata": {"n": 1},
        "value_date": date(2026, 3, 14), "created_by": UserFactory(),
    }  # fmt: skip
    sides: dict[str, Any] = {"from_account": mine, "to_account": theirs}
    sides.pop({"deposit": "from_account", "withdraw": "to_account"}.get(verb, ""), None)
    if verb == "hold":
        details["expires_at"] = timezone.now() + timedelta(hours=1)
    row = getattr(services, verb)(amount=TEN, **sides, **details)
    assert stored(row, *details) == tuple(details.values())
    assert stored(row, "from_account", "to_account", "amount", "status") == (
        sides.get("from_account"), sides.get("to_account"), 10,
        "pending" if verb == "hold" else "completed",
    )  # fmt: skip


def test_none_stands_for_no_account(mine: Account) -> None:
    nobody: Any = None
    calls: dict[str, list[Callable[[], object]]] = {
        "transfer": [
            lambda: services.transfer(from_account=nobody, to_account=mine, amount=TEN),
            lambda: services.transfer(from_account=mine, to_account=nobody, amount=TEN),
        ],
        "deposit": [lambda: services.deposit(to_account=nobody, amount=TEN)],
        "withdrawal": [lambda: services.withdraw(from_account=nobody, amount=TEN)],
        "hold": [lambda: services.hold(from_account=nobody, to_account=mine, amount=TEN)],
    }
    for kind, refused in calls.items():
        before = counted(kind)
        for call in refused:
            with pytest.raises(AccountNotFound):
                call()
        assert more(before, kind) == (0, 0, len(refused)), kind
    assert not Transaction.objects.exists()


def test_what_is_not_there_is_neither_captured_nor_released_nor_refunded() -> None:
    nothing: list[Any] = [uuid7(), "x", AccountFactory()]
    calls: list[tuple[str, type[LedgerError], Callable[[Any], object]]] = [
        ("capture", HoldNotPending, lambda it: services.capture(hold=it)),
        ("release", HoldNotPending, lambda it: services.void(hold=it)),
        ("reversal", AlreadyReversed, lambda it: services.reverse(transaction=it)),
    ]
    for kind, refusal, call in calls:
        before = counted(kind)
        for thing in nothing:
            with pytest.raises(refusal):
                call(thing)
        assert more(before, kind) == (0, 0, 3), kind


def test_a_capture_takes_what_it_is_not_given_from_its_hold(mine: Account, theirs: Account) -> None:
    facts = ("description", "reference", "metadata")
    held = services.hold(
        from_account=mine, to_account=theirs, amount=TEN, description="Hotel", reference="R-1",
        metadata={"n": 1},
    )  # fmt: skip
    before = counted("capture")
    row = services.capture(hold=str(held.pk))  # type: ignore[arg-type]
    assert stored(row, "captures", "from_account", "to_account", "amount", "status") == (
        held, mine, theirs, 10, "completed",
    )  # fmt: skip
    assert stored(row, *facts) == ("Hotel", "R-1", {"n": 1})
    assert more(before, "capture") == (1, 0, 0)


def test_a_capture_may_be_a_part_with_its_own_details(mine: Account) -> None:
    facts = ("description", "reference", "metadata")
    other = services.hold(from_account=mine, amount=TEN, description="Hotel")
    part = services.capture(
        hold=other, amount=Decimal(4), description="Night", reference="R-2", metadata={"n": 2}
    )
    assert stored(part, "captures", "to_account", "amount", *facts) == (
        other, None, 4, "Night", "R-2", {"n": 2},
    )  # fmt: skip
    third = services.hold(from_account=mine, amount=TEN)
    for amount in (Decimal(0), Decimal("10.01")):
        with pytest.raises(InvalidAmount):
            services.capture(hold=third, amount=amount)


def test_a_refund_turns_the_sides_around_and_names_what_it_refunds(
    mine: Account, theirs: Account
) -> None:
    facts: dict[str, Any] = {"from_account": mine, "to_account": theirs, "amount": TEN}
    paid = services.transfer(**facts, description="Rent")
    before = counted("reversal")
    part = services.reverse(transaction=paid, amount=Decimal(4))
    names = ("reverses", "from_account", "to_account", "amount", "description")
    assert stored(part, *names) == (paid, theirs, mine, 4, "Refund: Rent")
    with pytest.raises(AlreadyReversed):
        services.reverse(transaction=paid)
    rest = services.reverse(transaction=paid.pk, amount=Decimal(6), description="Sorry")
    assert stored(rest, "amount", "description") == (6, "Sorry")
    assert more(before, "reversal") == (2, 0, 1)


def test_a_refund_is_by_default_the_whole_and_never_nothing(mine: Account, theirs: Account) -> None:
    facts: dict[str, Any] = {"from_account": mine, "to_account": theirs, "amount": TEN}
    plain = services.transfer(**facts)
    assert stored(services.reverse(transaction=plain), "amount", "description") == (10, "Refund")
    with pytest.raises(InvalidAmount):
        services.reverse(transaction=services.transfer(**facts), amount=Decimal(0))


def test_the_description_of_a_refund_is_cut_at_the_limit(mine: Account) -> None:
    long = services.deposit(to_account=mine, amount=TEN, description="x" * DESCRIPTION_LIMIT)
    (words,) = stored(services.reverse(transaction=long), "description")
    assert words == f"Refund: {'x' * DESCRIPTION_LIMIT}"[:DESCRIPTION_LIMIT]


def test_only_an_account_of_the_payer_pays(mine: Account, theirs: Account) -> None:
    def paid(payer: Account, **sides: Any) -> services.Booked:
        draft = services.Draft(amount=TEN, **sides)
        return services.book_once(draft, write_also=lambda _row: None, payer=payer.user_id)

    sides = {"from_account": mine, "to_account": theirs}
    others: list[dict[str, Any]] = [{"to_account": mine}, {**sides, "from_account": uuid7()}]
    with pytest.raises(AccountNotFound):
        paid(theirs, **sides)
    for wrong in others:
        with pytest.raises(AccountNotFound):
            paid(mine, **wrong)
    assert not Transaction.objects.exists()
    booked = paid(mine, **sides)
    assert (booked.row.from_account_id, booked.is_repeated) == (mine.pk, False)
