"""Texts and metadata become words in linear time, because Postgres does this while the accounts of
both sides are locked.
"""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import Account
from tests.factories import AccountFactory
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.posting.validation import MAX_MARKS

SIGNS = "-_./@:~&<%+=?#!$,;^|'\\"
PARTS = [sign + part for sign in SIGNS for part in ("", "a", "1", "a1a")]
PARTS += ["<!-- ", "&amp;", "http://", "1e", "\u00e9_", "\u0663_", "a\u0301", "\U0001f600"]
URL = "https://example.com/" + "orders/2026-11-27/a_b-c.d/" * 9 + "?a=1&b=2#c"
LENGTH = 16_000  # characters; the parser takes 2 s for 16 KB of "a_" without search_text
MILLISECONDS = 250


@pytest.fixture
def account(db: None) -> Account:
    found: Account = AccountFactory()
    return found


def milliseconds(text: str) -> float:
    """The time in which Postgres makes words of a text, by its own clock; the best of three."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM statement_timestamp()), length(search_words(%s::text)),"
            " extract(epoch FROM clock_timestamp())",
            [text],
        )
        begun, _, ended = cursor.fetchone()
    return float(ended - begun) * 1000


@pytest.mark.django_db
@pytest.mark.parametrize("part", PARTS)
def test_no_sign_makes_the_parser_read_a_text_again_and_again(part: str) -> None:
    text = (part * LENGTH)[:LENGTH]
    assert min(milliseconds(text) for _ in range(3)) < MILLISECONDS


def test_an_address_of_many_parts_is_booked(account: Account) -> None:
    note = URL + "a_" * 5000
    assert services.deposit(
        to_account=account, amount=Decimal(1), description=URL[:500], metadata={"note": note}
    )


def test_a_letter_with_more_accents_than_any_language_has_is_refused(account: Account) -> None:
    for marks, is_booked in ((MAX_MARKS, True), (MAX_MARKS + 1, False)):
        word = "x" + "\u0301" * marks
        changes: list[dict[str, Any]] = [{"description": word}, {"metadata": {"note": [word]}}]
        for details in changes:
            if is_booked:
                assert services.deposit(to_account=account, amount=Decimal(1), **details)
            else:
                with pytest.raises(InvalidDetails):
                    services.deposit(to_account=account, amount=Decimal(1), **details)


def test_accents_are_stored_composed(account: Account) -> None:
    row = services.deposit(
        to_account=account, amount=Decimal(1), description="Cafe\u0301", reference="a\u0308",
        metadata={"cafe\u0301": ["e\u0301"]},
    )  # fmt: skip
    row.refresh_from_db()
    assert (row.description, row.reference) == ("Caf\u00e9", "\u00e4")
    assert row.metadata == {"caf\u00e9": ["\u00e9"]}


@pytest.mark.parametrize("before", ["\n", "\t", "\r", "\b", "\f", "\x1f", '"', "\\", "\u2028"])
def test_an_accent_after_an_escape_of_json_is_booked(account: Account, before: str) -> None:
    metadata = {"note": f"a{before}\u0303", "list": [f"e\u0301{before}\u0301"]}
    row = services.deposit(to_account=account, amount=Decimal(1), metadata=metadata)
    row.refresh_from_db()
    assert row.metadata["note"] == f"a{before}\u0303"


def test_a_letter_that_composing_makes_longer_stays(account: Account) -> None:
    row = services.deposit(to_account=account, amount=Decimal(1), description="\u0958" * 500)
    row.refresh_from_db()
    assert row.description == "\u0958" * 500


def test_a_payment_is_repeated_with_either_form_of_an_accent(account: Account) -> None:
    key = uuid4()
    first = services.deposit(
        to_account=account, amount=Decimal(1), id=key, description="Cafe\u0301",
        metadata={"a": "e\u0301"},
    )  # fmt: skip
    again = services.deposit(
        to_account=account, amount=Decimal(1), id=key, description="Caf\u00e9",
        metadata={"a": "\u00e9"},
    )  # fmt: skip
    assert first == again


def test_two_names_that_differ_only_in_the_form_of_an_accent_are_refused(account: Account) -> None:
    with pytest.raises(InvalidDetails):
        services.deposit(
            to_account=account, amount=Decimal(1), metadata={"cafe\u0301": 1, "caf\u00e9": 2}
        )
