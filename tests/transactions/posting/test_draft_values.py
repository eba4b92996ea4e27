"""What a draft may say: amounts that are money, and details that the books can keep."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.factories import AccountFactory, balances
from transactions import services
from transactions.exceptions import InvalidAmount, InvalidDetails
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


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
    with pytest.raises(InvalidAmount, match=f"{currency} has .* decimals"):
        services.deposit(to_account=account, amount=Decimal(too_fine))


def test_trailing_zeros_are_no_decimals_of_their_own() -> None:
    row = services.deposit(to_account=AccountFactory(currency="JPY"), amount=Decimal("10.000"))
    assert row.amount == 10


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
        {"metadata": {"a": json.loads("[" * 50 + "]" * 50)}},
        {"metadata": {"a": object()}},
        {"metadata": {"a": "x" * 17_000}},
        {"metadata": {"a": "\ud800"}},
        {"metadata": {"a": "\x00"}},
        {"id": "not a uuid"},
        {"description": 7},
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


def test_metadata_has_a_hundred_names_in_all_levels() -> None:
    account = AccountFactory()
    names = {f"n{number}": number for number in range(49)}
    fits = {**names, "inner": [{**names, "last": 1}]}
    assert services.deposit(to_account=account, amount=Decimal(1), metadata=fits).metadata == fits
    with pytest.raises(InvalidDetails):
        services.deposit(to_account=account, amount=Decimal(1), metadata={**fits, "more": 1})


def test_metadata_may_have_fifty_levels() -> None:
    deep = {"a": json.loads("[" * 49 + "]" * 49)}
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(1), metadata=deep)
    row.refresh_from_db()
    assert row.metadata == deep
