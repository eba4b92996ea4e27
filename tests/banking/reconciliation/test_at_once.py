"""Two sessions that change one reconciliation at once come one after the other."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.db import transaction as db_transaction

from accounts.models import User
from banking.outside.formats.reading import lines_of
from banking.reconciliation import services
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from banking.reconciliation.triggers import LOCK
from ledger.db.ids import uuid7
from tests.banking.reconciliation.files import (
    HEAD,
    line_of,
    paid_in,
    seen_now,
    settled,
    sign,
    statement,
    today,
)
from tests.factories import AccountFactory, UserFactory
from tests.transactions.posting.shared import wait_for_whoever_waits
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
SIGN = "UPDATE reconciliations SET signed_by_id = %s"
SIGN_TOO = "UPDATE reconciliations SET countersigned_by_id = %s"
UNMATCH = "DELETE FROM reconciliation_matches"
ADD_LINE = """
    INSERT INTO reconciliation_lines
        (id, reconciliation_id, number, booked_on, amount, description, other, reference,
         outside_id, leftover)
    SELECT gen_random_uuid(), id, 99, first_on, 5, '', '', '', '', '' FROM reconciliations
"""
OPEN_AGAIN = "UPDATE reconciliation_lines SET leftover = '' WHERE leftover <> ''"


@pytest.fixture
def first() -> User:
    return UserFactory(name="First")


@pytest.fixture
def second() -> User:
    return UserFactory(name="Second")


@pytest.fixture
def whose(first: User) -> Reconciliation:
    """Settled: a line is matched, one is left over."""
    paid_in(AccountFactory(), "40")
    return settled(statement("40.00,,,", "7.00,,,"), first)


def behind(sql: str, values: list[Any], then: Callable[[], str]) -> str:
    """What `then` comes to in another session that waits for this one's statement to commit."""

    def run() -> str:
        try:
            return then()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with db_transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
            other = pool.submit(run)
            wait_for_whoever_waits(other)
        return other.result(timeout=60)


def raw(sql: str, *values: Any) -> Callable[[], str]:
    """Runs the statement in a session without the services; the rule that refuses it."""

    def run() -> str:
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
            other.execute("SET lock_timeout = '5s'")
            try:
                other.execute(sql, values)
            except psycopg.errors.IntegrityError as error:
                return str(error.diag.constraint_name)
        return "done"

    return run


def test_an_upload_sent_twice_at_once_is_one(second: User) -> None:
    """The copy of the row stands for the first of the two, which has not committed yet."""
    body, id = f"{HEAD}{today()},40.00,,,\n".encode(), uuid7()

    def send(**facts: Any) -> Reconciliation:
        source = BytesIO(body)
        return services.upload(source, by=second, name="n.csv", currency="USD", **facts)

    facts = "account_id, name, format, digest, currency, first_on, last_on, line_count"
    facts += ", created_by_id, created_at"
    copy = f"INSERT INTO reconciliations (id, {facts}) SELECT %s, {facts} FROM reconciliations"
    first = send(id=id)
    services.discard(reconciliation=first, seen=seen_now(first))
    send()
    assert behind(copy, [first.pk], lambda: str(send(id=id).pk)) == str(first.pk)
    assert Reconciliation.objects.count() == 2


