"""Recipes of the basics, each held against the same rows in plain Python."""

from datetime import UTC, date
from decimal import Decimal
from typing import Any

import pytest

from tests.cookbook.conftest import Cook
from tests.pages import lacks


def test_add_contact(cook: Cook, rows: Any) -> None:
    ran = cook("add-contact", name="Mara Lindt")
    assert ran.value == {"name": "Mara Lindt", "owner": "Ana Ferreira", "has an id": True}
    assert len(ran.work.queries) == 2
    assert ran.work.queries[1].sql.endswith('RETURNING "contacts"."id"')
    assert rows("SELECT count(*) FROM contacts") == [(0,)]


def test_the_only_account(cook: Cook) -> None:
    ran = cook("the-only-account", name="Travel")
    assert (ran.value.currency, ran.value.balance) == ("EUR", Decimal("1133.25"))
    assert ran.work.queries[0].sql.endswith("LIMIT 21")
    assert cook("the-only-account", name="Holiday").value == "No account is called Holiday."
    said = cook("the-only-account", name="Savings").value
    assert not lacks(said, "more than one Account", "returned 7")


def test_get_or_create_at_once(cook: Cook) -> None:
    ran = cook("get-or-create-at-once")
    assert ran.value == {"made by Ana": True, "made by Ben": False, "the same jar": True}
    [waited] = [step for step in ran.steps if step.waited_for]
    assert waited.session == "ben"
    assert waited.queries[-1].sql.startswith("SELECT")


def test_update_or_create_inserts_and_then_updates_only_its_defaults(cook: Cook) -> None:
    ran = cook("rate-of-a-day", rate=Decimal("1.12"))
    assert ran.value == {"inserted": True, "inserted again": False, "rate": Decimal("1.12")}
    no_row, a_row = (
        [query.sql for query in section.queries if "SAVEPOINT" not in query.sql]
        for section in ran.sections
        if section.title
    )
    assert [sql.partition(" ")[0] for sql in no_row] == ["SELECT", "INSERT"]
    assert [sql.partition(" ")[0] for sql in a_row] == ["SELECT", "UPDATE"]
    assert a_row[0].endswith("FOR UPDATE")
    changed = a_row[1].partition(" WHERE ")[0]
    assert '"rate" =' in changed
    assert '"currency" =' not in changed


def test_limit_for_all(cook: Cook, rows: Any) -> None:
    ran = cook("limit-for-all", limit=Decimal(1000))
    assert ran.value == {"changed": 3}
    by_step = [
        (section.title, [query.sql.partition(" ")[0] for query in section.queries])
        for section in ran.sections
    ]
    assert by_step == [
        ("Read, change, save", ["SELECT", "UPDATE", "UPDATE", "UPDATE"]),
        ("Update without loading", ["UPDATE"]),
    ]
    assert rows("SELECT count(*) FROM accounts WHERE daily_limit = 1000") == [(0,)]


def test_take_off_the_list(cook: Cook) -> None:
    ran = cook("take-off-the-list", name="Mara Lindt")
    assert ran.value == {
        "living": ["Mara Lindt again"],
        "all": ["Mara Lindt", "Mara Lindt again"],
    }
    deleting, living, everybody = (ran.work.queries[number].sql for number in (2, 4, 5))
    assert deleting.startswith("UPDATE")
    assert '"contacts"."deleted_at" IS NULL' in living
    assert "WHERE" not in everybody


def test_a_number_is_on_the_list_once_while_it_is_living(rows: Any) -> None:
    [(index,)] = rows(
        "SELECT indexdef FROM pg_indexes"
        " WHERE schemaname = 'practice' AND indexname = 'one_living_contact_a_number'"
    )
    assert "UNIQUE" in index
    assert index.endswith("(owner_id, number) WHERE (deleted_at IS NULL)")


def test_rents_by_size(cook: Cook, rows: Any) -> None:
    rents = [
        amount
        for (amount,) in rows(
            "SELECT amount FROM transactions WHERE category = 'rent' AND currency = 'USD'"
        )
    ]
    limit = Decimal(1010)
    found = cook("rents-by-size", amount=limit).value
    assert found == {
        "exact": rents.count(limit),
        "lt": sum(rent < limit for rent in rents),
        "lte": sum(rent <= limit for rent in rents),
        "gt": sum(rent > limit for rent in rents),
        "gte": sum(rent >= limit for rent in rents),
        "range": sum(limit <= rent <= limit + 100 for rent in rents),
    }
    assert (found["exact"], found["lt"], found["gt"]) == (12, 24, 48)


@pytest.mark.parametrize("text", ["an", "Ana", "Ana Ferreira", "ltd", "%"])
def test_names_by_text(cook: Cook, rows: Any, text: str) -> None:
    names = [name for (name,) in rows("SELECT name FROM users")]
    small = [name.lower() for name in names]
    assert dict(cook("names-by-text", text=text).value) == {
        "iexact": small.count(text.lower()),
        "contains": sum(text in name for name in names),
        "icontains": sum(text.lower() in name for name in small),
        "startswith": sum(name.startswith(text) for name in names),
        "istartswith": sum(name.startswith(text.lower()) for name in small),
        "endswith": sum(name.endswith(text) for name in names),
        "iendswith": sum(name.endswith(text.lower()) for name in small),
        "regex, a name of two words": sum(len(name.split()) == 2 for name in names),
        "iregex, begins with A, E or I": sum(name[0] in "aei" for name in small),
    }


