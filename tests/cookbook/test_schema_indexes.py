"""Recipes of kinds of indexes, partitions and materialized views, held against their plans."""

from typing import Any

import pytest

from tests.cookbook.conftest import Cook


@pytest.mark.parametrize(
    ("slug", "index", "condition"),
    [
        ("visit-by-hash-index", "visits_token", "token = 'c4ca4238a0b923820dcc509a6f75849b'"),
        (
            "visits-by-gist-index",
            "visits_during",
            "during && tstzrange('2026-06-15 09:00+00', '2026-06-15 10:00+00')",
        ),
        ("visits-by-sp-gist-index", "visits_machine", "machine LIKE 'pt/porto/017%%'"),
        ("visits-by-db-collation", "visits_card", "card LIKE 'C012%%'"),
    ],
)
def test_the_first_query_uses_the_index_and_the_second_cannot(
    cook: Cook, rows: Any, slug: str, index: str, condition: str
) -> None:
    ran = cook(slug)
    ((expected,),) = rows(f"SELECT count(*) FROM visits WHERE {condition}")
    assert set(ran.value.values()) == {expected}
    assert expected
    with_index, without = (query.plan for query in ran.work.queries)
    assert index in with_index
    assert "Index Cond" in with_index
    assert "Index Cond" not in without


def test_each_index_on_trigrams_helps_its_own_expression(cook: Cook, rows: Any) -> None:
    ran = cook("places-by-gin-trgm-ops")
    ((expected,),) = rows("SELECT count(*) FROM visits WHERE place LIKE '%%Nova 177%%'")
    assert expected
    assert set(ran.value.values()) == {expected}
    contains, icontains, lower = (query.plan for query in ran.work.queries)
    assert "Bitmap Index Scan on visits_place " in contains
    assert "Bitmap Index Scan on visits_place_upper " in icontains
    assert "Seq Scan on visits" in lower


def test_a_condition_on_the_day_reads_one_partition(cook: Cook, rows: Any) -> None:
    ran = cook("visits-of-a-partitioned-table")
    assert list(ran.value.values()) == [
        rows(f"SELECT count(*) FROM visit_log WHERE {condition}")[0][0]
        for condition in ("day BETWEEN '2026-05-01' AND '2026-05-31'", "amount >= 190")
    ]
    by_day, by_amount = (query.plan for query in ran.work.queries)
    partitions = ["visit_log_q1", "visit_log_q2", "visit_log_q3"]
    assert [name in by_day for name in partitions] == [False, True, False]
    assert all(name in by_amount for name in partitions)


def test_a_materialized_view_keeps_its_old_rows(cook: Cook, rows: Any) -> None:
    ran = cook("visits-of-a-materialized-view")
    ((visits, total),) = rows("SELECT count(*), sum(amount) FROM visits WHERE country = 'pt'")
    assert ran.value == {
        "by a query": {"visits": visits + 1, "total": total + 50},
        "by the view": {"visits": visits, "total": total},
    }


def test_the_column_has_its_own_collation(rows: Any) -> None:
    """On a server whose default is C, the plan would be the same without db_collation."""
    assert rows(
        "SELECT collname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation"
        " WHERE attrelid = 'visits'::regclass AND attname = 'card'"
    ) == [("C",)]
