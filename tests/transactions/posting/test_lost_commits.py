"""The connection goes during COMMIT: nobody knows, so the same id is looked up and sent again."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from accounts.models import Account
from banking.payment_files.booking import book_rest
from ledger.db import retry
from ledger.db.backend.cursors import PreparedCursor
from ledger.db.ids import uuid7
from ledger.db.retry import OutcomeUnknown
from tests.banking.payment_files.files import checked, fates, pay
from tests.factories import AccountFactory, balances, hold_that_ended
from tests.pooler import beside
from tests.transactions.posting.shared import answers_lost, lose_next_answer
from transactions import services, staff_services
from transactions.audit.audit import audit
from transactions.exceptions import InsufficientFunds
from transactions.models import StaffReason, Transaction
from transactions.posting import lost_statements, single_statement
from transactions.posting.single_statement import ONE_STATEMENT, STEP_BY_STEP
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)

VERBS: dict[str, Callable[[Account], Any]] = {
    "with an id": lambda a: services.withdraw(from_account=a, amount=Decimal(30), id=uuid7()),
    "without an id": lambda a: services.withdraw(from_account=a, amount=Decimal(30)),
    "a batch": lambda a: services.post_batch([Draft(from_account=a, amount=1) for _ in range(30)]),
    "a batch of good ones": lambda a: services.post_batch(
        [Draft(from_account=a, amount=1) for _ in range(30)], atomic=False
    ),
}


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


@pytest.fixture
def outside() -> Iterator[psycopg.Connection]:
    with beside() as other:
        yield other
    connection.close()


def end(outside: psycopg.Connection, pid: int) -> None:
    outside.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


@pytest.mark.own_session
@pytest.mark.own_connection
@pytest.mark.parametrize("nobody_there", [0, 1, 2], ids="{} times nobody there".format)
@pytest.mark.parametrize("verb", VERBS)
def test_ended_after_the_commit_and_before_its_answer(
    verb: str,
    nobody_there: int,
    account: Account,
    outside: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    """A server that is not back at once leaves only the error of connecting to be seen."""
    commit, lost = connection.commit, list[Any]()
    connect, tries = connection.get_new_connection, list[Any]()

    def connect_later(parameters: dict[str, Any]) -> Any:
        tries.append(parameters)
        nowhere = {"host": "/nowhere"} if len(tries) <= nobody_there else {}
        return connect(parameters | nowhere)

    lost_in: list[str] = []

    def lose_the_answer(place: str) -> None:
        if not lost:
            lost_in.append(place)
            lost.append(connection.connection.info.backend_pid)
            end(outside, lost[0])
            monkeypatch.setattr(connection, "get_new_connection", connect_later)
            connection.cursor().execute("SELECT 1")

    def commit_and_lose_the_answer() -> None:
        commit()
        lose_the_answer("commit")

    def execute_and_lose_the_answer(self: Any, *arguments: Any, **options: Any) -> Any:
        done = execute(self, *arguments, **options)
        lose_the_answer("execute")
        return done

    execute = PreparedCursor.execute
    monkeypatch.setattr(PreparedCursor, "execute", execute_and_lose_the_answer)
    # Not `commit`, which opening accounts uses as well: what ends an atomic block.
    monkeypatch.setattr(connection, "commit", commit_and_lose_the_answer)
    VERBS[verb](account)
    assert len(tries) > nobody_there
    assert lost_in == ["execute" if path == ONE_STATEMENT and "batch" not in verb else "commit"]
    assert balances(account) == [70]
    assert audit().clean


@pytest.fixture
def slow_commit(db: None) -> Iterator[None]:
    """COMMIT waits in a deferred trigger for an advisory lock, so that it can be met there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;"
            "CREATE CONSTRAINT TRIGGER wait_in_commit AFTER INSERT ON transactions"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_in_commit()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION wait_in_commit() CASCADE")


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_ended_while_the_commit_runs(
    verb: Callable[[Account], Any],
    account: Account,
    outside: psycopg.Connection,
    slow_commit: None,
    path: str,
) -> None:
    outside.execute("SELECT pg_advisory_lock(42)")

    def pay() -> None:
        try:
            verb(account)
        finally:
            connections.close_all()

    paying = threading.Thread(target=pay)
    paying.start()
    query = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND (query = 'COMMIT' OR query LIKE '%WITH locked AS%') AND pid <> pg_backend_pid()"
    )
    while not (found := outside.execute(query).fetchone()):
        assert paying.is_alive()
    end(outside, found[0])
    outside.execute("SELECT pg_advisory_unlock(42)")
    paying.join(60)
    assert balances(account) == [70]
    assert audit().clean