def test_daily_limits(cook: Cook, rows: Any) -> None:
    limits = [limit for (limit,) in rows("SELECT daily_limit FROM accounts")]
    ran = cook("daily-limits")
    assert ran.value == {
        "without a limit": limits.count(None),
        "with one": 1,
        "in (2500, None)": 1,
        "filter: at most 2500": 1,
        "exclude: above 2500": len(limits),
    }
    assert ran.work.queries[2].sql.endswith('"daily_limit" IN (2500)')
    assert ran.work.queries[4].sql.endswith(
        'NOT ("accounts"."daily_limit" > 2500 AND "accounts"."daily_limit" IS NOT NULL)'
    )


def test_rent_or_large(cook: Cook, rows: Any) -> None:
    all_of_it = rows("SELECT amount, created_at, category, type, currency FROM transactions")
    wanted = sorted(
        (-amount, created_at)
        for amount, created_at, category, type_, currency in all_of_it
        if (category == "rent" or amount >= 3000)
        and type_ != "deposit"
        and category not in ("salary", "wages")
        and currency == "USD"
    )
    found = cook("rent-or-large", least=Decimal(3000)).value
    assert [(-row.amount, row.created_at) for row in found] == wanted[:10]
    rents_alone = cook("rent-or-large", least=Decimal(20_000)).value
    assert {row.category for row in rents_alone} == {"rent"}


def test_accounts_that_never_paid(cook: Cook, rows: Any) -> None:
    senders = {sender for (sender,) in rows("SELECT from_account_id FROM transactions")}
    accounts = [pk for (pk,) in rows("SELECT id FROM accounts")]
    never = sum(pk not in senders for pk in accounts)
    assert never == 7
    assert cook("accounts-that-never-paid").value == {
        "NOT IN, with NULLs": 0,
        "NOT IN, without": never,
        "NOT EXISTS": never,
    }


def test_no_large_dinner(cook: Cook, rows: Any) -> None:
    sent = rows("SELECT from_account_id, category, amount FROM transactions")
    dined = {account for account, category, _ in sent if category == "restaurant"}
    paid = {account for account, _, amount in sent if amount > 100}
    both = {
        account for account, category, amount in sent if category == "restaurant" and amount > 100
    }
    accounts = {pk for (pk,) in rows("SELECT id FROM accounts")}
    ran = cook("no-large-dinner", most=Decimal(100))
    assert ran.value == {
        "exclude()": len(accounts - (dined & paid)),
        "~Exists": len(accounts - both),
    }
    assert [section.queries[0].sql.count("EXISTS") for section in ran.sections] == [2, 1]


def test_payments_by_day(cook: Cook, rows: Any) -> None:
    days = [
        moment.date()
        for (moment,) in rows(
            "SELECT created_at AT TIME ZONE 'UTC' FROM transactions WHERE status = 'completed'"
        )
    ]
    ran = cook("payments-by-day", day=date(2025, 6, 30))
    assert ran.value == {
        "that day": days.count(date(2025, 6, 30)),
        "that month": sum((day.year, day.month) == (2025, 6) for day in days),
        "that year": sum(day.year == 2025 for day in days),
    }
    by_day, by_month, by_year = (query.sql for query in ran.work.queries)
    assert "::date = " in by_day
    assert "EXTRACT(MONTH FROM" in by_month
    assert by_year.count("BETWEEN") == 1
    assert "EXTRACT" not in by_year


def test_largest_payments(cook: Cook, rows: Any) -> None:
    amounts = sorted(
        (amount for (amount,) in rows("SELECT amount FROM transactions WHERE currency = 'USD'")),
        reverse=True,
    )
    ran = cook("largest-payments", skip=3, most=4)
    assert [row.amount for row in ran.value] == amounts[3:7]
    assert ran.work.queries[0].sql.endswith("LIMIT 4 OFFSET 3")
    assert ran.tables[0].columns[:3] == ["created_at", "description", "amount"]


def test_accounts_by_limit(cook: Cook) -> None:
    ran = cook("accounts-by-limit")
    assert [row["daily_limit"] for row in ran.value] == [Decimal(2500), None, None, None, None]
    assert ran.value[0]["user__name"] == "Ana Ferreira"
    assert "DESC NULLS LAST" in ran.work.queries[0].sql


