"""Texts and metadata that the parser of the search would read for seconds are not booked: it runs
while the accounts of both sides are locked.
"""

from decimal import Decimal

import pytest

from accounts.models import Account
from tests.factories import AccountFactory
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.posting.validation import JOINING, MAX_AT, MAX_COMMENTS, MAX_JOINING

URL = "https://example.com/" + "orders/2026-11-27/a_b-c.d/" * 9 + "?a=1&b=2#c"
HARMLESS = ("Rent, November", URL, "eyJ" + "aB3_x-9Zk" * 45, "https://a.example/b " * 800,
            "ana@example.com," * 40, "ana@example.com\n" * 40)  # fmt: skip


@pytest.fixture
def account(db: None) -> Account:
    found: Account = AccountFactory()
    return found


@pytest.mark.parametrize("sign", JOINING)
def test_a_word_of_many_parts_is_refused(sign: str, account: Account) -> None:
    word = f"a{sign}" * (MAX_JOINING + 1)
    for details in ({"description": word}, {"metadata": {"note": [word]}}, {"metadata": {word: 1}}):
        with pytest.raises(InvalidDetails):
            services.deposit(to_account=account, amount=Decimal(1), **details)


@pytest.mark.parametrize("text", ["@a1a" * (MAX_AT + 1), "a " * 9 + "a@" * (MAX_AT + 1)])
def test_a_word_like_many_addresses_is_refused(text: str, account: Account) -> None:
    with pytest.raises(InvalidDetails):
        services.deposit(to_account=account, amount=Decimal(1), metadata={"note": text})


def test_many_beginnings_of_comments_are_refused(account: Account) -> None:
    with pytest.raises(InvalidDetails):
        services.deposit(
            to_account=account, amount=Decimal(1), metadata={"note": "<!-- " * (MAX_COMMENTS + 99)}
        )


@pytest.mark.parametrize(
    "text", HARMLESS, ids=["sentence", "URL", "token", "URLs", "addresses", "lines"]
)
def test_addresses_tokens_and_long_texts_are_booked(text: str, account: Account) -> None:
    assert services.deposit(to_account=account, amount=Decimal(1), metadata={"note": text})
