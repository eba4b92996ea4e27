"""Recipes that change many rows at once, and what comes back from them."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection

from cookbook.recipes import BY_SLUG
from tests.cookbook.conftest import Cook
from tests.cookbook.shared import READS_BACK


def test_raise_rates(cook: Cook) -> None:
    ran = cook("raise-rates")
    assert {row["currency"]: row["rate"] for row in ran.value} == {
        "EUR": Decimal("1.331"),
        "GBP": Decimal("1.573"),
        "JPY": Decimal("0.0121"),
    }
    from_python, from_the_row = (
        section.queries for section in ran.sections if section.title.startswith(("bulk", "update"))
    )
    [by_case], [by_f] = from_python, from_the_row
    assert by_case.sql.count("WHEN") == 3
    assert by_f.sql.endswith('SET "rate" = ("exchange_rates"."rate" * 1.1)')


def test_limits_by_balance(cook: Cook, rows: Any) -> None:
    def limit(balance: Decimal) -> Decimal:
        if balance < 0:
            return Decimal(100)
        if balance >= 10_000:
            return Decimal(1000)
        return (balance / 10).quantize(Decimal("0.01"), ROUND_HALF_UP)

    balances = rows(
        "SELECT balance FROM accounts WHERE currency = 'USD' AND name = 'Everyday' ORDER BY 1"
    )
    ran = cook("limits-by-balance")
    assert [(row["balance"], row["daily_limit"]) for row in ran.value] == [
        (balance, limit(balance)) for (balance,) in balances
    ]
    limits = {row["daily_limit"] for row in ran.value}
    assert {Decimal(100), Decimal(1000)} < limits
    assert [query.sql.split()[0] for query in ran.work.queries] == ["UPDATE", "SELECT"]


def test_add_to_a_jar(cook: Cook) -> None:
    ran = cook("add-to-a-jar")
    times = 1 if READS_BACK else 2
    assert ran.value == {"should be": 110, "is": 100 + times * 10}
    sent = [query.sql for query in ran.work.queries if '("jars"."coins" + 10)' in query.sql]
    assert len(sent) == times


def test_account_with_overdraft(cook: Cook, rows: Any) -> None:
    ran = cook("account-with-overdraft")
    after = 500 if READS_BACK else 300
    assert ran.value == {"returned": 300, "after save()": after, "read again": 500}
    inserting, updating = (query.sql for query in ran.work.queries[1:3])
    assert '"accounts"."available"' in inserting.partition(" RETURNING ")[2]
    assert updating.startswith("UPDATE")
    assert ("RETURNING" in updating) is READS_BACK
    assert rows("SELECT count(*) FROM accounts WHERE number = '1000000001'") == [(0,)]


def test_raise_and_read(cook: Cook) -> None:
    ran = cook("raise-and-read")
    assert ran.value == [("EUR", Decimal("1.21")), ("JPY", Decimal("0.011"))]
    [changing] = [query.sql for query in ran.work.queries if "UPDATE" in query.sql]
    assert changing == ran.work.queries[-1].sql
    assert changing.endswith("RETURNING *")


def test_before_and_after(cook: Cook) -> None:
    recipe = BY_SLUG["before-and-after"]
    if connection.pg_version < 180_000:  # type: ignore[attr-defined]
        assert recipe.missing == "needs Postgres 18"
        return
    assert recipe.missing == ""
    ran = cook("before-and-after")
    assert ran.value == [("EUR", Decimal("1.1"), Decimal("1.21"))]
    assert len(ran.work.queries) == 2


def test_refused_by_the_books(cook: Cook, rows: Any) -> None:
    before = rows("SELECT count(*), sum(amount) FROM transactions")
    ran = cook("refused-by-the-books")
    assert "stored balance" in ran.value["bulk_create"]
    assert "never changes" in ran.value["update"]
    sent = [query.sql.partition(' "')[0] for query in ran.work.queries]
    assert sent.count("ROLLBACK TO SAVEPOINT") == 2
    assert rows("SELECT count(*), sum(amount) FROM transactions") == before
