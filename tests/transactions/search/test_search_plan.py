"""A search uses the GIN index and reads few rows: asserted on the plan, not on the clock."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from ledger.db.queries.work import RecordedQuery, watched
from tests.factories import AccountFactory
from tests.plans import nodes_of
from tests.transactions.search.shared import scans_of
from tests.transactions.statements.shared import fill
from transactions import services
from transactions.models import Entry
from transactions.scope import Scope, scope_for
from transactions.search.engine import entries_with, find
from transactions.search.sql import common_prefixes
from transactions.services import Draft

ROWS, OWN = 30_000, 2_000


@pytest.fixture
def account(db: Any) -> Account:
    """An account with OWN rows in a bank of many; "row" stands in each, a number in one."""
    busy, other = (AccountFactory(overdraft_limit=Decimal(10)) for _ in range(2))
    account: Account = AccountFactory(overdraft_limit=Decimal(10), user__name="Ana")
    fill(busy, other, ROWS)
    fill(account, AccountFactory(overdraft_limit=Decimal(10), user__name="Mara"), OWN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('transactions_search')")
        cursor.execute("ANALYZE")
    return account


def searched(scope: Scope, text: str) -> list[RecordedQuery]:
    with watched() as work:
        find(scope, text)
    return [query for query in work.queries if '"transactions"' in query.statement]


@pytest.mark.parametrize(
    "text",
    ['"row 777"', 'row -salary "777"', 'mara "777"', '"777" or "778"', '"row 777" type:transfer'],
)
def test_words_in_ones_own_accounts_read_few_rows(account: Account, text: str) -> None:
    scope = scope_for(account.user)
    assert find(scope, text).rows
    for query in searched(scope, text):
        scans = scans_of(query)
        assert "transactions_search" in {scan.get("Index Name") for scan in scans}
        assert not [scan for scan in scans if scan["Node Type"] == "Seq Scan"]
        read = [scan for scan in scans if scan.get("Relation Name") == "transactions"]
        assert max(scan["Actual Rows"] for scan in read) <= 4


def test_a_rare_word_in_the_bank_uses_the_index(account: Account) -> None:
    for query in searched(Scope(account.user, is_bank=True), '"row 29999"'):
        scans = scans_of(query)
        assert "transactions_search" in {scan.get("Index Name") for scan in scans}
        assert not [scan for scan in scans if scan["Node Type"] == "Seq Scan"]


def test_a_statements_filter_reads_its_accounts_rows(account: Account) -> None:
    for text in ("row", "mara", "row 777", 'row -"row 5"'):
        entries = entries_with(Entry.objects.for_account(account), text, account)
        nodes = nodes_of(entries.newest_first()[:51])
        scans = [node for node in nodes if node.get("Relation Name") == "transactions"]
        assert "Seq Scan" not in {scan["Node Type"] for scan in scans}
        assert sum(node["Actual Rows"] for node in scans) <= OWN


def test_a_common_prefix_does_not_use_the_index(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Note [Common prefixes]."""
    monkeypatch.setattr(common_prefixes, "MANY_ROWS", ROWS // 2)
    common_prefixes._rows_by_word.cache_clear()
    assert common_prefixes.is_common_prefix("Ro")
    assert not common_prefixes.is_common_prefix("rental")
    scope = scope_for(account.user)
    counts = [find(scope, text).facets.count for text in ("row", 'ro -"row 5"')]
    assert counts == [OWN, OWN - 1]
    for query in searched(scope, "row"):
        scans = scans_of(query)
        assert "transactions_search" not in {scan.get("Index Name") for scan in scans}
    common_prefixes._rows_by_word.cache_clear()


@pytest.mark.parametrize("text", ["to:kiosk77", 'from:payer77 -"77"', 'with:"row kiosk77"'])
def test_descriptions_as_names_use_the_index(account: Account, text: str) -> None:
    """Of which others have as many."""
    others: Account = AccountFactory(overdraft_limit=Decimal(10))
    drafts = []
    for owner in (account, others):
        for n in range(500):
            drafts += [
                Draft(to_account=owner, amount=Decimal(1), description=f"Row payer{n}"),
                Draft(from_account=owner, amount=Decimal(1), description=f"Row kiosk{n}"),
            ]
    services.post_batch(drafts)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('transactions_search')")
        cursor.execute("ANALYZE transactions")
    scope = scope_for(account.user)
    assert len(find(scope, text).rows) == 1
    for query in searched(scope, text):
        scans = scans_of(query)
        assert "transactions_search" in {scan.get("Index Name") for scan in scans}
        assert not [scan for scan in scans if scan["Node Type"] == "Seq Scan"]
        read = [scan for scan in scans if scan.get("Relation Name") == "transactions"]
        assert max(scan["Actual Rows"] for scan in read) <= 4