def test_accounts_with_labels(cook: Cook, rows: Any) -> None:
    accounts = rows(
        "SELECT u.name, a.name, balance, daily_limit FROM accounts a"
        " JOIN users u ON u.id = user_id WHERE email = 'ana@example.com' ORDER BY a.name"
    )
    ran = cook("accounts-with-labels")
    found = [tuple(row.values()) for row in ran.value]
    assert found == [
        (f"{who}: {name}", min(of_both), max(of_both), balance >= 5000)
        for who, name, balance, limit in accounts
        for of_both in [(balance, balance if limit is None else limit)]
    ]
    assert {least == greatest for _label, least, greatest, _is_large in found} == {True, False}
    assert {is_large for *_others, is_large in found} == {True, False}
    assert 'COLLATE "C"' in ran.work.queries[0].sql


def test_page_of_payments(cook: Cook, rows: Any) -> None:
    [(groceries,)] = rows("SELECT count(*) FROM transactions WHERE category = 'groceries'")
    pages = -(-groceries // 5)
    ran = cook("page-of-payments", page=2)
    (title, page), _ = ran.value.items()
    assert title == f"page 2 of {pages}"
    assert [(row.created_at, row.amount) for row in page] == rows(
        "SELECT created_at, amount FROM transactions WHERE category = 'groceries'"
        " ORDER BY created_at DESC LIMIT 5 OFFSET 5"
    )
    assert ran.value["groceries in all"] == [groceries]
    counting, reading = (query.sql for query in ran.work.queries)
    assert counting.startswith("SELECT COUNT(*)")
    assert reading.endswith("LIMIT 5 OFFSET 5")
    assert f"page {pages} of {pages}" in cook("page-of-payments", page=pages + 7).value


def test_day_of_an_account(cook: Cook, rows: Any) -> None:
    days = [
        moment.date()
        for (moment,) in rows(
            "SELECT t.created_at AT TIME ZONE 'UTC' FROM transactions t"
            " JOIN accounts a ON a.id = from_account_id JOIN users u ON u.id = user_id"
            " WHERE a.name = 'Everyday' AND email = 'ana@example.com'"
        )
    ]
    june = [day for day in days if (day.year, day.month) == (2026, 6)]
    day = max(june, key=days.count)
    ran = cook("day-of-an-account", day=day.day)
    assert ran.value == {"date": days.count(day), "gte and lt": days.count(day)}
    _, wrapped, plain = (section.queries[0].plan for section in ran.sections)
    assert f"Rows Removed by Filter: {len(days) - days.count(day)}" in wrapped
    assert "Removed" not in plain
    [found_by] = [line for line in plain.splitlines() if "Index Cond" in line]
    assert "created_at >=" in found_by
    assert "created_at <" in found_by


def test_delete_a_jar(cook: Cook, rows: Any) -> None:
    ran = cook("delete-a-jar")
    refusal = str(ran.value.pop("account"))
    assert ran.value == {"deleted": 3, "cookbook.JarNote": 2, "cookbook.Jar": 1}
    assert "'Transaction.from_account'" in refusal
    cascade, protect = (section for section in ran.sections if section.title)
    assert [query.sql.partition(" WHERE")[0] for query in cascade.queries[-2:]] == [
        'DELETE FROM "jar_notes"',
        'DELETE FROM "jars"',
    ]
    assert protect.queries
    assert all(query.sql.startswith("SELECT") for query in protect.queries)
    assert rows("SELECT count(*) FROM accounts WHERE name = 'Travel'") == [(1,)]
    assert cook("delete-a-jar", name="nothing").value["deleted"] == 0


def test_limit_or_none(cook: Cook, rows: Any) -> None:
    accounts = rows(
        "SELECT u.name, a.name, daily_limit, transfer_limit, u.email FROM accounts a"
        " JOIN users u ON u.id = user_id WHERE currency = 'USD'"
    )
    limits = sorted(
        (
            (daily or transfer or 0, email, who, name)
            for who, name, daily, transfer, email in accounts
        ),
        key=lambda row: (-row[0], row[1], row[3]),
    )
    ran = cook("limit-or-none")
    assert [(row["limit"], row["user__name"], row["name"]) for row in ran.value] == [
        (limit, who, name) for limit, _, who, name in limits[:5]
    ]
    assert [limit for limit, *_ in limits[:3]] == [5000, 2500, 0]
    assert 'COALESCE("accounts"."daily_limit", "accounts"."transfer_limit", 0)' in (
        ran.work.queries[0].sql
    )


def test_payments_by_the_clock(cook: Cook, rows: Any) -> None:
    times = [
        when.astimezone(UTC)
        for (when,) in rows("SELECT created_at FROM transactions WHERE status = 'completed'")
    ]
    assert cook("payments-by-the-clock", hour=7).value == {
        "in that hour of the day": sum(when.hour == 7 for when in times),
        "on a Sunday": sum(when.isoweekday() == 7 for when in times),
        "on a 29th": sum(when.day == 29 for when in times),
        "at a weekend": sum(when.isoweekday() >= 6 for when in times),
        "at a full hour": sum((when.minute, when.second) == (0, 0) for when in times),
        "in week 24": sum(when.isocalendar()[:2] == (2026, 24) for when in times),
        "in the second quarter": sum(when.month in (4, 5, 6) for when in times),
    }
