"""Tables and indexes on the page Database: real dead rows, real locks."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test import Client

from ledger.embedded.roles import SUPERUSER
from ledger.monitoring.health.bloat import bloat_part
from ledger.monitoring.health.queries import FreezeFacts, HeldBack, ServerFacts, TableFacts
from tests.ledger.monitoring.health.asking import Told, counted, opened, waiting
from tests.pages import text_of
from tests.pooler import beside

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'crumbs'"
WRITER = ServerFacts("18", "ledger", "ledger_web", "ledger", False, None)
OVERDUE = TableFacts("old", 10, 5000, 50.0, None, None, 0, 8192, 8192, 4096.0, True)


@pytest.fixture
def crumbs() -> Iterator[psycopg.Connection[Any]]:
    """A table whose 5,000 rows were deleted, that nobody cleans up."""
    with beside() as owner:
        owner.execute("VACUUM")  # nobody else does here, and the page tells of the worst tables
        owner.execute(
            "CREATE TABLE crumbs (id int PRIMARY KEY, other int UNIQUE, third int)"
            " WITH (autovacuum_enabled = off)"
        )
        owner.execute("CREATE INDEX crumbs_never_read ON crumbs (third)")
        try:
            owner.execute("INSERT INTO crumbs SELECT n, n, n FROM generate_series(1, 5000) AS n")
            owner.execute("DELETE FROM crumbs")
            owner.execute("SELECT pg_stat_force_next_flush()")
            counted(DEAD, lambda dead: dead == 5000)
            yield owner
        finally:
            owner.execute("DROP TABLE crumbs")


def table_of(answer: Any, name: str) -> Any:
    (found,) = [each for each in answer.context["health"].bloat.rows if each.name == name]
    return found


@pytest.fixture
def slices(crumbs: psycopg.Connection[Any]) -> Iterator[None]:
    """A larger table with fewer dead rows."""
    crumbs.execute(
        "CREATE TABLE slices WITH (autovacuum_enabled = off) AS"
        " SELECT n, repeat('x', 500) FROM generate_series(1, 5000) AS n"
    )
    try:
        crumbs.execute("DELETE FROM slices WHERE n <= 100")
        crumbs.execute("SELECT pg_stat_force_next_flush()")
        counted(DEAD.replace("crumbs", "slices"), lambda dead: dead == 100)
        yield
    finally:
        crumbs.execute("DROP TABLE slices")


def test_dead_rows_are_told_first(
    root: Client, crumbs: psycopg.Connection[Any], slices: None
) -> None:
    answer = opened(root)
    found = table_of(answer, "crumbs")
    assert (found.dead, found.is_overdue, found.has_autovacuum) == (5000, True, False)
    assert found.vacuumed == "never"
    names = [each.name for each in answer.context["health"].bloat.rows]
    assert names.index("crumbs") < names.index("slices")  # others may have left dead rows, too
    assert "crumbs has 5,000 dead rows" in text_of(answer)


@pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="only a superuser ends the counts")
def test_rows_from_before_a_failover_are_estimated(
    root: Client, crumbs: psycopg.Connection[Any], slices: None
) -> None:
    """Counts begin anew where a standby is promoted, and 100 rows of 4,900 are no half of them."""
    crumbs.execute("ANALYZE slices")
    with beside(user=SUPERUSER) as server:
        server.execute("SELECT pg_stat_reset_single_table_counters('slices'::regclass)")
        server.execute("DELETE FROM slices WHERE n <= 200")
        server.execute("SELECT pg_stat_force_next_flush()")
        counted(DEAD.replace("crumbs", "slices"), lambda dead: dead == 100)
    found = table_of(opened(root, tables="size"), "slices")
    assert found.live == 4900
    assert (found.size[-2:], found.dead_size[-2:]) == ("MB", "kB")


def test_a_table_that_was_cleaned_up_needs_no_care(
    root: Client, crumbs: psycopg.Connection[Any]
) -> None:
    crumbs.execute("VACUUM ANALYZE crumbs")
    counted(DEAD, lambda dead: dead == 0)
    answer = opened(root, tables="size")
    found = answer.context["health"]
    assert not [each for each in found.care if "crumbs" in each]
    assert "crumbs" not in [each.name for each in opened(root).context["health"].bloat.rows]


def test_indexes_that_nobody_reads_are_told_but_those_that_hold_a_rule(
    root: Client, crumbs: psycopg.Connection[Any]
) -> None:
    unused = [index.name for index, _size in opened(root).context["health"].bloat.unused]
    assert "crumbs_never_read" in unused
    assert not {"crumbs_pkey", "crumbs_other_key"} & set(unused)


def test_a_table_that_is_locked_as_a_whole_is_not_waited_for(
    root: Client, crumbs: psycopg.Connection[Any]
) -> None:
    with crumbs.transaction():
        crumbs.execute("LOCK TABLE crumbs")
        answer = opened(root)
        found = table_of(answer, "crumbs")
        part = answer.context["health"].bloat
    assert (found.size, found.index_size, found.dead) == ("locked", "locked", 5000)
    assert part.tables.refused == part.indexes.refused == ""


def test_a_table_whose_row_somebody_waits_for_has_its_size(
    root: Client, crumbs: psycopg.Connection[Any]
) -> None:
    """Who waits for a row to be updated has locked it as no table is (pg_locks, locktype tuple)."""
    crumbs.execute("INSERT INTO crumbs VALUES (0, 0, 0)")
    row = "SELECT * FROM crumbs FOR UPDATE"
    with beside() as second, crumbs.transaction():
        crumbs.execute(row.encode())
        with waiting(second, row):
            answer = opened(root)
    found = table_of(answer, "crumbs")
    unused = {index.name: size for index, size in answer.context["health"].bloat.unused}
    assert "locked" not in (found.size, found.index_size)
    assert unused.get("crumbs_never_read", "locked") != "locked"


def test_the_age_of_transactions_is_told_against_autovacuums_limit(root: Client) -> None:
    answer = opened(root)
    assert [each.limit for each in answer.context["health"].bloat.ages] == [200000000, 400000000]
    assert re.search(r"(under 0\.1|\d+(\.\d)?) % of the limit, 200,000,000", text_of(answer))


def test_a_standby_needs_no_care_for_dead_rows() -> None:
    told = Told(OVERDUE)
    assert bloat_part(told, WRITER, "dead", [], []).care != []
    assert bloat_part(told, WRITER._replace(is_standby=True), "dead", [], []).care == []


def test_the_worst_table_needs_care_also_where_the_largest_are_shown() -> None:
    large = [TableFacts(f"t{n}", 10, 0, 50.0, 1.0, 1.0, 0, 10**9, 0, 0.0, True) for n in range(30)]
    part = bloat_part(Told(OVERDUE, *large), WRITER, "size", [], [])
    assert "old" not in [each.name for each in part.rows]
    assert any("old has 5,000 dead rows" in each for each in part.care)


def test_ids_that_were_not_frozen_for_long_need_care_and_who_holds_rows_is_told() -> None:
    freeze = FreezeFacts(400_000_000, 200_000_000, 1, 400_000_000, "transactions")
    part = bloat_part(Told(freeze, HeldBack("gone", False, 5_000_000)), WRITER, "dead", [], [])
    assert any("200 %" in each for each in part.care)
    assert part.held_back == [
        "the replication slot gone, which nobody uses, 5,000,000 transactions ago"
    ]


def test_one_transaction_ago_is_one() -> None:
    part = bloat_part(Told(HeldBack("near", True, 1)), WRITER, "dead", [], [])
    assert part.held_back == ["the replication slot near, 1 transaction ago"]
