"""The admin's one search reads what it shows, in a bank of many: asserted on the plan."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from ledger.db.queries.work import watched
from tests.factories import AccountFactory
from tests.many_people import crowd
from tests.plans import nodes_of_sql
from tests.transactions.search.shared import scans_of
from tests.transactions.statements.shared import fill
from transactions.scope import Scope
from transactions.staff.find import search, transactions
from transactions.staff.find.search import RANKED, SHOWN, StaffQuery

pytestmark = pytest.mark.django_db
ROWS, OWN = 30_000, 200


@pytest.fixture
def scope(db: Any) -> Scope:
    """Everybody's rows: "row" stands in each, a number in few, OWN of them are Grace's."""
    busy, other, third = (AccountFactory(overdraft_limit=Decimal(10)) for _ in range(3))
    grace: Account = AccountFactory(overdraft_limit=Decimal(10), user__name="Grace Hopper")
    fill(busy, other, ROWS)
    fill(grace, third, OWN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('transactions_search')")
        cursor.execute("ANALYZE")
    return Scope(grace.user, is_bank=True)


def scans_for(scope: Scope, typed: str) -> list[dict[str, Any]]:
    """What was read of transactions to find them."""
    asked = StaffQuery(typed)
    named = search.accounts(asked)[1]
    with watched() as work:
        transactions.transactions(asked, scope, named)
    (query,) = [query for query in work.queries if '"transactions"' in query.statement]
    return scans_of(query)


@pytest.mark.parametrize(
    "typed",
    ['"row 29777"', "grace", "grace 77", '"29777" or "29778"', '"29777" -salary', "to:grace row"],
)
def test_words_and_names_of_few_rows_meet_the_index(scope: Scope, typed: str) -> None:
    scans = scans_for(scope, typed)
    assert "transactions_search" in {scan.get("Index Name") for scan in scans}
    assert "Seq Scan" not in {scan["Node Type"] for scan in scans}
    read = [scan for scan in scans if scan.get("Relation Name") == "transactions"]
    assert max(scan["Actual Rows"] * scan["Actual Loops"] for scan in read) <= OWN


def test_of_a_word_of_every_row_no_more_are_read_than_are_ranked(scope: Scope) -> None:
    for scan in scans_for(scope, '"row"'):
        assert scan["Node Type"] != "Seq Scan"
        assert scan["Actual Rows"] * scan["Actual Loops"] <= RANKED + 1


def test_an_amount_alone_reads_the_newest_rows(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "NEWEST", 500)
    for typed in ("1.00", "7.13", "-7.13"):
        for scan in scans_for(scope, typed):
            assert scan["Node Type"] != "Seq Scan", typed
            assert scan["Actual Rows"] * scan["Actual Loops"] <= max(500, RANKED), typed
    assert len(transactions.transactions(StaffQuery("1.00"), scope)[0].ranked) <= SHOWN


def test_names_are_found_through_their_indexes(db: Any, django_assert_num_queries: Any) -> None:
    AccountFactory(user__name="Grace Hopper")
    crowd(20_000)
    for typed in ("grace", "hopper", "gra hop"):
        asked = StaffQuery(typed)
        with django_assert_num_queries(2) as captured:
            search.people(asked)
            search.accounts(asked)
        nodes = [node for query in captured for node in nodes_of_sql(query["sql"], None)]
        used = {node.get("Index Name", "") for node in nodes}
        assert {"users_search", "accounts_search"} <= used, (typed, used)
