"""Words are looked up as names through an index; email addresses do not match for customers."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, User
from ledger.db.queries.work import watched
from tests.factories import AccountFactory
from tests.many_people import crowd
from tests.plans import nodes_of_sql
from transactions import services
from transactions.scope import Scope, scope_for
from transactions.search.engine import find
from transactions.search.language.parser import parse
from transactions.search.sql.name_lookup import accounts_named, find_names


@pytest.fixture
def grace(db: Any) -> Account:
    account: Account = AccountFactory(
        user__name="Grace Hopper", user__email="grace@navy.example", name="Nest egg"
    )
    return account


def test_names_are_looked_up_through_the_indexes(ana: User, grace: Account) -> None:
    crowd(20_000)
    asked = {
        "grace": {"users_search"},
        '"grace hopper"': {"users_search"},
        "to:hop": {"users_search"},
        "account:nest": {"accounts_search"},
    }
    for text, indexes in asked.items():
        scope = Scope(ana, is_bank=True)
        with watched() as work:
            (named,) = find_names(scope, parse(text)).values()
        assert named.others == [grace.pk], text
        (query,) = work.queries
        nodes = nodes_of_sql(query.statement, query.params)
        assert indexes <= {node.get("Index Name") for node in nodes}, text
        read = [node for node in nodes if node["Node Type"] == "Seq Scan"]
        assert "users" not in {node["Relation Name"] for node in read}, text


def test_addresses_of_others_find_nothing(ana: User, grace: Account) -> None:
    account = scope_for(ana).accounts[0]
    services.deposit(to_account=account, amount=Decimal(10))
    services.transfer(from_account=account, to_account=grace, amount=Decimal(1))
    for scope in (scope_for(ana), Scope(ana, is_bank=True, shows_names=False)):
        assert len(find(scope, "to:grace").rows) == (0 if scope.is_bank else 1)
        for text in (
            "grace@navy.example",
            "to:grace@navy.example",
            '"grace@navy.example"',
            "to:grace@navy.exam",
        ):
            assert find(scope, text).rows == [], text


def test_readers_who_may_see_people_find_them_by_address(ana: User, grace: Account) -> None:
    row = services.deposit(to_account=grace, amount=Decimal(10), description="Tea")
    services.deposit(to_account=scope_for(ana).accounts[0], amount=Decimal(10), description="Tea")
    for text in ("grace@navy.example", "to:grace@navy tea", "GRACE@NAVY.EXAMPLE tea"):
        assert [found.pk for found in find(Scope(ana, is_bank=True), text).rows] == [row.pk]


@pytest.mark.parametrize("typed", ["strasse", "smorrebrod", "Lodz", "aeble", "hizli", "cafe"])
def test_own_accounts_are_named_without_their_accents(typed: str, ana: User) -> None:
    names = ("Straße", "Smørrebrød", "Łódź", "Æble", "Ev h\u0131zl\u0131", "Cafe\u0301")
    accounts = [AccountFactory(user=ana, name=name) for name in names]
    (item,) = parse(f"account:{typed}").items
    assert len(accounts_named(item, accounts)) == 1
