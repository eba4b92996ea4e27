"""Searches that the figures of reports link to: refunds of a category, payers by the month they
joined, people and accounts by id."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.transactions.reports.books import analyst, bank, clerk, moment, pay
from transactions.categories.services import give_category
from transactions.models import Entry, Transaction
from transactions.scope import Scope, scope_for
from transactions.search.engine import entries_with, find, mistakes_in

pytestmark = pytest.mark.django_db


def joined(name: str, when: str) -> Account:
    """The account, with money in it, of somebody who joined then."""
    user = UserFactory(name=name, created_at=moment(when))
    account: Account = AccountFactory(user=user, overdraft_limit=Decimal(1000))
    return account


@pytest.fixture
def ana() -> Account:
    return joined("Ana", "2026-01-31T23:59")


@pytest.fixture
def zoltan() -> Account:
    return joined("Zoltan", "2026-02-01T00:00")


def found(scope: Scope, text: str) -> list[Transaction]:
    answer = find(scope, text, sort="oldest")
    assert answer.mistakes == []
    return answer.rows


def test_refunds_have_the_category_of_the_refunded_payment(ana: Account, zoltan: Account) -> None:
    food = pay(ana, None, 10, "2026-03-01", metadata={"category": "Food"})
    other = pay(ana, zoltan, 20, "2026-03-02", metadata={"category": "travel"})
    nameless = pay(ana, None, 30, "2026-03-03", metadata={"category": ""})
    of_food = pay(None, ana, 1, "2026-03-04", reverses=food)
    by_itself = pay(zoltan, ana, 2, "2026-03-05", reverses=other, metadata={"category": "FOOD"})
    of_none = pay(None, ana, 3, "2026-03-06", reverses=nameless)
    theirs = pay(zoltan, None, 5, "2026-03-07", metadata={"category": "food"})
    of_theirs = pay(None, zoltan, 4, "2026-03-08", reverses=theirs)
    for scope, rest in ((scope_for(ana.user), []), (bank(analyst()), [of_theirs])):
        assert found(scope, "refunds:food") == [of_food, by_itself, *rest]
        assert found(scope, "refunds:travel") == []
        assert found(scope, "refunds:none") == [of_none]
        assert found(scope, 'refunds:"none"') == []
        assert found(scope, "is:refund -refunds:FOOD") == [of_none]
    mine = entries_with(Entry.objects.for_account(ana), "refunds:food", ana)
    assert {entry.transaction_id for entry in mine} == {of_food.pk, by_itself.pk}


def test_ones_own_categories_count_before_those_of_the_rows(ana: Account, zoltan: Account) -> None:
    """Of the refund first, then of the refunded payment; nobody else sees them."""

    def own(category: str, payment: Transaction) -> None:
        rows = Transaction.objects.filter(pk=payment.pk)
        assert give_category(owner=ana.user, rows=rows, category=category, change=uuid7()) == 1

    lunch = pay(ana, None, 10, "2026-03-01", metadata={"category": "food"})
    trip = pay(ana, zoltan, 20, "2026-03-02", metadata={"category": "travel"})
    nameless = pay(ana, None, 30, "2026-03-03")
    of_lunch = pay(None, ana, 1, "2026-03-04", reverses=lunch)
    of_trip = pay(zoltan, ana, 2, "2026-03-05", reverses=trip, metadata={"category": "travel"})
    of_none = pay(None, ana, 3, "2026-03-06", reverses=nameless)
    for category, payment in (("dates", lunch), ("holiday", of_trip), ("odds", of_none)):
        own(category, payment)
    mine = scope_for(ana.user)
    assert found(mine, "refunds:dates") == [of_lunch]
    assert found(mine, "refunds:holiday") == [of_trip]
    assert found(mine, "refunds:odds") == [of_none]
    assert found(mine, "is:refund -refunds:dates") == [of_trip, of_none]
    for category in ("food", "travel", "none"):
        assert found(mine, f"refunds:{category}") == []
    own("sundries", nameless)  # the refund keeps its own
    assert found(mine, "refunds:sundries") == []
    entries = entries_with(Entry.objects.for_account(ana), "refunds:dates", ana)
    assert [entry.transaction_id for entry in entries] == [of_lunch.pk]
    everything = bank(analyst())
    assert found(everything, "refunds:food") == [of_lunch]
    assert found(everything, "refunds:none") == [of_none]
    assert (
        found(everything, "refunds:dates") == found(scope_for(zoltan.user), "refunds:dates") == []
    )
    assert found(scope_for(zoltan.user), "refunds:travel") == [of_trip]


def test_in_the_bank_payments_are_found_by_when_the_payer_joined(
    ana: Account, zoltan: Account
) -> None:
    by_ana = pay(ana, zoltan, 10, "2026-03-01")
    by_zoltan = pay(zoltan, None, 20, "2026-03-02")
    pay(None, ana, 30, "2026-03-03")
    for reader in (clerk(), analyst()):
        assert found(bank(reader), "joined:2026-01") == [by_ana]
        assert found(bank(reader), "joined:>=2026-02 is:booked") == [by_zoltan]
        assert found(bank(reader), "joined:2026-01..2026-02") == [by_ana, by_zoltan]


@pytest.mark.parametrize("text", ["joined:2026-02", "-joined:2026-01", "joined:>2026-01"])
def test_customers_cannot_search_by_when_the_other_side_joined(
    client: Client, ana: Account, zoltan: Account, text: str
) -> None:
    pay(zoltan, ana, 10, "2026-03-01", description="lunch")
    answer = find(scope_for(ana.user), text)
    (mistake,) = answer.mistakes
    assert mistake.sentence.startswith("joined: ")
    assert mistake.is_applied
    assert mistakes_in(text, ana)
    client.force_login(ana.user)
    assert "joined:" not in text_of(client.get("/search/"))
    assert "joined:" not in text_of(client.get("/search/", {"q": "joi"}))


@pytest.mark.parametrize("month", ["2026-01", "2026-02"])
def test_joined_matches_nothing_in_ones_own_money(
    ana: Account, zoltan: Account, month: str
) -> None:
    row = pay(zoltan, ana, 10, "2026-03-01")
    assert find(scope_for(ana.user), f"joined:{month}").rows == []
    assert find(scope_for(ana.user), f"-joined:{month}").rows == [row]


def test_in_the_bank_an_id_means_a_person_or_an_account(ana: Account, zoltan: Account) -> None:
    second: Account = AccountFactory(user=ana.user)
    own = pay(ana, second, 5, "2026-03-01")
    paid = pay(ana, zoltan, 10, "2026-03-02")
    got = pay(zoltan, second, 20, "2026-03-03")
    who: Any = ana.user_id
    for reader in (clerk(), analyst()):
        scope = bank(reader)
        assert found(scope, f"with:{who}") == [own, paid, got]
        assert found(scope, f"from:{who} -to:{who}") == [paid]
        assert found(scope, f"to:{who} -from:{who}") == [got]
        assert found(scope, f"account:{second.pk}") == [own, got]


def test_an_id_means_nothing_to_a_customer(ana: Account, zoltan: Account) -> None:
    pay(ana, zoltan, 10, "2026-03-02")
    assert find(scope_for(ana.user), f"to:{zoltan.user_id}").rows == []
    assert find(scope_for(ana.user), f"account:{zoltan.pk}").rows == []
    assert User.objects.filter(pk=zoltan.user_id).exists()
