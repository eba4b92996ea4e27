"""Recipes of proxies, managers and parents of models."""

from typing import Any

from tests.cookbook.conftest import Cook


def test_a_proxy_reads_the_same_table(cook: Cook, rows: Any) -> None:
    ran = cook("memberships-by-proxy-model")
    assert ran.value == {"by the proxy": 1, "by the concrete model": 1, "same table": True}
    by_proxy, by_concrete = (query.sql for query in ran.work.queries if "COUNT" in query.sql)
    assert by_proxy == by_concrete
    assert (
        rows(
            "SELECT 1 FROM users_groups JOIN users ON users.id = user_id"
            " WHERE email = 'ana@example.com'"
        )
        == []
    )


def test_a_custom_manager_adds_conditions_to_one_query(cook: Cook, rows: Any) -> None:
    ran = cook("vouchers-by-custom-manager")
    names = ("code", "worth", "sold_on")
    assert list(ran.value) == [
        dict(zip(names, row, strict=True))
        for row in rows(
            "SELECT code, worth, sold_on FROM vouchers WHERE spent = 0 AND worth >= 10"
            " ORDER BY sold_on DESC, code LIMIT 5"
        )
    ]
    assert len(ran.value) == 5
    assert len(ran.work.queries) == 1


def test_a_child_has_a_table_and_its_parent_too(cook: Cook, rows: Any) -> None:
    ran = cook("office-by-multi-table-inheritance")
    assert ran.value == {
        "child": "Airport, T2",
        "parent": "Office",
        "child of the parent": "AirportOffice",
    }
    of_parent, of_child, child, parent, again = (query.sql for query in ran.work.queries)
    assert of_parent.startswith('INSERT INTO "offices"')
    assert of_child.startswith('INSERT INTO "airport_offices"')
    assert ["JOIN" in sql for sql in (child, parent, again)] == [True, False, True]
    assert rows("SELECT count(*) FROM offices") == [(0,)]
