"""A statement touches only the page it shows: asserted on the plan, not on the clock."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoDbBlocker

from accounts.models import Account
from tests.factories import AccountFactory
from tests.kept import rolled_back_at_the_end
from tests.plans import nodes_of
from tests.transactions.statements.shared import ENTRIES, fill
from transactions.models import Entry

pytestmark = pytest.mark.django_db
PAGE = 50


def test_the_first_and_the_deepest_page_read_both_indexes_and_sort_nothing(
    account: Account,
) -> None:
    statement = Entry.objects.for_account(account).newest_first().for_rows()
    oldest = statement.reverse()[0]
    deep = statement.filter(created_at__lt=oldest.created_at + timedelta(minutes=PAGE))
    for page in (statement, deep, statement.between(None, oldest.created_at + timedelta(days=9))):
        nodes = nodes_of(page[: PAGE + 1])
        used = {node.get("Index Name") for node in nodes}
        assert {"transactions_from_created", "transactions_to_created"} <= used
        assert not [node for node in nodes if "Sort" in node["Node Type"]]
        scans = [node for node in nodes if node.get("Relation Name") == "transactions"]
        assert [scan["Node Type"] for scan in scans] == ["Index Scan"] * 2
        assert sum(node["Actual Rows"] for node in scans) <= PAGE + 3


def test_a_past_balance_reads_one_entry(account: Account) -> None:
    oldest = Entry.objects.for_account(account).newest_first().reverse()[0]
    for days in (1, 30, 60):
        moment = oldest.created_at + timedelta(days=days)
        link = Entry.objects.for_account(account).filter(created_at__lt=moment).newest_first()
        nodes = nodes_of(link[:1])
        scans = [node for node in nodes if node.get("Relation Name") == "transactions"]
        assert sum(node["Actual Rows"] for node in scans) <= 2
        assert Entry.objects.balance_at(account, moment) == link[0].balance
    assert Entry.objects.balance_at(account, oldest.created_at) is None


@pytest.fixture(scope="module")
def account(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Account]:
    with rolled_back_at_the_end(django_db_blocker):
        account = AccountFactory(overdraft_limit=Decimal(10))
        fill(account, AccountFactory(overdraft_limit=Decimal(10)), ENTRIES)
        yield account