def test_an_upload_does_not_wait_for_others_nor_others_for_it(
    whose: Reconciliation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line of the file is read while the first one is written and not committed."""
    colleague = raw("UPDATE reconciliation_lines SET leftover = 'Ours'")
    results = []

    def lines(*arguments: Any) -> Iterator[Any]:
        with ThreadPoolExecutor(1) as pool:
            for number, line in enumerate(lines_of(*arguments)):
                if number:
                    results.append(pool.submit(colleague).result(timeout=60))
                yield line

    monkeypatch.setattr(services, "lines_of", lines)
    monkeypatch.setattr(services, "PART", 1)
    made = statement("5.00,,,", "6.00,,,")
    assert results == ["done"]
    assert ReconciliationLine.objects.of(made).count() == 2


def test_no_line_is_added_while_another_session_signs(whose: Reconciliation, first: User) -> None:
    assert behind(SIGN, [first.pk], raw(ADD_LINE)) == "lines_of_signed_complete"
    assert ReconciliationLine.objects.of(whose).count() == 2


def test_a_signer_finds_the_line_that_another_session_adds(
    whose: Reconciliation, first: User
) -> None:
    assert behind(ADD_LINE, [], raw(SIGN, first.pk)) == "reconciliation_is_settled"
    whose.refresh_from_db()
    assert not whose.is_signed


def test_of_two_first_signers_at_once_one_is_refused(
    whose: Reconciliation, first: User, second: User
) -> None:
    found = behind(SIGN, [first.pk], raw(SIGN, second.pk))
    assert found == "reconciliation_signed_once"
    whose.refresh_from_db()
    assert (whose.signed_by, whose.is_frozen) == (first, False)


def test_one_person_in_two_sessions_does_not_sign_for_two(
    whose: Reconciliation, first: User
) -> None:
    assert behind(SIGN, [first.pk], raw(SIGN_TOO, first.pk)) == "reconciliation_by_two"

    def sign_again() -> str:
        with pytest.raises(InvalidDetails) as refused:
            sign(whose, first)
        return str(refused.value)

    services.take_back(reconciliation=whose, seen=seen_now(whose))
    assert "Another person" in behind(SIGN, [first.pk], sign_again)
    whose.refresh_from_db()
    assert not whose.is_frozen


def test_of_two_second_signers_at_once_one_is_refused(
    whose: Reconciliation, first: User, second: User
) -> None:
    sign(whose, first)
    third = UserFactory(name="Third")
    found = behind(SIGN_TOO, [second.pk], raw(SIGN_TOO, third.pk))
    assert found == "reconciliation_is_frozen"
    whose.refresh_from_db()
    assert whose.countersigned_by == second


def test_sure_lines_leave_out_what_another_session_matches(
    whose: Reconciliation, first: User
) -> None:
    ReconciliationMatch.objects.all().delete()
    line, paid = line_of(whose, 1), Transaction.objects.get()
    other = statement("40.00,,,")
    sql = """
        INSERT INTO reconciliation_matches
            (id, line_id, transaction_id, amount, is_sure, created_by_id, created_at)
        VALUES (gen_random_uuid(), %s, %s, 40, false, %s, now())
    """

    def match() -> str:
        return str(services.match_sure(reconciliation=other, by=first))

    assert behind(sql, [line.pk, paid.pk, first.pk], match) == "0"


def test_a_search_that_finds_nothing_sure_waits_for_nobody(first: User) -> None:
    unsure = statement("41.00,,,")
    with (
        psycopg.connect(**connection.get_connection_params()) as colleague,
        connection.cursor() as cursor,
    ):
        colleague.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SET lock_timeout = '20ms'")
        try:
            assert services.match_sure(reconciliation=unsure, by=first) == 0
        finally:
            cursor.execute("RESET lock_timeout")


@pytest.mark.parametrize("change", [UNMATCH, OPEN_AGAIN])
def test_a_signer_finds_the_line_that_another_session_opens(
    whose: Reconciliation, first: User, change: str
) -> None:
    assert behind(change, [], raw(SIGN, first.pk)) == "reconciliation_is_settled"
    whose.refresh_from_db()
    assert not whose.is_signed


@pytest.mark.parametrize(
    ("change", "rule"),
    [(UNMATCH, "match_of_signed_stays"), (OPEN_AGAIN, "line_of_signed_stays")],
)
def test_a_change_finds_the_signature_of_another_session(
    whose: Reconciliation, first: User, change: str, rule: str
) -> None:
    assert behind(SIGN, [first.pk], raw(change)) == rule
    assert ReconciliationMatch.objects.count() == 1
    assert ReconciliationLine.objects.of(whose).exclude(leftover="").count() == 1


def test_an_older_snapshot_changes_nothing(whose: Reconciliation, first: User) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            other.execute(SIGN, [first.pk])
        other.rollback()
    assert refused.value.diag.constraint_name == "reconciled_one_at_a_time"
    assert line_of(whose, 1).rest == 0
