"""Whatever the owner of the tables changes in a sealed period is named: by seal, day and row."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ledger.db.ids import uuid7
from tests.factories import AccountFactory, insert_row
from tests.transactions.audit.breaking import falsify_rules
from tests.transactions.audit.sealed_books import as_owner, book, day, march
from transactions import services
from transactions.audit.audit import Finding, audit
from transactions.audit.sealing import seal
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[Transaction]:
    """Five sealed rows: four in the first seal (1 and 2 March), one in the second (4 March)."""
    _, rows = march()
    seal(until=day(3))
    seal(until=day(5))
    assert audit().clean
    return rows


def finding() -> Finding:
    """The first one of seals; a day that was changed in its seal is another one."""
    finding, *_day = [found for found in audit().findings if found.check == "seal"]
    return finding


def place_of(finding: Finding) -> tuple[str, ...]:
    """Which row of how many, and of which day, was expected."""
    place = re.match(r"row (\d+) of (\d+) on ([\d-]+)", finding.expected)
    assert place, finding.expected
    return place.groups()


@pytest.mark.parametrize("change", [
    "amount = 11", "to_balance = 999", "description = 'x'", "reference = 'x'",
    "metadata = '{\"a\": 1}'", "value_date = '2026-03-09'", "created_by_id = NULL",
    "created_at = created_at + interval '1 microsecond'", "status = 'pending', to_balance = NULL",
    "expires_at = '2026-04-01', status = 'voided', to_balance = NULL",
    "id = '00000000-0000-7000-8000-000000000000'",
])  # fmt: skip
def test_whatever_is_changed_in_a_row_it_is_named(rows: Any, change: str) -> None:
    as_owner("UPDATE transactions SET created_by_id = NULL")
    if "created_by" in change:
        row = rows[1]
        as_owner(
            "UPDATE transactions SET created_by_id = accounts.user_id "
            "FROM accounts WHERE accounts.id = to_account_id AND transactions.id = %s",
            row.pk,
        )
    else:
        as_owner(f"UPDATE transactions SET {change} WHERE id = %s", rows[1].pk)
    changed = Transaction.objects.order_by("created_at")[1]
    found = finding()
    assert (found.seal, found.transaction) == (1, str(changed.pk))
    assert found.account == str(changed.to_account_id)
    assert place_of(found) == ("2", "3", "2026-03-01")
    assert "seal 1 (to 2026-03-02)" in found.expected
    assert found.found == "another row"


@pytest.mark.parametrize(
    "change", ["UPDATE transactions SET description = 'x'", "DELETE FROM transactions"]
)
@pytest.mark.parametrize(("row", "changed"), [(4, 1), (0, 2), (0, 1)])
def test_a_changed_seal_and_a_changed_row_hide_nothing(
    rows: Any, row: int, changed: int, change: str
) -> None:
    as_owner(f"{change} WHERE id = %s", rows[row].pk)
    as_owner("UPDATE seals SET row_count = row_count + 1 WHERE number = %s", changed, table="seals")
    found = [(each.seal, each.day is not None) for each in audit().findings if each.check == "seal"]
    assert found == [(changed, False), (2 if row == 4 else 1, True)]


@pytest.mark.parametrize(("row", "changed"), [(3, 1), (4, 2)])
def test_a_seal_whose_period_was_changed_hides_no_row(rows: Any, row: int, changed: int) -> None:
    as_owner("UPDATE transactions SET description = 'x' WHERE id = %s", rows[row].pk)
    as_owner(
        "UPDATE seals SET ends_at = ends_at - interval '1 day' WHERE number = %s", changed,
        table="seals",
    )  # fmt: skip
    named = {each.transaction for each in audit().findings if each.check == "seal"}
    assert str(rows[row].pk) in named


def test_what_is_computed_or_ends_later_is_not_sealed(rows: Any) -> None:
    """A hold ends after it was sealed; which way is in the row that captures it."""
    as_owner("UPDATE transactions SET status = 'pending', to_balance = NULL WHERE id = %s",
             rows[4].pk)  # fmt: skip
    before = finding()
    as_owner("UPDATE transactions SET status = 'voided' WHERE id = %s", rows[4].pk)
    assert finding() == before


def test_a_row_that_is_gone_is_named_by_the_one_in_its_place(rows: Any) -> None:
    as_owner("DELETE FROM transactions WHERE id = %s", rows[0].pk)
    found = finding()
    assert (found.seal, found.transaction) == (1, str(rows[1].pk))
    assert place_of(found) == ("1", "3", "2026-03-01")
    assert "the row gone" in found.found


def test_a_sealed_hold_that_came_to_nothing_and_is_gone_is_found() -> None:
    """No balance ever knew of it: the seal does, also if its note was never registered."""
    account = AccountFactory(overdraft_limit=Decimal(10))
    draft = services.Draft(
        from_account=account, amount=10, pending=True, created_at=datetime(2026, 3, 1, tzinfo=UTC)
    )
    hold = services.book(draft)
    services.void(hold=hold)
    follower = book(account, 1)
    seal(until=day(3))
    assert audit().clean
    as_owner("DELETE FROM transaction_notes", table="transaction_notes")
    as_owner("DELETE FROM transactions WHERE id = %s", hold.pk)
    assert [found.check for found in audit().findings] == ["missing row", "seal"]
    as_owner(
        "DELETE FROM row_register WHERE table_name = 'transaction_notes'", table="row_register"
    )
    assert [found.check for found in audit().findings] == ["seal"]
    assert (finding().seal, finding().transaction) == (1, str(follower.pk))
    assert place_of(finding()) == ("1", "2", "2026-03-01")


def test_the_last_row_of_a_day_that_is_gone_is_said_so(rows: Any) -> None:
    as_owner("DELETE FROM transactions WHERE id = %s", rows[2].pk)
    found = finding()
    assert (found.seal, found.transaction) == (1, None)
    assert place_of(found) == ("3", "3", "2026-03-01")
    assert found.found == "no row"


def test_a_day_that_is_gone_is_named(rows: Any) -> None:
    as_owner("DELETE FROM transactions WHERE id = %s", rows[4].pk)
    found = finding()
    assert (found.seal, found.found) == (2, "no row")
    assert place_of(found) == ("1", "1", "2026-03-04")


@pytest.mark.parametrize(("moment", "place"), [
    ("2026-03-01T08:30Z", ("2", "3", "2026-03-01")),
    ("2026-03-01T23:00Z", ("4", "3", "2026-03-01")),
    ("2026-03-02T01:00Z", ("1", "1", "2026-03-02")),
    ("1999-12-31T01:00Z", ("1", "0", "1999-12-31")),
    ("2026-03-03T00:00Z", ("1", "0", "2026-03-03")),
])  # fmt: skip
def test_a_row_that_was_put_in_later_is_named(
    rows: Any, moment: str, place: tuple[str, str, str]
) -> None:
    new, account = uuid7(), rows[0].to_account_id
    as_owner(
        "INSERT INTO transactions (id, to_account_id, to_balance, amount, currency, type, status, "
        "description, reference, metadata, created_at, value_date) VALUES "
        "(%s, %s, 1, 1, 'USD', 'deposit', 'completed', '', '', '{}', %s, '2026-03-01')",
        new, account, moment,
    )  # fmt: skip
    found = finding()
    assert found.transaction == str(new)
    assert place_of(found) == place
    assert "not there then" in found.found


def test_a_row_put_into_the_empty_last_days_of_the_last_seal_is_named(rows: Any) -> None:
    seal(until=day(9))
    new, account = uuid7(), rows[0].to_account_id
    as_owner(
        "INSERT INTO transactions (id, to_account_id, to_balance, amount, currency, type, status, "
        "description, reference, metadata, created_at, value_date) VALUES "
        "(%s, %s, 1, 1, 'USD', 'deposit', 'completed', '', '', '{}', '2026-03-07', '2026-03-01')",
        new, account,
    )  # fmt: skip
    assert (finding().seal, finding().transaction) == (3, str(new))
    as_owner("UPDATE seals SET digest = sha256('x') WHERE number = 2", table="seals")
    of_day = next(found for found in audit().findings if found.day)
    assert (of_day.seal, of_day.transaction) == (3, str(new))


def test_two_rows_that_changed_places_are_named(rows: Any) -> None:
    first, second = rows[0], rows[1]
    as_owner(
        "UPDATE transactions SET created_at = CASE id WHEN %s THEN %s ELSE %s END "
        "WHERE id IN (%s, %s)",
        first.pk, second.created_at, first.created_at, first.pk, second.pk,
    )  # fmt: skip
    found = finding()
    assert (found.seal, found.transaction) == (1, str(second.pk))


def test_the_first_period_is_named_where_several_are_broken(rows: Any) -> None:
    as_owner("UPDATE transactions SET reference = 'x' WHERE id IN (%s, %s)",
             rows[4].pk, rows[3].pk)  # fmt: skip
    assert (finding().seal, finding().transaction) == (1, str(rows[3].pk))


@pytest.mark.parametrize("change", [
    "row_count = row_count + 1", "sums = '{}'", "ends_at = ends_at - interval '1 day'",
    "digest = sha256('x')",
])  # fmt: skip
def test_a_changed_seal_is_named(rows: Any, change: str) -> None:
    as_owner(f"UPDATE seals SET {change} WHERE number = 1", table="seals")
    found = finding()
    assert found.seal == 1
    assert found.expected.startswith("seal 1")


@pytest.mark.parametrize("change", [
    "UPDATE sealed_days SET digest = sha256('x')",
    "UPDATE sealed_days SET row_count = row_count + 1, fingerprints = fingerprints || 'four'",
    "UPDATE sealed_days SET seal_id = 2",
    "DELETE FROM sealed_days",
])  # fmt: skip
def test_a_changed_day_of_a_seal_is_named(rows: Any, change: str) -> None:
    as_owner(f"{change} WHERE day = '2026-03-02'", table="sealed_days")
    assert (finding().seal, finding().found) == (1, "another digest")


def test_changed_fingerprints_are_found_and_accuse_no_payment(rows: Any) -> None:
    """A finding takes its row from the fingerprints: edited ones would point at another row."""
    as_owner(
        "UPDATE sealed_days SET fingerprints = overlay(fingerprints PLACING 'four' FROM 5)"
        " WHERE day = '2026-03-01'",
        table="sealed_days",
    )
    (found,) = audit().findings
    assert (found.check, found.seal, found.day) == ("seal", 1, "2026-03-01")
    assert place_of(found) == ("2", "3", "2026-03-01")
    assert (found.account, found.transaction) == (None, None)


def test_a_day_that_a_seal_lost_accuses_no_payment(rows: Any) -> None:
    """Its rows may be what they were: nobody can tell."""
    as_owner("DELETE FROM sealed_days WHERE day = '2026-03-02'", table="sealed_days")
    seal_itself, of_day = [found for found in audit().findings if found.check == "seal"]
    assert (seal_itself.seal, seal_itself.day) == (1, None)
    assert (of_day.seal, of_day.day, of_day.transaction) == (1, "2026-03-02", None)


def test_a_seal_that_was_made_longer_accuses_no_later_payment(rows: Any) -> None:
    book(rows[0].to_account, 6)
    as_owner(
        "UPDATE seals SET ends_at = ends_at + interval '3 days' WHERE number = 2", table="seals"
    )
    assert {found.transaction for found in audit().findings} == {None}


def test_a_day_is_told_by_the_seal_that_has_it(rows: Any) -> None:
    """Though the period of another was made longer, so that it covers that day."""
    as_owner("UPDATE transactions SET description = 'x' WHERE id = %s", rows[4].pk)
    as_owner(
        "UPDATE seals SET ends_at = ends_at + interval '3 days' WHERE number = 1", table="seals"
    )
    of_day = next(found for found in audit().findings if found.day)
    assert (of_day.seal, of_day.transaction) == (2, str(rows[4].pk))


def test_changed_rows_with_a_day_made_to_fit_break_the_seal(rows: Any) -> None:
    """A forger who recomputes the day must recompute its seal, and then every one after it."""
    as_owner("UPDATE transactions SET reference = 'x' WHERE id = %s", rows[3].pk)
    as_owner(
        "UPDATE sealed_days SET digest = sha256('made to fit') WHERE day = '2026-03-02'",
        table="sealed_days",
    )
    assert finding().seal == 1
    as_owner("UPDATE seals SET digest = sha256('made to fit') WHERE number = 1", table="seals")
    assert finding().seal == 1


def test_a_seal_that_is_gone_is_named(rows: Any) -> None:
    as_owner("DELETE FROM sealed_days WHERE seal_id = 1", table="sealed_days")
    as_owner("DELETE FROM seals WHERE number = 1", table="seals")
    assert (finding().expected, finding().found) == ("seal 1", "seal 2 in its place")


DAY = (
    "INSERT INTO sealed_days (day, seal_id, row_count, digest, fingerprints)"
    " VALUES (%s, %s, 1, sha256(''), '\\x00000000')"
)


@pytest.mark.parametrize("of", ["2026-03-06", "2026-03-08", "infinity"])
@pytest.mark.parametrize("number", [3, 999])
def test_a_day_of_no_seal_is_named_and_hinders_the_next_seal(
    rows: Any, of: str, number: int
) -> None:
    book(rows[0].to_account, 6)
    falsify_rules("sealed_days")
    as_owner(DAY, of, number, table="sealed_days")
    assert finding().expected.startswith(f"a seal {number}")
    with pytest.raises(CommandError, match="sealed_days"):
        call_command("seal_ledger")


def test_a_day_after_its_seal_is_named_and_hinders_the_next_seal(rows: Any) -> None:
    """The role of the worker may insert it."""
    book(rows[0].to_account, 6)
    as_owner(DAY, "2026-03-06", 2, table="sealed_days")
    assert finding().seal == 2
    with pytest.raises(CommandError, match=r"sealed_days has a row of 2026-03-06"):
        call_command("seal_ledger")


def test_what_is_booked_after_the_last_seal_is_not_its_business(rows: Any) -> None:
    account = rows[0].to_account_id
    insert_row(type="deposit", to_account_id=account, to_balance="60",
               created_at="2026-03-05T00:00Z")  # fmt: skip
    assert not [found for found in audit().findings if found.check == "seal"]


def test_an_audit_since_a_day_reads_no_row_before_it_and_every_seal(rows: Any) -> None:
    as_owner("UPDATE transactions SET reference = 'x' WHERE id = %s", rows[3].pk)
    assert audit(since=rows[4].created_at).clean
    assert not audit(since=rows[3].created_at).clean
    as_owner("UPDATE seals SET sums = '{}' WHERE number = 1", table="seals")
    assert [found.seal for found in audit(since=rows[4].created_at).findings] == [1]
