"""Who spent the most, against figures by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from tests.factories import AccountFactory, UserFactory
from tests.transactions.reports.movements import bank, book, funded, picked
from transactions import services
from transactions.reports import top_spenders
from transactions.reports.queries import spending
from transactions.scope import BANK, Scope, scope_for

pytestmark = pytest.mark.django_db
NOVEMBER: dict[str, Any] = {
    "currency": "USD",
    "since": date(2025, 11, 1),
    "until": date(2025, 11, 30),
}


@pytest.fixture
def analyst() -> User:
    analyst: User = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    return analyst


def person(name: str) -> Account:
    return funded(user=UserFactory(name=name))


def figures(scope: Scope | None = None, **changes: Any) -> list[tuple[Any, ...]]:
    rows = top_spenders(scope or bank(), **{**NOVEMBER, **changes})
    return picked(rows, "place", "person", "net", "payments", "largest")


def test_people_by_what_went_from_their_accounts_to_others() -> None:
    ada, ben, cyd = person("Ada"), person("Ben"), person("Cyd")
    second = funded(user=ada.user)
    book("2025-10-31T23:59", "900", out_of=ada)
    book("2025-11-01T00:00", "10", out_of=ada)
    book("2025-11-02", "20.50", out_of=second)
    book("2025-11-03", "500", out_of=ada, into=second)
    book("2025-11-04", "70", out_of=ben, into=ada)
    book("2025-11-05", "5", into=cyd)
    book("2025-12-01T00:00", "900", out_of=ben)
    assert figures() == [
        (1, "Ben", 70, 1, 70),
        (2, "Ada", Decimal("30.50"), 2, Decimal("20.50")),
    ]


def test_money_put_aside_is_not_spent() -> None:
    ada, ben = person("Ada"), person("Ben")
    fund = book("2025-11-02", "3750", out_of=ada, into=ben, category="Savings")
    book("2025-11-03", "50", out_of=ben, into=ada, reverses=fund)
    book("2025-11-04", "8", out_of=ada)
    assert figures() == [(1, "Ada", 8, 1, 8)]


def test_each_with_the_three_largest_payments() -> None:
    ada = person("Ada")
    paid = [book(f"2025-11-0{day}", str(day * 10), out_of=ada).pk for day in range(1, 6)]
    (row,) = top_spenders(bank(), **NOVEMBER)
    assert row["ids"] == [paid[4], paid[3], paid[2]]
    assert (row["spent"], row["average"]) == (150, 30)


def test_refunds_are_taken_off_and_holds_do_not_count() -> None:
    ada, ben = person("Ada"), person("Ben")
    paid = book("2025-11-02", "80", out_of=ada, into=ben)
    book("2025-11-03", "30", out_of=ben, into=ada, reverses=paid)
    whole = book("2025-11-04", "15", out_of=ben)
    book("2025-11-05", "15", into=ben, reverses=whole)
    services.hold(from_account=ben, amount=Decimal(40))
    assert figures() == [(1, "Ada", 50, 1, 80)]
    rows = top_spenders(bank(), **NOVEMBER)
    assert picked(rows, "spent", "given_back", "net", "holder") == [(80, 30, 50, ada.user_id)]


def test_whoever_spent_as_much_as_the_last_is_listed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "TOP", 2)
    for name, amount in [("Ada", "9"), ("Ben", "5"), ("Cyd", "5"), ("Dee", "4")]:
        book("2025-11-02", amount, out_of=person(name))
    assert [row[:3] for row in figures()] == [(1, "Ada", 9), (2, "Ben", 5), (2, "Cyd", 5)]


def test_without_the_right_to_names_people_go_by_digits_of_an_account(analyst: User) -> None:
    ada = person("Ada")
    AccountFactory(user=ada.user)
    book("2025-11-02", "9", out_of=ada)
    scope = scope_for(analyst, BANK)
    assert figures(scope) == [(1, f"Holder of ··{ada.number[-4:]}", 9, 1, 9)]


def test_the_account_that_stands_for_somebody_is_one_in_the_currency(analyst: User) -> None:
    """Their oldest is in yen: who reads of dollars finds no payment by its number."""
    yen = funded("JPY", user=UserFactory(name="Ada"))
    dollars = funded(user=yen.user)
    book("2025-11-02", "9", out_of=dollars)
    assert figures(scope_for(analyst, BANK))[0][1] == f"Holder of ··{dollars.number[-4:]}"


def test_currencies_stay_apart() -> None:
    ada = person("Ada")
    yen = funded("JPY", user=ada.user)
    book("2025-11-02", "9", out_of=ada)
    book("2025-11-03", "1200", out_of=yen)
    assert figures(currency="JPY") == [(1, "Ada", 1200, 1, 1200)]


def test_only_of_the_bank() -> None:
    with pytest.raises(ValueError, match="whole bank"):
        top_spenders(scope_for(person("Ada").user), **NOVEMBER)


def test_nothing_gives_no_rows() -> None:
    assert figures() == []
