"""Seals close a period: what they say, what they refuse, and that they stay as they were made."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import EARLIEST
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory, insert_row
from tests.pages import lacks
from tests.refusals import refused_by
from tests.transactions.audit.sealed_books import as_owner, book, day, march
from transactions import services
from transactions.audit import digest as seal_text
from transactions.audit import sealing
from transactions.audit.audit import audit
from transactions.audit.sealing import PeriodNotOver, seal
from transactions.exceptions import InvalidDetails
from transactions.models import Seal, SealedDay, Transaction
from transactions.models.seal_triggers import SEALING

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("seal_ledger", *arguments, stdout=out)
    return out.getvalue()


def made(until: int) -> Seal:
    sealed = seal(until=day(until))
    assert sealed is not None
    return sealed


def test_the_first_seal_closes_everything_from_the_beginning() -> None:
    march()
    who = UserFactory()
    sealed = seal(until=day(3), sealed_by=who)
    assert sealed is not None
    assert (sealed.number, sealed.starts_at, sealed.row_count) == (1, EARLIEST, 4)
    assert sealed.ends_at == datetime(2026, 3, 3, tzinfo=UTC)
    assert sealed.sums == {"USD": {"deposit": "40.0000"}}
    assert (sealed.previous_digest, sealed.sealed_by) == (None, who)
    assert list(sealed.days.order_by("day").values_list("day", "row_count")) == [
        (day(1), 3),
        (day(2), 1),
    ]


def test_the_next_seal_begins_where_the_last_one_ends_and_hangs_on_its_digest() -> None:
    march()
    first, second = made(3), made(5)
    assert (second.number, second.starts_at, second.row_count) == (2, first.ends_at, 1)
    assert bytes(second.previous_digest or b"") == bytes(first.digest)
    assert audit().clean


def test_a_period_without_a_row_is_sealed_too() -> None:
    AccountFactory(balance=1)  # today
    sealed = made(3)
    assert (sealed.row_count, sealed.sums, sealed.days.count()) == (0, {}, 0)
    assert audit().clean


def test_rows_are_digested_in_order_of_time_whatever_their_ids() -> None:
    account = AccountFactory()
    later, earlier = sorted([uuid7(), uuid7()])
    book(account, 1, 8, id=earlier)
    book(account, 1, 9, id=later)
    made(3)
    as_owner("UPDATE transactions SET reference = 'x' WHERE id = %s", later)
    (finding,) = audit().findings
    assert finding.expected.startswith("row 2 of 2")
    as_owner("UPDATE transactions SET reference = '' WHERE id = %s", later)
    assert audit().clean


def test_sealing_again_makes_nothing() -> None:
    march()
    made(3)
    assert seal(until=day(3)) is None
    assert seal(until=day(2)) is None
    assert Seal.objects.count() == 1


def test_the_default_is_every_day_that_is_over() -> None:
    services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    sealed = seal()
    assert sealed is not None
    assert sealed.ends_at == sealing.midnight(sealing.last_day())


def test_a_day_is_over_some_minutes_after_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes, expected in ((5, day(1)), (15, day(2))):
        now = datetime(2026, 3, 2, 0, minutes, tzinfo=UTC)
        monkeypatch.setattr(sealing, "_database_time", lambda now=now: now)
        assert sealing.last_day() == expected


def test_a_day_that_is_not_over_is_refused() -> None:
    with pytest.raises(PeriodNotOver, match="is not over yet"):
        seal(until=sealing.last_day() + timedelta(days=1))
    assert not Seal.objects.exists()


# Nothing enters, nothing changes


def test_nothing_is_added_to_a_sealed_day() -> None:
    march()
    made(3)
    other, empty = AccountFactory(), AccountFactory()
    with pytest.raises(InvalidDetails, match="That day is sealed"):
        book(other, 2)
    book(other, 3)
    assert Transaction.objects.count() == 6
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        insert_row(type="deposit", to_account_id=empty.pk)
    cause: Any = refused.value.__cause__
    assert cause.diag.constraint_name == "sealed_period_is_closed"


def test_a_batch_keeps_what_does_not_belong_to_a_sealed_day() -> None:
    AccountFactory(balance=1)
    made(3)
    account = AccountFactory()
    times = [sealing.midnight(day(number)) for number in (2, 3)]
    drafts = [
        services.Draft(from_account=None, to_account=account, amount=Decimal(1), created_at=time)
        for time in times
    ]
    results = services.post_batch(drafts, atomic=False)
    assert [type(result) for result in results] == [InvalidDetails, Transaction]


def locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s "
            "AND pid = pg_backend_pid()",
            [SEALING],
        )
        count: int = cursor.fetchone()[0]
    return count


def test_a_payment_of_today_asks_nothing_of_the_seals_and_one_of_the_past_does() -> None:
    account = AccountFactory()
    services.deposit(to_account=account, amount=Decimal(5))
    assert locks() == 0
    book(AccountFactory(), 1)
    assert locks() == 1


def test_a_sealed_hold_can_still_be_captured() -> None:
    account, _ = march()
    hold = services.Draft(
        from_account=account, to_account=None, amount=Decimal(5), pending=True,
        created_at=datetime(2026, 3, 4, 9, tzinfo=UTC),
    )  # fmt: skip
    (held,) = services.post_batch([hold])
    made(5)
    services.capture(hold=held)  # type: ignore[arg-type]
    assert Transaction.objects.get(status="captured").created_at < timezone.now()
    assert audit().clean


@pytest.mark.parametrize("table", ["seals", "sealed_days"])
def test_seals_are_only_ever_added(table: str) -> None:
    march()
    made(3)
    name = {"seals": "seal_stays", "sealed_days": "sealed_day_stays"}[table]
    assert refused_by(f"UPDATE {table} SET row_count = row_count + 1") == name
    assert refused_by(f"DELETE FROM {table}") == name
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    truncate = refused_by(f"TRUNCATE {table} CASCADE")
    assert truncate in {"seals_stay", "sealed_days_stay"}


INSERT = """
    INSERT INTO seals (number, version, starts_at, ends_at, row_count, sums, previous_digest,
                       digest, sealed_at)
    SELECT %s, 1, starts_at + %s::interval, ends_at + %s::interval, 0, '{}',
           %s::bytea, digest, now() FROM seals WHERE number = 1"""


@pytest.mark.parametrize(("number", "start", "end", "previous", "name"), [
    (3, "0", "1 day", "right", "seal_follows"),
    (2, "0", "1 day", "right", "seal_follows"),
    (2, "gap", "2 days", "right", "seal_follows"),
    (2, "end", "1 day", "wrong", "seal_follows"),
    (2, "end", "9999 days", "right", "seal_is_of_the_past"),
    (2, "end", "0", "right", "seal_period_valid"),
])  # fmt: skip
def test_a_seal_follows_the_one_before(
    number: int, start: str, end: str, previous: str, name: str
) -> None:
    march()
    first = made(3)
    length = first.ends_at - first.starts_at
    starts = {"0": "0", "gap": length + timedelta(days=1), "end": length}[start]
    digest = bytes(first.digest) if previous == "right" else b"wrong"
    assert refused_by(INSERT, number, starts, end, digest) == name


def test_a_bank_without_transactions_gets_no_seal() -> None:
    """Its history can still be imported, after a night with the worker."""
    assert sealing.seal() is None
    march()
    assert sealing.seal(until=day(3)) is not None


def test_no_other_settings_of_the_session_change_a_digest() -> None:
    account, _ = march()
    book(account, 4, 12, metadata={"bb": 1.50, "a": {"é": ["\u2028", None]}}, description='"\\,]')
    made(5)
    facts = {"starts_at": EARLIEST, "ends_at": sealing.midnight(day(5))}
    with connection.cursor() as cursor:
        for setting in (
            "DateStyle = 'German, DMY'", "TimeZone = 'Asia/Kolkata'", "bytea_output = 'escape'",
            "extra_float_digits = 0", "IntervalStyle = 'iso_8601'", "lc_numeric = 'C'",
        ):  # fmt: skip
            cursor.execute(f"SET LOCAL {setting}")
        cursor.execute(f"SELECT bool_and(digest = recomputed) FROM ({seal_text.SEALS}) AS seals")
        assert cursor.fetchone() == (True,)
        cursor.execute(
            f"SELECT count(*) FROM ({seal_text.DAYS}) AS now NATURAL JOIN sealed_days", facts
        )
        assert cursor.fetchone() == (3,)


# The command


def test_the_command_seals_and_says_what_to_keep() -> None:
    march()
    said = run("--until", "2026-03-03")
    digest = Seal.objects.get().hex_digest
    sentence, _, kept = said.partition("\n")
    assert not lacks(sentence, "4 transactions", "2026-03-02", "seal 1")
    assert kept == f"{digest}\n"
    assert run("--until", "2026-03-03").startswith("Nothing to seal")
    assert Seal.objects.count() == 1


def test_the_command_prints_json() -> None:
    march()
    made(2)
    said = json.loads(run("--until", "2026-03-05", "--json"))
    assert (said["number"], said["row_count"]) == (2, 2)
    assert said["previous_digest"] == Seal.objects.get(number=1).hex_digest
    assert said["digest"] == Seal.objects.get(number=2).hex_digest
    assert json.loads(run("--until", "2026-03-05", "--json")) is None


def test_the_command_refuses_a_day_that_is_not_over() -> None:
    with pytest.raises(CommandError, match="is not over yet"):
        run("--until", "2999-01-01")


def test_a_digest_that_was_kept_is_found_again_however_it_was_copied() -> None:
    march()
    kept = made(3).hex_digest
    made(5)
    for copied in (kept, kept.upper(), f" {kept[:32]} {kept[32:]}\n"):
        said = run("--verify", copied)
        assert said.startswith("Seal 1 matches")
        assert "up to 2026-03-02" in said


@pytest.mark.parametrize("digest", ["00" * 32, "nonsense", "abc"])
def test_a_digest_of_no_seal_is_said_so(digest: str) -> None:
    march()
    made(3)
    with pytest.raises(CommandError, match="No seal has this digest"):
        run("--verify", digest)


def test_verifying_looks_no_further_than_the_seal_that_was_kept() -> None:
    _, rows = march()
    first, second = made(3), made(5)
    as_owner("UPDATE transactions SET reference = 'forged' WHERE id = %s", rows[4].pk)
    assert run("--verify", first.hex_digest).startswith("Seal 1 matches")
    err = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("seal_ledger", "--verify", second.hex_digest, stderr=err)
    assert stopped.value.code == 1
    assert f"transaction {rows[4].pk}" in err.getvalue()


def test_a_forger_who_seals_anew_is_caught_by_the_digest_that_was_kept() -> None:
    """The audit alone cannot: everything in the database agrees with itself."""
    _, rows = march()
    kept = made(5).hex_digest
    as_owner("UPDATE transactions SET reference = 'forged' WHERE id = %s", rows[0].pk)
    as_owner("DELETE FROM sealed_days", table="sealed_days")
    as_owner("DELETE FROM seals", table="seals")
    made(5)
    assert audit().clean
    with pytest.raises(CommandError, match="No seal has this digest"):
        run("--verify", kept)
    assert SealedDay.objects.exists()
