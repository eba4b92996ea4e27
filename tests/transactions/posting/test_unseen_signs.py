"""The category and the metadata keys of a new payment have no signs that nobody sees: the recipient
reads them. A capture or a refund takes those of an older payment.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from tests.factories import AccountFactory, insert_row
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction

ODD = ("\u202eseirecorg", "gro\u200bceries", "a\u2067", "gro\u3164ceries", "e\u0301\u200cx", "\x7f")


@pytest.fixture
def account(db: None) -> Account:
    found: Account = AccountFactory(balance="100")
    return found


@pytest.mark.parametrize("text", ODD)
def test_odd_categories_and_keys_are_refused(text: str, account: Account) -> None:
    for odd in (
        {"category": text},
        {"category": ["a", text]},
        {text: 1},
        {"a": [{"b": {text: 1}}]},
    ):
        with pytest.raises(InvalidDetails):
            services.deposit(to_account=account, amount=Decimal(1), metadata=odd)


@pytest.mark.parametrize(
    "text",
    [
        "caf\u00e9",
        "\u0646\u06cc\u200c\u06a9\u06cc",
        "\U0001f468\u200d\U0001f9b0",
        "m\u00b2",
        'a"b\\',
    ],
)
def test_words_of_any_script_are_booked(text: str, account: Account) -> None:
    details: dict[str, Any] = {"category": text, text: "\u202ea value"}
    row = services.deposit(to_account=account, amount=Decimal(1), metadata=details)
    assert row.metadata == details


def test_a_refund_may_repeat_an_older_odd_category(account: Account) -> None:
    odd = {"category": ODD[0], ODD[1]: 1}
    insert_row(type="withdrawal", from_account_id=account.pk, metadata=json.dumps(odd))
    row = Transaction.objects.get(type="withdrawal")
    assert services.reverse(transaction=row, metadata=odd).metadata == odd
