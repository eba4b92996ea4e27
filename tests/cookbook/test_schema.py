"""Recipes of what a table can do by itself, with the plan where the plan is the lesson."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import django
import pytest
from django.db import DatabaseError
from django.db.models import F

from cookbook.models import Reminder, Voucher
from cookbook.practice.role import as_cookbook_role
from tests.cookbook.conftest import Cook
from transactions.models import Entry


@pytest.fixture
def vouchers(rows: Any) -> list[dict[str, Any]]:
    names = ("code", "email", "worth", "spent", "left", "sold_on")
    return [
        dict(zip(names, row, strict=True))
        for row in rows(
            'SELECT code, email, worth, spent, "left", sold_on FROM vouchers ORDER BY code'
        )
    ]


def sold_in(vouchers: list[dict[str, Any]], since: date, until: date) -> list[dict[str, Any]]:
    return [voucher for voucher in vouchers if since <= voucher["sold_on"] <= until]


JUNE = (date(2026, 6, 1), date(2026, 6, 7))


def test_the_vouchers_are_sensible(vouchers: Any) -> None:
    assert len(vouchers) == 5000
    assert all(row["left"] == row["worth"] - row["spent"] >= 0 for row in vouchers)
    assert (vouchers[0]["sold_on"], vouchers[-1]["sold_on"]) == (
        date(2025, 7, 1),
        date(2026, 6, 30),
    )
    assert sum(row["spent"] == 0 for row in vouchers) == 250


def test_a_generated_column(cook: Cook) -> None:
    ran = cook("available-as-generated-column")
    in_memory = 300 if django.VERSION < (6, 0) else 500
    assert ran.value == {"opened": 300, "raised, in memory": in_memory, "read again": 500}
    (insert,) = (query.sql for query in ran.work.queries if query.sql.startswith("INSERT"))
    columns, _, returning = insert.partition("RETURNING")
    assert '"available"' not in columns
    assert '"available"' in returning


def test_row_level_security(cook: Cook, rows: Any) -> None:
    ran = cook("reminders-of-one-reader")
    assert [row["text"] for row in ran.value] == ["Pay the rent, Ana", "Read the statement, Ana"]
    assert {row["owner__name"] for row in ran.value} == {"Ana Ferreira"}
    assert "WHERE" not in ran.work.queries[-1].sql
    (people,) = rows("SELECT count(DISTINCT owner_id) FROM reminders")[0]
    assert people > 2
    with as_cookbook_role(writes=False):
        assert Reminder.objects.count() == 0


def test_db_default(cook: Cook, rows: Any) -> None:
    ran = cook("voucher-by-db-default")
    assert ran.value == {
        "db_default of spent": 0,
        "spent, before": "DatabaseDefault",
        "spent": Decimal(0),
        "left": Decimal(40),
        "design": {"colour": "plain", "card": {"gold": False}},
    }
    (insert,) = ran.work.queries
    if django.VERSION < (6, 1):
        assert insert.sql.count("DEFAULT") == 2
    else:
        assert '"spent"' not in insert.sql.partition(" RETURNING ")[0]
    assert rows("SELECT 1 FROM vouchers WHERE code = 'NEW'") == []
    assert rows(
        "SELECT column_default FROM information_schema.columns"
        " WHERE table_schema = 'practice' AND table_name = 'vouchers' AND column_name = 'spent'"
    ) == [("0",)]


@pytest.mark.parametrize("email", ["guest7@example.com", "GUEST7@example.com"])
def test_a_functional_index(cook: Cook, vouchers: Any, email: str) -> None:
    times = sum(row["email"].lower() == email.lower() for row in vouchers)
    ran = cook("vouchers-by-functional-index", email=email)
    assert ran.value == {"by iexact": times, "by Lower": times}
    assert times == 5
    by_iexact, by_lower = ran.work.queries
    assert "Seq Scan on vouchers" in by_iexact.plan
    assert "vouchers_email_lower" in by_lower.plan
    assert "Seq Scan" not in by_lower.plan


def test_a_partial_index(cook: Cook, vouchers: Any) -> None:
    sold = sold_in(vouchers, *JUNE)
    ran = cook("unspent-by-partial-index")
    assert ran.value == {
        "unspent": sum(row["spent"] == 0 for row in sold),
        "sold": len(sold),
    }
    assert 0 < ran.value["unspent"] < ran.value["sold"]
    with_condition, without = ran.work.queries
    assert "using vouchers_unspent" in with_condition.plan
    assert "vouchers_unspent" not in without.plan


@pytest.mark.django_db
def test_a_partial_index_needs_its_own_condition(vouchers: Any) -> None:
    with as_cookbook_role(writes=False):
        same = Voucher.objects.filter(sold_on__range=JUNE, left=F("worth"))
        assert same.count() == sum(row["spent"] == 0 for row in sold_in(vouchers, *JUNE))
        assert "vouchers_unspent" not in same.explain()


def test_a_covering_index(cook: Cook, vouchers: Any) -> None:
    (voucher,) = (row for row in vouchers if row["code"] == "GIFT-00042")
    ran = cook("worth-by-covering-index")
    assert ran.value == {
        "Covered": [{"worth": voucher["worth"]}],
        "Not covered": [{"worth": voucher["worth"], "spent": voucher["spent"]}],
    }
    covered, not_covered = ran.work.queries
    assert "Index Only Scan using vouchers_code_worth" in covered.plan
    assert "Index Only Scan" not in not_covered.plan
    assert "vouchers_code_worth" in not_covered.plan


def test_brin(cook: Cook, vouchers: Any) -> None:
    sold = sold_in(vouchers, *JUNE)
    ran = cook("week-by-brin")
    assert ran.value["sold"] == len(sold)
    assert ran.value["worth"] == sum(row["worth"] for row in sold)
    assert ran.value["BRIN"] == 3 * 8192 < ran.value["B-tree"]
    assert ran.value["the same"]
    by_brin, by_btree = (query.plan for query in ran.work.queries if "COUNT" in query.sql)
    assert "Bitmap Index Scan on vouchers_sold " in by_brin
    assert "lossy=" in by_brin
    assert "Rows Removed by Index Recheck" in by_brin
    assert "vouchers_sold_btree" in by_btree
    assert "Rows Removed" not in by_btree
    assert all(row["worth"] > 0 for row in vouchers)


def test_a_view_as_a_model(cook: Cook, rows: Any) -> None:
    ((account,),) = rows(
        "SELECT a.id FROM accounts a JOIN users u ON u.id = a.user_id"
        " WHERE u.email = 'ana@example.com' ORDER BY a.created_at LIMIT 1"
    )
    newest = rows(
        "SELECT description, to_account_id = %s, amount,"
        " CASE WHEN to_account_id = %s THEN to_balance ELSE from_balance END"
        " FROM transactions WHERE status = 'completed' AND %s IN (from_account_id, to_account_id)"
        " ORDER BY created_at DESC LIMIT 5",
        *[account] * 3,
    )
    ran = cook("newest-entries-of-a-view")
    assert [
        (row["description"], row["direction"], row["signed_amount"], row["balance"])
        for row in ran.value
    ] == [
        (text, "credit", amount, balance) if incoming else (text, "debit", -amount, balance)
        for text, incoming, amount, balance in newest
    ]
    plan = ran.work.queries[-1].plan
    assert "Merge Append" in plan
    assert "transactions_from_created" in plan
    assert "transactions_to_created" in plan


@pytest.mark.django_db
def test_a_view_of_two_tables_cannot_be_written(vouchers: Any) -> None:
    with pytest.raises(DatabaseError, match="entries"), as_cookbook_role(writes=True):
        Entry.objects.update(description="changed")


def test_comments(cook: Cook, rows: Any) -> None:
    stored = dict(
        rows(
            "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
            " WHERE attrelid = 'practice.transactions'::regclass"
            " AND col_description(attrelid, attnum) IS NOT NULL"
        )
    )
    (stored["transactions"],) = rows(
        "SELECT obj_description('practice.transactions'::regclass, 'pg_class')"
    )[0]
    found = cook("comments-of-transactions").value
    assert {row["on"]: row["in the catalogue"] for row in found} == stored
    assert all(row["in the model"] == row["in the catalogue"] for row in found)
    assert stored["amount"].startswith("Always positive")


def test_raw_sql(cook: Cook, rows: Any) -> None:
    days = [date(2026, 6, day) for day in range(8, 15)]
    taken: dict[date, list[Decimal]] = {day: [] for day in days}
    for day, amount in rows(
        "SELECT value_date, amount FROM transactions WHERE category = 'cash' AND currency = 'USD'"
    ):
        taken.get(day, []).append(amount)
    found = cook("cash-by-day-in-raw-sql").value
    assert found == [
        {"day": day, "withdrawals": len(taken[day]), "total": sum(taken[day])} for day in days
    ]
    assert {row["withdrawals"] for row in found} == {0, 1}


def test_raw_sql_makes_as_many_days_as_asked_for(cook: Cook) -> None:
    found = cook("cash-by-day-in-raw-sql", since=date(2026, 6, 30), days=366).value
    assert len(found) == 366
    assert (found[0]["day"], found[-1]["day"]) == (date(2026, 6, 30), date(2027, 6, 30))


def test_a_recursive_query_goes_on_from_its_own_rows(cook: Cook, rows: Any) -> None:
    paid = set(
        rows(
            "SELECT payer.email, payee.email FROM transactions"
            " JOIN accounts a ON a.id = from_account_id JOIN accounts b ON b.id = to_account_id"
            " JOIN users payer ON payer.id = a.user_id JOIN users payee ON payee.id = b.user_id"
        )
    )
    steps = {"northwind@example.com": 0}
    for step in (1, 2, 3):
        for payer, payee in sorted(paid):
            if steps.get(payer) == step - 1:
                steps.setdefault(payee, step)
    ran = cook("reached-by-money")
    assert {row["email"]: row["steps"] for row in ran.value} == steps
    assert max(steps.values()) == 2
    assert "Recursive Union" in ran.work.queries[0].plan
    assert "WorkTable Scan" in ran.work.queries[0].plan
    near = cook("reached-by-money", most=1).value
    assert {row["email"] for row in near} == {who for who in steps if steps[who] < 2}


def test_raw_sql_takes_what_is_typed_as_a_value(cook: Cook) -> None:
    found = cook("cash-by-day-in-raw-sql", currency="' OR 'a' = 'a").value
    assert {row["withdrawals"] for row in found} == {0}


def test_manager_raw(cook: Cook, rows: Any) -> None:
    payments = rows(
        "SELECT amount, description FROM transactions WHERE currency = 'EUR'"
        " AND type = 'withdrawal' AND metadata->>'channel' = 'card'"
        " ORDER BY amount DESC, created_at"
    )
    total = sum(amount for amount, _ in payments)
    ran = cook("largest-by-manager-raw")
    found = list(ran.value)
    assert [(row.amount, row.description) for row in found] == payments[:5]
    assert [row.share for row in found] == [
        round(100 * amount / total, 2) for amount, _ in payments[:5]
    ]
    assert len(ran.work.queries) == 1
    assert found[0].get_deferred_fields() >= {"created_at", "status"}


def test_a_custom_lookup(cook: Cook, vouchers: Any) -> None:
    ran = cook("vouchers-by-custom-lookup")
    assert list(ran.value) == [
        {name: row[name] for name in ("code", "email", "worth", "left")}
        for row in vouchers
        if row["email"].lower() == "guest7@example.com"
    ]
    assert len(ran.value) == 5
    assert "vouchers_email_lower" in ran.work.queries[0].plan
    assert "same_address" not in Entry._meta.get_field("description").get_lookups()


def test_a_transform(cook: Cook, rows: Any) -> None:
    ran = cook("visits-by-transform", city="o")
    assert list(ran.value) == [
        {"city": "oslo", "visits": times}
        for (times,) in rows("SELECT count(*) FROM visits WHERE machine LIKE 'no/oslo/%%'")
    ]
    assert ran.value[0]["visits"]


def test_a_custom_function(cook: Cook, rows: Any) -> None:
    buckets = Counter(
        min(int(amount // 20), 5) + 1
        for (amount,) in rows(
            "SELECT amount FROM transactions WHERE currency = 'USD' AND type = 'withdrawal'"
            " AND metadata->>'channel' = 'card'"
        )
    )
    ran = cook("histogram-by-custom-function")
    assert {row["bucket"]: row["payments"] for row in ran.value} == buckets
    assert set(buckets) == {1, 2, 3, 4, 5, 6}
    assert "width_bucket(" in ran.work.queries[0].sql


def test_a_custom_aggregate(cook: Cook, rows: Any) -> None:
    anything: dict[str, Counter[str]] = {}
    groceries: dict[str, Counter[str]] = {}
    for currency, category, description in rows(
        "SELECT currency, category, description FROM transactions"
        " WHERE type = 'withdrawal' AND metadata->>'channel' = 'card'"
    ):
        anything.setdefault(currency, Counter())[description] += 1
        if category == "groceries":
            groceries.setdefault(currency, Counter())[description] += 1
    ran = cook("usual-shop-by-custom-aggregate")
    found = list(ran.value)
    assert [row["currency"] for row in found] == sorted(anything)
    for row in found:
        counts = anything[row["currency"]]
        assert counts[row["anything"]] == max(counts.values())
        counts = groceries[row["currency"]]
        assert counts[row["groceries"]] == max(counts.values())
    assert "FILTER (WHERE" in ran.work.queries[0].sql