@pytest.fixture
def hold(account: Account) -> Transaction:
    return services.hold(from_account=account, amount=Decimal(30))


@pytest.fixture
def lost_answer(hold: Transaction, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    return lose_next_answer(monkeypatch)


def test_a_hold_ended_in_the_lost_commit_is_found_ended(
    account: Account, hold: Transaction, lost_answer: list[bool]
) -> None:
    """A capture that is sent again meets its hold captured, by itself."""
    row = services.capture(hold=hold, amount=Decimal(20))
    assert lost_answer
    assert Transaction.objects.get(captures=hold).pk == row.pk
    assert balances(account) == [80]
    assert audit().clean


def test_a_hold_voided_in_the_lost_commit_stays_voided_with_one_note(
    account: Account, hold: Transaction, lost_answer: list[bool]
) -> None:
    staff_services.release(hold=hold, reason="Cancelled", written_by=account.user)
    assert lost_answer
    hold.refresh_from_db()
    assert (hold.status, hold.reasons.count()) == ("voided", 1)
    assert audit().clean


def test_holds_that_expired_in_the_lost_commit_are_counted(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        hold_that_ended(account, Decimal(5))
    lost = lose_next_answer(monkeypatch)
    assert services.expire_holds() == 3
    assert lost
    assert services.expire_holds() == 0
    assert audit().clean


def test_holds_are_not_counted_twice_where_the_first_try_was_rolled_back(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_that_ended(account, Decimal(5))
    commit, tries = connection.commit, list[bool]()

    def fail_first() -> None:
        tries.append(True)
        if len(tries) == 1:
            connection.rollback()
            raise OperationalError from psycopg.OperationalError("server closed the connection")
        commit()

    monkeypatch.setattr(connection, "commit", fail_first)
    assert services.expire_holds() == 1
    assert len(tries) == 2
    assert audit().clean


def test_a_capture_by_staff_and_its_note_are_found_done(
    account: Account, hold: Transaction, lost_answer: list[bool]
) -> None:
    draft = Draft(from_account=account, amount=Decimal(5), captures=hold)
    row = staff_services.book(
        draft, action=StaffReason.Action.CAPTURE, reason="Left early", written_by=account.user
    )
    assert lost_answer
    assert [note.reason for note in row.reasons.all()] == ["Left early"]
    assert balances(account) == [95]
    assert audit().clean


def test_a_step_of_a_payment_file_is_found_done(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AccountFactory()
    file = checked(account, *[pay(other, 1) for _ in range(30)])
    lost = lose_next_answer(monkeypatch)
    book_rest(file)
    assert lost
    assert balances(account, other) == [70, 30]
    assert fates(file) == ["booked"] * 30
    assert audit().clean


def test_everybody_is_ended_again_and_again(outside: psycopg.Connection) -> None:
    """A storm: three people pay while every session but one is ended, forty times."""
    accounts = [AccountFactory(balance="1000") for _ in range(3)]
    acknowledged, over = list[Any](), threading.Event()

    def pay(number: int) -> None:
        sender, recipient = accounts[number], accounts[(number + 1) % 3]
        while not over.is_set():
            id = uuid7()
            for _ in range(20):
                try:
                    services.transfer(from_account=sender, to_account=recipient, amount=1, id=id)  # type: ignore[arg-type]
                except OperationalError:
                    continue
                acknowledged.append(id)
                break
        connections.close_all()

    people = [threading.Thread(target=pay, args=[number]) for number in range(3)]
    for each in people:
        each.start()
    for ended in range(40):
        while len(acknowledged) < 3 * ended and any(each.is_alive() for each in people):
            pass
        outside.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
            " current_database() AND pid <> pg_backend_pid() AND usename = current_user"
        )
    over.set()
    for each in people:
        each.join(60)
    connection.close()
    booked = Transaction.objects.filter(type="transfer").values_list("pk", flat=True)
    assert sorted(booked) == sorted(acknowledged)
    assert len(acknowledged) >= 100
    assert audit().clean


@pytest.mark.own_session
@pytest.mark.parametrize("kind", [psycopg.OperationalError, psycopg.InterfaceError])
def test_a_refusal_is_not_final_while_the_lost_statement_may_still_run(
    kind: type[psycopg.Error],
    account: Account,
    outside: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server gets the statement, stops before it runs, and goes on after the retry."""
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    execute, stopped = PreparedCursor.execute, list[int]()

    def cut_off(self: Any, *arguments: Any, **options: Any) -> Any:
        if stopped:
            return execute(self, *arguments, **options)
        stopped.append(pid)
        os.kill(pid, signal.SIGSTOP)
        raise kind("server closed the connection unexpectedly")

    monkeypatch.setattr(PreparedCursor, "execute", cut_off)
    monkeypatch.setattr(lost_statements, "END_WITHIN", 1)
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", 60)  # longer than the call tries
    monkeypatch.setattr(retry, "UNTIL_BACK", 0.05)
    try:
        with pytest.raises(OutcomeUnknown):
            services.withdraw(from_account=account, amount=Decimal(1000))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert stopped
    with pytest.raises(InsufficientFunds):
        services.withdraw(from_account=account, amount=Decimal(1000))


@pytest.mark.own_session
def test_a_refusal_is_final_once_the_session_of_the_lost_statement_is_over(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    execute, cut = PreparedCursor.execute, list[int]()

    def cut_off(self: Any, *arguments: Any, **options: Any) -> Any:
        if cut:
            return execute(self, *arguments, **options)
        cut.append(pid)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(PreparedCursor, "execute", cut_off)
    with pytest.raises(InsufficientFunds):
        services.withdraw(from_account=account, amount=Decimal(1000))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", cut)
        assert cursor.fetchone() == (0,)


@pytest.mark.own_session
def test_a_statement_that_a_pooler_forgot_is_prepared_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One payment goes step by step, and those after it take one statement again."""
    paths = Counter[str]()
    monkeypatch.setattr(single_statement, "paths", paths)
    services.withdraw(from_account=account, amount=Decimal(1))
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")  # psycopg would notice its own
    for _ in range(3):
        services.withdraw(from_account=account, amount=Decimal(1))
    assert paths == {ONE_STATEMENT: 3, STEP_BY_STEP: 1}
    assert balances(account) == [96]


def test_the_error_has_the_id_that_the_service_made(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By which the same can be sent again, and is booked once. The shell shows the note."""
    with answers_lost(monkeypatch), pytest.raises(OutcomeUnknown) as unknown:
        services.withdraw(from_account=account, amount=Decimal(30))

    (id,) = unknown.value.ids
    assert Transaction.objects.get(pk=id, type="withdrawal").amount == 30
    assert [str(id) in note for note in unknown.value.__notes__] == [True]
    assert services.withdraw(from_account=account, amount=Decimal(30), id=id).pk == id
    assert balances(account) == [70]


def test_the_error_of_a_batch_has_all_ids_in_order(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = [Draft(from_account=account, amount=amount) for amount in (1, 2, 3)]
    with answers_lost(monkeypatch), pytest.raises(OutcomeUnknown) as unknown:
        services.post_batch(drafts)

    booked = Transaction.objects.in_bulk(unknown.value.ids)
    assert [booked[id].amount for id in unknown.value.ids] == [1, 2, 3]
    assert not hasattr(unknown.value, "__notes__")
