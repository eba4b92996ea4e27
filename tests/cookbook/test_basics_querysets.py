"""Recipes of alias() and dates()."""

from datetime import date
from typing import Any

import pytest

from tests.cookbook.conftest import Cook


def test_an_alias_is_in_the_condition_and_not_in_the_columns(cook: Cook) -> None:
    ran = cook("people-by-alias", least=2)
    by_alias, by_annotate = (query.sql for query in ran.work.queries)
    assert [sql.partition(" FROM ")[0].count("COUNT(") for sql in (by_alias, by_annotate)] == [0, 1]
    assert [sql.count("HAVING COUNT(") for sql in (by_alias, by_annotate)] == [1, 1]
    names = [person.name for person in ran.value["alias"]]
    assert names == [person.name for person in ran.value["annotate"]]
    assert len(names) == 3


@pytest.mark.parametrize("kind", ["year", "month", "week", "day"])
def test_dates_are_the_periods_with_rows(cook: Cook, rows: Any, kind: str) -> None:
    ran = cook("periods-by-dates", kind=kind)
    assert ran.value["dates"] == [
        period
        for (period,) in rows(
            f"SELECT DISTINCT date_trunc('{kind}', sold_on)::date FROM vouchers"
            " ORDER BY 1 DESC LIMIT 4"
        )
    ]
    assert {moment.date() for moment in ran.value["datetimes"]} == {date(2026, 6, 15)}
