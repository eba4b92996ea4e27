"""Recipes of constraints, each held against what the practice bank itself says."""

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Model

from accounts.models import Account
from tests.cookbook.conftest import Cook


def sent(ran: Any) -> list[str]:
    """The statements, without those about savepoints."""
    words = ("SAVEPOINT", "RELEASE", "ROLLBACK")
    return [query.sql for query in ran.work.queries if not query.sql.startswith(words)]


def definition(rows: Any, name: str) -> str:
    """A constraint or an index of the practice bank, as Postgres says it."""
    found = rows("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", name)
    found += rows("SELECT indexdef FROM pg_indexes WHERE indexname = %s", name)
    return str(found[0][0])


def sentences_of(model: type[Model]) -> dict[str, str]:
    """What each constraint of a model says, by its name."""
    return {each.name: str(each.violation_error_message) for each in model._meta.constraints}


def test_check_by_name(cook: Cook, rows: Any) -> None:
    ran = cook("check-by-name", transfer_limit=Decimal(-1))
    ((limit,),) = rows(
        "SELECT transfer_limit FROM accounts JOIN users ON users.id = user_id"
        " WHERE email = 'ana@example.com' AND accounts.name = 'Everyday'"
    )
    assert limit == Decimal(5000)
    assert '"limits_positive"' in ran.value.pop("message")
    assert ran.value == {
        "constraint": "limits_positive",
        "SQLSTATE": "23514",
        "limit afterwards": limit,
    }
    words = [query.sql.split()[0] for query in ran.work.queries]
    assert words == ["SELECT", "SAVEPOINT", "UPDATE", "ROLLBACK", "RELEASE", "SELECT"]


def test_check_by_name_lets_a_limit_through_that_is_one(cook: Cook) -> None:
    ran = cook("check-by-name", transfer_limit=Decimal(70))
    assert ran.value == {"constraint": None, "limit afterwards": Decimal(70)}


def test_sentence_by_name(cook: Cook) -> None:
    assert [tuple(row.values()) for row in cook("sentence-by-name").value] == [
        (
            {"overdraft_limit": -20_000},
            "available_non_negative",
            "More is booked or held than the account has available.",
        ),
        (
            {"overdraft_limit": -1},
            "overdraft_limit_non_negative",
            "An overdraft limit is zero or more.",
        ),
        ({"daily_limit": 0}, "limits_positive", "A limit is above zero, or empty for none."),
    ]


def test_asked_and_refused(cook: Cook, rows: Any) -> None:
    ran = cook("asked-and-refused")
    sentences = sentences_of(Account)
    assert set(ran.value["asked"]) == {
        sentences[name]
        for name in (
            "available_non_negative",
            "overdraft_limit_non_negative",
        )
    }
    assert ran.value["refused"] == ["available_non_negative"]
    ((checks,),) = rows(
        "SELECT count(*) FROM pg_constraint"
        " WHERE conrelid = 'practice.accounts'::regclass AND contype = 'c'"
    )
    asked = [sql for sql in sent(ran) if sql.startswith("SELECT 1 AS")]
    assert sum('"_check"' in sql for sql in asked) == len(asked) == checks - 1 == 6
    assert not any("USD" in sql for sql in asked)
    assert sum(sql.startswith("UPDATE") for sql in sent(ran)) == 1


def test_one_row_for_each_name(cook: Cook, rows: Any) -> None:
    ran = cook("one-row-for-each-name", name="rent")
    assert '"jars_name_key"' in ran.value.pop("message")
    assert ran.value == {
        "constraint": "jars_name_key",
        "SQLSTATE": "23505",
        "coins in it": 5,
        "made by get_or_create()": False,
    }
    assert [sql.split()[0] for sql in sent(ran)] == ["INSERT", "INSERT", "SELECT"]
    assert definition(rows, "jars_name_key") == "UNIQUE (name)"


def test_one_row_for_each_name_takes_another_name(cook: Cook, rows: Any) -> None:
    ran = cook("one-row-for-each-name", name="food")
    assert ran.value == {"constraint": None, "coins in it": 7, "made by get_or_create()": False}
    assert rows("SELECT 1 FROM jars") == []


