"""The keys of metadata in use, against rows made by hand."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from tests.factories import AccountFactory
from tests.transactions.reports.movements import bank, book, funded, picked
from transactions import services
from transactions.reports import metadata_keys
from transactions.reports.queries import keys
from transactions.scope import Scope, scope_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory()
    return account


def figures(scope: Scope | Account) -> list[tuple[Any, ...]]:
    scope = scope_for(scope.user) if isinstance(scope, Account) else scope
    return picked(metadata_keys(scope), "key", "row_count", "distinct_values", "types", "example")


def say(account: Account, *several: dict[str, Any]) -> None:
    for day, metadata in enumerate(several, start=1):
        book(f"2025-01-{day:02}", "1", into=account, metadata=metadata)


def test_keys_with_how_many_rows_have_them_and_what_they_say(account: Account) -> None:
    say(
        account,
        {"channel": "card", "merchant": {"city": "Porto", "mcc": 5411}},
        {"channel": "card", "merchant": {"city": "Kyōto"}},
        {"channel": "cash", "merchant": {"city": "Porto", "mcc": "5411"}},
        {},
    )
    assert figures(account) == [
        ("channel", 3, 2, "string", '"card"'),
        ("merchant.city", 3, 2, "string", '"Porto"'),
        ("merchant.mcc", 2, 2, "number, string", '"5411"'),
    ]


def test_objects_are_opened_however_deep_and_lists_are_not(account: Account) -> None:
    say(account, {"a": {"b": {"c": {"d": 1}}}, "list": [{"x": 1}], "none": None, "empty": {}})
    assert figures(account) == [
        ("a.b.c.d", 1, 1, "number", "1"),
        ("empty", 1, 1, "object", "{}"),
        ("list", 1, 1, "array", '[{"x": 1}]'),
        ("none", 1, 1, "null", "null"),
    ]


def test_a_key_with_a_point_is_not_taken_for_a_way(account: Account) -> None:
    say(account, {"a.b": 1}, {"a": {"b": 2}})
    assert [row["path"] for row in metadata_keys(scope_for(account.user))] == [["a", "b"], ["a.b"]]


def test_only_the_newest_rows_are_looked_through(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "NEWEST", 2)
    say(account, {"old": 1}, {"new": 1}, {"new": 2})
    assert [row[:2] for row in figures(account)] == [("new", 2)]


def test_only_so_many_values_are_looked_through(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_VALUES", 3)
    say(account, {"old": 1}, {str(number): {"in": 1} for number in range(3)}, {"new": 1})
    assert [row[:2] for row in figures(account)] == [("new", 1)]


def test_strangers_rows_are_never_in_and_those_of_holds_are(account: Account) -> None:
    say(account, {"mine": 1})
    say(funded(), {"theirs": 1})
    services.hold(from_account=account, amount=Decimal(1), metadata={"held": True})
    assert [row[0] for row in figures(account)] == ["held", "mine"]
    assert [row[0] for row in figures(bank())] == ["held", "mine", "theirs"]


def test_a_transfer_to_oneself_is_one_row(account: Account) -> None:
    say(account, {})
    book("2025-02-01", "1", out_of=account, into=AccountFactory(user=account.user), category="own")
    assert figures(account) == [("category", 1, 1, "string", '"own"')]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert figures(account) == []
