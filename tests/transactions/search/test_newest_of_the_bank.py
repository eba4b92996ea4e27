"""Over the whole bank the newest rows are met first, in order of booking, whatever their ids."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from ledger.db.queries.work import watched
from tests.factories import AccountFactory
from tests.kept import rolled_back_at_the_end
from tests.transactions.search.shared import scans_of
from transactions.scope import Scope
from transactions.search.engine import find

pytestmark = pytest.mark.django_db
ROWS, RARE = 30_000, 3


@pytest.fixture(scope="module")
def bank(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Scope]:
    with rolled_back_at_the_end(django_db_blocker):
        yield filled_bank()


def filled_bank() -> Scope:
    """Rows whose ids say nothing of when they were booked: all but a few by card, in capitals
    now and then; those few are booked first."""
    one = AccountFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            """
            INSERT INTO transactions
                (id, from_account_id, to_account_id, amount, currency, type, status, description,
                 reference, metadata, created_at, value_date, from_balance, to_balance)
            SELECT gen_random_uuid(), NULL, %s, 1, 'USD', 'deposit', 'completed', 'Row ' || n, '',
                   jsonb_build_object('category', CASE WHEN n <= %s THEN 'Rare' ELSE 'food' END,
                       'channel', CASE WHEN n <= %s THEN 'seldom' WHEN n %% 7 = 0 THEN 'CARD'
                                       ELSE 'card' END, 'seen', 'card'),
                   '2020-01-01'::timestamptz + n * interval '1 minute', '2020-01-01', NULL, n
            FROM generate_series(1, %s) AS n
            """,
            [one.pk, RARE, RARE, ROWS],
        )
        cursor.execute("SELECT gin_clean_pending_list('transactions_search')")
        cursor.execute("SELECT gin_clean_pending_list('transactions_metadata')")
        cursor.execute("ANALYZE")
    return Scope(one.user, is_bank=True)


@pytest.mark.parametrize("text", ["meta.channel:card", "meta.channel:CARD", "category:food"])
def test_common_values_are_found_among_the_newest_rows(bank: Scope, text: str) -> None:
    with watched() as work:
        found = find(bank, text, sort="newest")
    assert (found.facets.count, found.facets.is_cut) == (10_000, True)
    said = [int(row.description.split()[1]) for row in found.rows]
    assert said == list(range(ROWS, ROWS - 25, -1))
    for query in [
        query for query in work.queries if '"transactions"."currency"' in query.statement
    ]:
        scans = scans_of(query)
        assert "transactions_newest" in {scan.get("Index Name") for scan in scans}
        read = [scan for scan in scans if scan.get("Relation Name") == "transactions"]
        assert max(scan["Actual Rows"] for scan in read) < ROWS / 2


def test_the_oldest_rows_come_from_the_same_index(bank: Scope) -> None:
    with watched() as work:
        found = find(bank, "meta.channel:card", sort="oldest")
    assert [row.description for row in found.rows][:2] == [f"Row {RARE + 1}", f"Row {RARE + 2}"]
    hits = scans_of(work.queries[0])
    assert "transactions_newest" in {scan.get("Index Name") for scan in hits}


@pytest.mark.parametrize("text", ["meta.channel:seldom", "category:Rare", "category:RARE"])
def test_rare_values_are_found_by_the_index_of_values(bank: Scope, text: str) -> None:
    with watched() as work:
        found = find(bank, text)
    assert [row.description for row in found.rows] == ["Row 3", "Row 2", "Row 1"]
    for query in [
        query for query in work.queries if '"transactions"."currency"' in query.statement
    ]:
        read = [s for s in scans_of(query) if s.get("Relation Name") == "transactions"]
        assert max(scan["Actual Rows"] for scan in read) <= RARE