def test_one_main_favourite(cook: Cook, rows: Any) -> None:
    outcomes = [(row["owner"], row["outcome"]) for row in cook("one-main-favourite").value]
    assert outcomes == [
        ("Ana", "saved"),
        ("Ana", "saved"),
        ("Ana", "saved"),
        ("Ana", "one_main_favourite"),
        ("Ben", "saved"),
    ]
    assert definition(rows, "one_main_favourite").endswith("(owner) WHERE is_main")


@pytest.mark.parametrize(
    ("box", "refused"), [(7, ["Jonas"]), (6, ["Jonas", "Leila"]), (20, ["Jonas"])]
)
def test_box_rented_once_at_a_time(cook: Cook, rows: Any, box: int, refused: list[str]) -> None:
    found = cook("box-rented-once-at-a-time", box=box).value
    taken: list[Any] = []
    for row in found:
        overlaps = any(
            row["box"] == other["box"]
            and row["from"] < other["until"]
            and other["from"] < row["until"]
            for other in taken
        )
        assert row["outcome"] == ("ExclusionViolation" if overlaps else "rented")
        taken += [] if overlaps else [row]
    assert [row["holder"] for row in found if row not in taken] == refused
    assert definition(rows, "box_rented_once_at_a_time") == (
        "EXCLUDE USING gist (box WITH =, during WITH &&)"
    )


def test_change_places(cook: Cook, rows: Any) -> None:
    ran = cook("change-places")
    assert ran.value == {"order": ["Jonas", "Mara"], "half a swap": "UniqueViolation"}
    both, alone = (part for part in ran.sections if part.title)
    assert [query.sql.split()[0] for query in both.queries] == ["UPDATE", "UPDATE", "SET", "SET"]
    assert alone.queries[2].sql == "SET CONSTRAINTS ALL IMMEDIATE"
    assert definition(rows, "favourite_positions_differ") == (
        'UNIQUE (owner, "position") DEFERRABLE INITIALLY DEFERRED'
    )


def test_foreign_key_at_commit(cook: Cook, rows: Any) -> None:
    ran = cook("foreign-key-at-commit")
    assert ran.value == [
        {"done": "another owner", "outcome": "1 row changed"},
        {"done": "check_constraints()", "outcome": "ForeignKeyViolation"},
        {"done": "another currency", "outcome": "ForeignKeyViolation"},
    ]
    words = [sql.split()[0] for sql in sent(ran)]
    assert words == ["UPDATE", "SET", "UPDATE"], "the last one was refused without being asked"
    owner = definition(rows, "accounts_user_id_7f1e1f1e_fk_users_id")
    assert owner.endswith("DEFERRABLE INITIALLY DEFERRED")
    assert definition(rows, "from_account_same_currency").endswith("accounts(id, currency)")


def test_both_sides_by_their_keys(cook: Cook, rows: Any) -> None:
    ran = cook("both-sides-by-their-keys")
    ((sender, recipient, amount),) = rows(
        "SELECT payer.name, payee.name, row.amount FROM transactions AS row"
        " JOIN accounts AS source ON source.id = row.from_account_id"
        " JOIN accounts AS target ON target.id = row.to_account_id"
        " JOIN users AS payer ON payer.id = source.user_id"
        " JOIN users AS payee ON payee.id = target.user_id"
        " WHERE payer.id <> payee.id ORDER BY row.created_at DESC LIMIT 1"
    )
    assert [tuple(row.values()) for row in ran.value] == [
        ("debit", sender, -amount),
        ("credit", recipient, amount),
    ]
    _last, one, two = ran.work.queries
    assert '("entries"."transaction_id", "entries"."direction") = (' in one.sql
    assert '("entries"."transaction_id", "entries"."direction") IN ((' in two.sql
    assert "transactions_pkey" in one.plan


def test_posted_row_is_final(cook: Cook) -> None:
    ran = cook("posted-row-is-final")
    found = [(row["tried"], row["constraint"], row["SQLSTATE"]) for row in ran.value]
    assert found == [
        ("save()", "posted_row_is_final", "23514"),
        ("update()", "posted_row_is_final", "23514"),
        ("delete()", "posted_row_stays", "23514"),
    ]
    deleting = next(part for part in ran.sections if part.title == "delete()").queries
    begun, *looked_for, deleted, undone, released = [query.sql.split()[0] for query in deleting]
    assert [begun, deleted, undone, released] == ["SAVEPOINT", "DELETE", "ROLLBACK", "RELEASE"]
    assert set(looked_for) == {"SELECT"}  # what refers to the row
