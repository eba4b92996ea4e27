"""The database fails within a batch that is booked in chunks: what is known of each draft."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import psycopg
import pytest
from django.db import OperationalError, connection

from accounts.models import Account
from ledger.db.retry import Failure, OutcomeUnknown, failure_of
from tests.factories import AccountFactory, balances
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import InsufficientFunds, LedgerError, SameAccount
from transactions.models import Transaction
from transactions.services import BatchInterrupted, Draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


@pytest.fixture
def drafts(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[Draft]:
    """Three chunks of four; the second of each is refused, the third asks for no account."""
    monkeypatch.setattr("transactions.posting.batches.CHUNK", 4)
    one = Draft(from_account=account, amount=1)
    return [one, Draft(from_account=account, amount=5000), Draft(amount=1), one] * 3


@pytest.fixture
def outside() -> Iterator[psycopg.Connection]:
    """Somebody at the same server, in a database of their own."""
    params = {**connection.get_connection_params(), "dbname": "postgres"}
    with psycopg.connect(**params, autocommit=True) as other:
        yield other
    connection.close()


@pytest.fixture
def shut(outside: psycopg.Connection) -> Iterator[Callable[[bool], None]]:
    """Ends our session and lets nobody in any more; or lets them in again."""
    name = connection.settings_dict["NAME"]

    def shut(closed: bool) -> None:
        outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {not closed}')
        if closed:
            pid = connection.connection.info.backend_pid
            outside.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])

    yield shut
    shut(False)
    connection.close()


def at_commit(number: int, happens: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """When that COMMIT from now on is done, and its answer not yet read."""
    commit, done = connection.commit, list[bool]()

    def commit_and_more() -> None:
        commit()
        done.append(True)
        if len(done) == number:
            happens()

    monkeypatch.setattr(connection, "commit", commit_and_more)


def kinds(results: Sequence[Transaction | LedgerError]) -> list[type]:
    return [type(result) for result in results]


A_CHUNK: list[type] = [Transaction, InsufficientFunds, SameAccount, Transaction]


@pytest.mark.own_connection
@pytest.mark.own_session
def test_the_answer_to_a_commit_is_lost_and_the_server_does_not_come_back(
    account: Account,
    drafts: list[Draft],
    shut: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose_the_answer() -> None:
        shut(True)
        connection.cursor().execute("SELECT 1")

    at_commit(2, lose_the_answer, monkeypatch)
    with pytest.raises(BatchInterrupted, match=r"\b4 drafts .* 4 are per") as cut:
        services.post_batch(drafts, atomic=False)
    assert isinstance(cut.value.__cause__, OutcomeUnknown)
    assert kinds(cut.value.results) == A_CHUNK
    assert cut.value.unbooked == drafts[8:]
    shut(False)
    connection.close()
    perhaps = [draft.id for draft in cut.value.unknown]
    assert Transaction.objects.filter(pk__in=[id for id in perhaps if id]).count() == 2
    rest = services.post_batch(cut.value.unknown + cut.value.unbooked, atomic=False)
    assert kinds([*cut.value.results, *rest]) == A_CHUNK * 3
    assert Transaction.objects.filter(from_account=account).count() == 6
    assert balances(account) == [94]
    assert audit().clean


@pytest.mark.own_connection
@pytest.mark.own_session
def test_the_connection_goes_between_two_chunks_and_does_not_come_back(
    account: Account,
    drafts: list[Draft],
    shut: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of the second chunk is in the books, but from here that cannot be seen."""
    at_commit(1, lambda: shut(True), monkeypatch)
    with pytest.raises(BatchInterrupted) as cut:
        services.post_batch(drafts, atomic=False)
    assert kinds(cut.value.results) == A_CHUNK
    assert [draft.amount for draft in cut.value.unknown] == [1, 5000, 1, 1]
    assert cut.value.unbooked == drafts[8:]
    shut(False)
    connection.close()
    assert balances(account) == [98]
    services.post_batch(cut.value.unknown + cut.value.unbooked, atomic=False)
    assert balances(account) == [94]
    assert audit().clean


@pytest.mark.own_session
def test_a_chunk_takes_too_long(account: Account, drafts: list[Draft]) -> None:
    """Postgres stopped it, so it is known that nothing of it is booked."""
    busy = AccountFactory(balance="10")
    drafts[5] = Draft(from_account=busy, amount=Decimal(1))
    said = r"0 are perhaps booked, 8 are not\): canceling statement due to statement timeout"
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", [busy.pk])
        connection.cursor().execute("SET statement_timeout = '200ms'")
        with pytest.raises(BatchInterrupted, match=said) as cut:
            services.post_batch(drafts, atomic=False)
    connection.close()
    assert isinstance(cut.value, OperationalError)
    assert failure_of(cut.value.__cause__ or cut.value) is Failure.TIMED_OUT
    assert kinds(cut.value.results) == A_CHUNK
    assert (cut.value.unknown, cut.value.unbooked) == ([], drafts[4:])
    assert balances(account, busy) == [98, 10]


@pytest.fixture
def refused_at_commit(db: None) -> Iterator[None]:
    """Postgres refuses a COMMIT with a row of 13.00 in it: a rule of somebody else's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_thirteen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE check_violation; END $$;"
            "CREATE CONSTRAINT TRIGGER no_thirteen AFTER INSERT ON transactions DEFERRABLE"
            " INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.amount = 13) EXECUTE FUNCTION no_thirteen()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION no_thirteen() CASCADE")


def test_a_chunk_is_refused_as_a_whole(
    account: Account, drafts: list[Draft], refused_at_commit: None
) -> None:
    drafts[7] = Draft(from_account=account, amount=13)
    with pytest.raises(BatchInterrupted) as cut:
        services.post_batch(drafts, atomic=False)
    assert isinstance(cut.value.__cause__, LedgerError)
    assert kinds(cut.value.results) == A_CHUNK
    assert (cut.value.unknown, cut.value.unbooked) == ([], drafts[4:])
    assert balances(account) == [98]


def test_a_connection_that_comes_back_interrupts_nothing(
    account: Account,
    drafts: list[Draft],
    outside: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pid = connection.connection.info.backend_pid

    def end() -> None:
        outside.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])

    at_commit(1, end, monkeypatch)
    assert kinds(services.post_batch(drafts, atomic=False)) == A_CHUNK * 3
    assert balances(account) == [94]
    assert audit().clean
