"""pgbouncer in transaction mode: what a connection behind it does without, and the sentence about
each mix that harms.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import InternalError, OperationalError, connection
from django.db import transaction as db_transaction
from django.test import Client

from accounts.models import Account
from cookbook.practice import bank
from cookbook.practice.readiness import NoPracticeBank
from cookbook.runner.sessions import sessions
from ledger.backups import files
from ledger.db.backend.cursors import PreparedCursor
from ledger.db.outages.reasons import Reason, in_words
from ledger.db.retry import OutcomeUnknown
from tests.factories import AccountFactory, balances
from tests.pooler import NEEDS_PGBOUNCER, Pooler, beside, connected, pgbouncer, server
from transactions import services
from transactions.exceptions import InsufficientFunds
from transactions.posting import lost_statements

pytestmark = [
    pytest.mark.django_db(transaction=True),
    NEEDS_PGBOUNCER,
]
LIMITS = {"lock_timeout": 3, "statement_timeout": 4, "idle_in_transaction_session_timeout": 5}
CURSORS = "SELECT count(*) FROM pg_cursors WHERE name LIKE '\\_django%'"
# As if nobody had said that there is a pooler.
NOT_DECLARED = {"LEDGER_POOLER": "", "LEDGER_TIMEOUTS": LIMITS}
DROPS_OPTIONS = "ignore_startup_parameters = options"


@pytest.fixture
def pooler() -> Iterator[Pooler]:
    with pgbouncer() as found:
        yield found


def value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (found,) = cursor.fetchone()
    return found


def as_web_role(pooler: Pooler, **changes: Any) -> AbstractContextManager[Any]:
    return connected(pooler.settings(USER=settings.LEDGER_WEB_ROLE, **changes))


def problem(client: Client) -> str:
    return str(client.get("/readyz").json().get("problem", ""))


@contextmanager
def limits_of_the_role() -> Iterator[None]:
    """As docs/databases.md says, but in this database alone: other tests use the role too."""
    alter = f"ALTER ROLE CURRENT_USER IN DATABASE {server()['NAME']}"
    itself = {**server(), "USER": settings.LEDGER_WEB_ROLE}
    with connected(itself), connection.cursor() as cursor:
        for limit, seconds in LIMITS.items():
            cursor.execute(f"{alter} SET {limit} = '{seconds}s'")
    try:
        yield
    finally:
        with connected(itself), connection.cursor() as cursor:
            reset(lambda: cursor.execute(f"{alter} RESET ALL"))


def reset(statement: Callable[[], object]) -> None:
    """Runs it again where the end of a migration in another database has just reset the same."""
    for _ in range(100):
        try:
            statement()
        except (InternalError, psycopg.errors.InternalError_):  # "tuple concurrently deleted"
            continue
        return
    raise AssertionError("the settings of the role could not be reset")


def test_limits_of_time_are_not_sent_and_their_lack_is_told(pooler: Pooler, client: Client) -> None:
    with as_web_role(pooler, LEDGER_TIMEOUTS=LIMITS):
        found = problem(client)
    assert all(limit in found for limit in LIMITS)
    assert "ALTER ROLE CURRENT_USER SET" in found
    assert settings.LEDGER_WEB_ROLE not in found  # anybody may ask /readyz


def test_limits_of_time_on_the_role_hold_behind_the_pooler(client: Client) -> None:
    with limits_of_the_role(), pgbouncer() as pooler, as_web_role(pooler, LEDGER_TIMEOUTS=LIMITS):
        assert value("SHOW lock_timeout") == "3s"
        assert problem(client) == ""


def test_a_pooler_of_which_nobody_has_said_is_told(pooler: Pooler, client: Client) -> None:
    with as_web_role(pooler, **NOT_DECLARED):
        assert "DB_POOLER=transaction" in problem(client)
        with pytest.raises(OperationalError) as refused:
            connection.ensure_connection()
    assert Reason.POOLER_NOT_DECLARED.value in in_words(refused.value)


def test_one_that_drops_options_is_told_because_statements_are_prepared(client: Client) -> None:
    with pgbouncer(further=DROPS_OPTIONS) as pooler:
        options = {**server()["OPTIONS"], "prepare_threshold": 5}
        with as_web_role(pooler, **NOT_DECLARED, OPTIONS=options):
            assert "DB_POOLER=transaction" in problem(client)


def test_one_that_drops_options_is_told_because_the_limits_are_gone(client: Client) -> None:
    with pgbouncer(further=DROPS_OPTIONS) as pooler, as_web_role(pooler, **NOT_DECLARED):
        assert "lock_timeout" in problem(client)


def test_a_pooler_repeats_what_its_server_said_once(pooler: Pooler) -> None:
    """Whether the server takes writes, too. So nobody asks a pooler for a writer."""
    with connected(pooler.settings()):
        pid = value("SELECT pg_backend_pid()")
    asked = {**pooler.settings()["OPTIONS"], "target_session_attrs": "read-write"}
    alter = f"ALTER ROLE CURRENT_USER IN DATABASE {server()['NAME']}".encode()
    with beside() as writer:
        writer.execute(alter + b" SET default_transaction_read_only = on")
        try:
            writer.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
            with connected(pooler.settings(OPTIONS=asked)):
                assert value("SHOW transaction_read_only") == "on"
        finally:
            reset(lambda: writer.execute(alter + b" RESET ALL"))


@pytest.mark.parametrize("place", [0, 1], ids=["the first", "the second"])
def test_of_two_poolers_the_other_one_is_taken_when_one_dies(
    place: int, default: Callable[..., dict[str, Any]]
) -> None:
    """Before the same server, and the names of both in DATABASE_URL."""
    account = AccountFactory(balance="100")

    def pay(times: int) -> None:
        for _ in range(times):
            services.withdraw(from_account=account, amount=Decimal(1))

    with pgbouncer() as first, pgbouncer() as second:
        both = (first, second)
        hosts = ",".join(f"{quote(str(each.folder), safe='')}:{each.port}" for each in both)
        name, user = server()["NAME"], server()["USER"]
        url = f"postgresql://{user}@{hosts}/{name}?target_session_attrs=any"
        through = first.settings(**default(DATABASE_URL=url, DB_POOLER="transaction"))
        with connected(through):
            pay(3)
            both[place].kill()
            connection.close_if_unusable_or_obsolete()
            pay(3)
            connection.close()  # as for the next request
            pay(3)
            database: Any = connection
            assert database.raw.info.port == both[1 - place].port
    assert balances(account) == [91]


def test_a_server_without_a_pooler_is_ready(client: Client) -> None:
    with connected({**server(), "USER": settings.LEDGER_WEB_ROLE, "LEDGER_TIMEOUTS": LIMITS}):
        assert problem(client) == ""


def test_outside_a_transaction_no_cursor_is_left_on_the_server(pooler: Pooler) -> None:
    accounts = {AccountFactory().pk for _ in range(3)}
    with connected(pooler.settings()):
        rows = Account.objects.iterator(chunk_size=1)
        read = {next(rows).pk}
        assert value(CURSORS) == 0
        assert read | {row.pk for row in rows} == accounts


def test_in_a_transaction_rows_come_by_a_cursor_on_the_server(
    pooler: Pooler,
) -> None:
    accounts = {AccountFactory().pk for _ in range(3)}
    with connected(pooler.settings()), db_transaction.atomic():
        rows = Account.objects.iterator(chunk_size=1)
        read = {next(rows).pk}
        assert value(CURSORS) == 1
        assert read | {row.pk for row in rows} == accounts


def test_the_practice_bank_is_not_built_into_the_real_books(pooler: Pooler) -> None:
    with connected(pooler.settings()), pytest.raises(NoPracticeBank, match="pooler"):
        bank.build()
    assert not Account.objects.exists()


def test_recipes_with_two_people_are_refused(pooler: Pooler, practice_bank: None) -> None:
    before = connection.settings_dict
    shared = dict(before)
    before.update(pooler.settings())  # for the threads of the sessions too
    try:
        with pytest.raises(NoPracticeBank, match="pooler"), sessions(["ana", "ben"]):
            pass
    finally:
        connection.close()
        before.clear()
        before.update(shared)


def test_a_refusal_is_not_final_after_a_statement_whose_session_nobody_knows(
    pooler: Pooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lost statement may still run in a session of the pooler's."""
    account = AccountFactory(balance="100")
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", 60)  # longer than the call tries
    execute, lost = PreparedCursor.execute, list[bool]()

    def lose_the_first(self: Any, *arguments: Any, **options: Any) -> Any:
        if lost:
            return execute(self, *arguments, **options)
        lost.append(True)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(PreparedCursor, "execute", lose_the_first)
    with connected(pooler.settings()), pytest.raises(OutcomeUnknown):
        services.withdraw(from_account=account, amount=Decimal(1000))
    with connected(pooler.settings()), pytest.raises(InsufficientFunds):
        services.withdraw(from_account=account, amount=Decimal(1000))


def test_a_refusal_is_final_once_the_time_of_the_lost_statement_has_passed(
    pooler: Pooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = AccountFactory(balance="100")
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", 0)
    lost = list[bool]()

    def lose_all(self: Any, *arguments: Any, **options: Any) -> Any:
        lost.append(True)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(PreparedCursor, "execute", lose_all)
    with connected(pooler.settings()), pytest.raises(InsufficientFunds):
        services.withdraw(from_account=account, amount=Decimal(1000))
    assert lost


def test_a_backup_needs_the_server_itself(pooler: Pooler, tmp_path: Path) -> None:
    with connected(pooler.settings()), pytest.raises(files.BackupRefused, match="pooler"):
        files.write(tmp_path / "bank")
    assert list(tmp_path.iterdir()) == []
