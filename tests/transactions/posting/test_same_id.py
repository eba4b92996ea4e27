"""An id is booked once: the same content again is answered, another is a conflict."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from accounts.services import freeze_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, balances
from transactions import services
from transactions.exceptions import IdempotencyConflict
from transactions.models import Transaction
from transactions.posting.validation import comparable
from transactions.services import Draft

pytestmark = pytest.mark.django_db


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
        {"x": json.loads("[" * 49 + "]" * 49)},
        {"x": Decimal("1.5")},
        {"t": ("a", "b")},
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
