"""A metadata value matches the same rows in one's own money and in the whole bank."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from tests.transactions.search.shared import booked, pay
from transactions.scope import Scope, scope_for
from transactions.search.engine import find

pytestmark = pytest.mark.django_db
VALUES: list[Any] = [
    True, False, "true", "True", "TRUE it is", None, "null", 13.4, "13.4", "13.40", "13.400", "13",
    13, "13.0", 13.45, -13.4, "-13.40", "0042", 42, "42.0", 420, "1,234.50", "1 234.50", 1234.5,
    "v13.4",
    "Card", "card", "CARD", "card present", "postcard", ["card"], {"by": "card"}, {"card": 1},
    "straße", "Straße 7", "Açaí", 123456789012345.67, "[1]", "",
    "Кафе Пушкин", ["кафе"], "スターバックス 東京", "Lange Straße 3", "💶", "東京タワー",
    0, "0", "-0", "007", 7, 1e3,
]  # fmt: skip
ASKED = [
    "true", "TRUE", "false", "null", "13.4", "13.40", "13.400", "13", "13.0", "-13.4", "42", "0042",
    "1,234.50", "1234.5", "card", "CARD", "Card", '"card"', '"Card present"', "straße", "STRASSE",
    "açaí", "0", "7", "007", "1000", "123456789012345.67", "123456789012345.6701", '"13.4"',
    '"true"', "present", ">13", "-13..13",
    "кафе", "КАФЕ", "пушкин", '"Кафе Пушкин"', "東京", "スターバックス", "Straße", "💶", "каф",
]  # fmt: skip


@pytest.fixture
def rows(ana: User) -> dict[Any, str]:
    """Each value as a detail of a payment of its own, by the payment's id."""
    everyday = scope_for(ana).accounts[0]
    drafts = [pay(n, "1", f"Row {n}", to=everyday, metadata={"x": v}) for n, v in enumerate(VALUES)]
    return {row.pk: repr(row.metadata["x"]) for row in booked(*drafts)}


@pytest.mark.parametrize("minus", ["", "-"])
def test_a_value_matches_the_same_rows_in_ones_own_money_and_in_the_bank(
    ana: User, rows: dict[Any, str], minus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.search.engine.PAGE", len(VALUES))
    for asked in ASKED:
        text = f"{minus}meta.x:{asked}"
        mine, bank = (
            sorted(rows[row.pk] for row in find(scope, text).rows)
            for scope in (scope_for(ana), Scope(ana, is_bank=True))
        )
        assert mine == bank, text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("true", [True, "true", "True"]),
        ("13.4", [13.4, "13.4", "13.40", "13.400"]),
        ("13", ["13", 13, "13.0"]),
        ("0042", [42, "0042", "42.0"]),
        ("7", [7]),
        ("card", ["Card", "card", "CARD", "card present", ["card"], {"by": "card"}]),
        ('"card"', ["Card", "card", "CARD"]),
        ("null", ["null"]),
        ("кафе", ["Кафе Пушкин", ["кафе"]]),
        ("ПУШКИН", ["Кафе Пушкин"]),
        ("東京", ["スターバックス 東京"]),
        ("straße", ["straße", "Straße 7", "Lange Straße 3"]),
        ("каф", []),
        ("💶", ["💶"]),
    ],
)
def test_a_value_is_read_as(
    ana: User, rows: dict[Any, str], asked: str, found: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.search.engine.PAGE", len(VALUES))
    hits = find(scope_for(ana), f"meta.x:{asked}").rows
    assert sorted(rows[row.pk] for row in hits) == sorted(map(repr, found))


LONG = [
    Decimal("0.12345678901234567890123456789012345"),
    Decimal("123456789012345.12345678901234567890"),
    Decimal("1e31"), Decimal("1e-31"), Decimal("-1e3999"),
    "9" * 300, "9" * 300 + ".5", "0." + "5" * 16_000,
]  # fmt: skip
FOUND_BY = [
    ("meta.x:>0", 7), ("-meta.x:>0", 1), ("meta.x:<1", 4), ("meta.x:>1", 4), ("meta.x:<0", 1),
    (f"meta.x:{LONG[0]}", 1), (f"meta.x:={LONG[0]}", 1), (f"meta.x:{LONG[1]}", 1),
    (f"meta.x:{LONG[3]:f}", 1),
]  # fmt: skip


def test_numbers_of_any_length_are_in_ranges_and_equal_themselves(ana: User) -> None:
    everyday = scope_for(ana).accounts[0]
    drafts = [pay(n, "1", f"Row {n}", to=everyday, metadata={"x": v}) for n, v in enumerate(LONG)]
    ids = {row.pk for row in booked(*drafts)}
    for asked, count in FOUND_BY:
        for scope in (scope_for(ana), Scope(ana, is_bank=True)):
            found = [row for row in find(scope, asked).rows if row.pk in ids]
            assert len(found) == count, (asked, scope)


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("=13.4", "13.4..13.4"),
        ("=7", "7..7"),
        ("=-13.4", "-13.4..-13.4"),
        ("=1,234.50", "1234.5..1234.5"),
    ],
)
def test_an_equal_sign_matches_equal_numbers(
    ana: User, rows: dict[Any, str], asked: str, same: str
) -> None:
    for scope in (scope_for(ana), Scope(ana, is_bank=True)):
        found, expected = (
            {row.pk for row in find(scope, f"meta.x:{text}").rows if row.pk in rows}
            for text in (asked, same)
        )
        assert found == expected
        assert found
