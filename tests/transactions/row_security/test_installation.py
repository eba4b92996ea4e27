"""The installation of row-level security: who can change it, its keys, and turning it on and
off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connection
from django.test import Client

from accounts.models import Account
from ledger.db.locking import short_waits
from ledger.db.rights.registered_tables import TABLES, policies
from ledger.db.rights.row_security import SETTING, RowScope
from tests.factories import AccountFactory
from tests.transactions.row_security.rows import count, seen_of, token_of, web_role
from transactions import services
from transactions.row_security import installation
from transactions.row_security.masks import MASKS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rows_secured")]
OTHER_POLICY = replace(
    TABLES["payees"], rows=replace(policies()["payees"], locks="owner_id IS NULL")
)
LOCKED = """SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND mode IN ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM row_security.keys",
        "SELECT row_security.claims()",
        "INSERT INTO row_security.keys VALUES ('a', 'b')",
        "INSERT INTO row_security.counterparties SELECT id, id FROM accounts",
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE public.accounts DISABLE ROW LEVEL SECURITY",
        "DROP POLICY reads ON public.accounts",
        "SELECT id FROM public.accounts",
        "UPDATE public.accounts SET name = 'Mine'",
        "SELECT to_balance FROM public.transactions",
        "SELECT balance FROM public.entries",
        "CREATE VIEW ledger_web.changes AS SELECT 1",
        "SELECT email FROM public.users",
        "SELECT row_security.write_users()",
        "ALTER VIEW accounts SET (security_invoker = true)",
        "SELECT row_security.write_accounts()",
        "ALTER VIEW entries SET (security_invoker = false)",
        "CREATE FUNCTION row_security.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_the_web_role_can_neither_read_keys_nor_change_policies(sql: str, eve: Account) -> None:
    with (
        pytest.raises(ProgrammingError) as refused,
        web_role(token_of(eve.user, RowScope.STAFF)) as cursor,
    ):
        cursor.execute(sql)
    assert isinstance(
        refused.value.__cause__,
        psycopg.errors.InsufficientPrivilege | psycopg.errors.WrongObjectType,
    )


def test_the_web_role_cannot_become_the_owner_of_the_views(eve: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role('ledger_web', 'ledger_web_rows', 'MEMBER')")
        assert cursor.fetchone() == (False,)


def test_every_table_has_policies_or_a_reason_to_have_none() -> None:
    """A new table must be added to the module `tables` of its app."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relrowsecurity FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'public'::regnamespace"
        )
        secured = dict(cursor.fetchall())
    assert {name for name, is_secured in secured.items() if is_secured} == {*policies()}
    assert {name for name, is_secured in secured.items() if not is_secured} == {*TABLES} - {
        *policies(),
        *installation.VIEWS,
    }


def test_switched_off_nothing_of_it_is_left(settings: Any, ana: Account, eve: Account) -> None:
    settings.LEDGER_ROW_SECURITY = False
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert installation.apply()
    assert count("accounts", None) == 3
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND (relrowsecurity OR reloptions::text ~ 'invoker')"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_policies WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'row_security'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT to_regnamespace('row_security')")
        assert cursor.fetchone() == (None,)
        cursor.execute("SELECT to_regnamespace('ledger_web')")
        assert cursor.fetchone() == (None,)
        cursor.execute("SELECT has_table_privilege('ledger_web_rows', 'accounts', 'SELECT')")
        assert cursor.fetchone() == (False,)
    assert not installation.apply()


def test_a_migration_finds_the_tables_without_views(ana: Account, eve: Account) -> None:
    """A view would prevent changes of its columns. The policies stay during the migration."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    views = "SELECT count(*) FROM pg_class WHERE relnamespace = 'ledger_web'::regnamespace"
    installation.lift_masks_before_migration(plan=[])
    with connection.cursor() as cursor:
        cursor.execute(views)
        assert cursor.fetchone() == (len(MASKS),)
    installation.lift_masks_before_migration(plan=[("a migration", False)])
    assert count("public.accounts", token_of(eve.user)) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace('ledger_web')")
        assert cursor.fetchone() == (None,)
    assert installation.apply()
    assert seen_of(ana, token_of(ana.user))["balance"] == 90


def test_a_migration_may_add_a_column_that_web_processes_write(
    monkeypatch: pytest.MonkeyPatch, ana: Account, eve: Account
) -> None:
    right = replace(TABLES["accounts"], web="SELECT, INSERT, UPDATE (name, colour)")
    monkeypatch.setitem(TABLES, "accounts", right)
    installation.lift_masks_before_migration(plan=[("a migration", False)])
    with web_role() as cursor:
        cursor.execute("SELECT has_column_privilege('public.accounts', 'name', 'UPDATE')")
        assert cursor.fetchone() == (True,)
    monkeypatch.undo()
    installation.apply()


def test_a_secret_key_that_changes_keeps_the_old_tokens_only_as_a_fallback(
    settings: Any, eve: Account
) -> None:
    old, before = token_of(eve.user), settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    settings.SECRET_KEY_FALLBACKS = [before]
    installation.apply()
    assert count("accounts", old) == count("accounts", token_of(eve.user)) == 1
    settings.SECRET_KEY_FALLBACKS = []
    installation.apply()
    assert count("accounts", old) == 0
    assert count("accounts", token_of(eve.user)) == 1


@pytest.mark.django_db(transaction=True)
class TestTokens:
    """How requests send their token on a connection that commits."""

    def test_no_token_outlives_its_statement_or_its_transaction(self, client: Client) -> None:
        account = AccountFactory()
        services.deposit(to_account=account, amount=Decimal(10), description="Salary")
        client.force_login(account.user)
        assert client.get(f"/accounts/{account.pk}/").status_code == 200
        csv = client.get(f"/accounts/{account.pk}/statement.csv").getvalue()
        assert b"Salary" in csv
        left = connection.connection.execute(
            f"SELECT coalesce(current_setting('{SETTING}', true), '')"
        ).fetchone()
        assert left == ("",)

    def test_readyz_says_when_process_and_database_differ(
        self, client: Client, settings: Any
    ) -> None:
        assert client.get("/readyz").status_code == 200
        with changed(settings, SECRET_KEY="another" * 10):
            answer = client.get("/readyz")
        assert (answer.status_code, "key" in answer.json()["problem"]) == (503, True)
        with changed(settings, LEDGER_ROW_SECURITY=False):
            answer = client.get("/readyz")
        assert (answer.status_code, "off here" in answer.json()["problem"]) == (503, True)


@contextmanager
def changed(settings: Any, **values: Any) -> Iterator[None]:
    before = {name: getattr(settings, name) for name in values}
    for name, value in values.items():
        setattr(settings, name, value)
    yield
    for name, value in before.items():
        setattr(settings, name, value)


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_with_autovacuum_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks of the installation and of autovacuum can wait for each other. Postgres ends such a
    deadlock with 40P01.
    """
    take_tables, tries = installation._take_tables, []

    def lose_once(cursor: Any) -> None:
        tries.append(cursor)
        if len(tries) == 1:
            cursor.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
        take_tables(cursor)

    monkeypatch.setattr(installation, "_take_tables", lose_once)
    installation.apply()
    assert len(tries) == 2


def test_on_a_server_without_the_web_role_nobodys_rights_are_revoked(settings: Any) -> None:
    settings.LEDGER_WEB_ROLE = "role_of_no_server"
    with connection.cursor() as cursor:
        installation._take_tables(cursor)


def test_the_error_of_a_policy_names_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = replace(policies()["payees"], reads="no_column = 1")
    monkeypatch.setitem(TABLES, "payees", replace(TABLES["payees"], rows=policy))
    with pytest.raises(ProgrammingError) as refused:
        installation.apply()
    assert "POLICY reads ON payees" in refused.value.__notes__[0]


@pytest.mark.django_db(transaction=True)
class TestTablesInUse:
    """An upgrade while another session, such as an audit or a backup, reads tables for a long
    time.
    """

    @pytest.fixture
    def reader(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
        monkeypatch.setattr(short_waits, "LOCK_WAIT", "20ms")
        with psycopg.connect(**connection.get_connection_params()) as reader:
            for table in policies():
                reader.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
            yield reader

    def test_what_does_not_change_is_left_alone(self, reader: psycopg.Connection) -> None:
        installation.lift_masks_before_migration(plan=[("a migration", False)])
        assert installation.apply()
        assert not installation.apply()

    @pytest.mark.parametrize("change", ["policy", "off"])
    def test_what_changes_waits_in_pauses_in_which_others_continue(
        self, change: str, reader: psycopg.Connection, settings: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            with psycopg.connect(**connection.get_connection_params()) as payment:
                payment.execute("LOCK TABLE payees IN ROW EXCLUSIVE MODE NOWAIT")
            reader.rollback()

        monkeypatch.setattr(short_waits, "sleep", pause)
        if change == "off":
            settings.LEDGER_ROW_SECURITY = False
        else:
            monkeypatch.setitem(TABLES, "payees", OTHER_POLICY)
        assert installation.apply()
        assert len(pauses) == 1

    def test_only_the_tables_of_changed_policies_are_locked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        locked: list[str] = []

        def note(cursor: Any) -> None:
            cursor.execute(LOCKED)
            locked.extend(name for (name,) in cursor.fetchall())

        monkeypatch.setattr(installation, "_take_tables", note)
        monkeypatch.setitem(TABLES, "payees", OTHER_POLICY)
        installation.apply()
        assert locked == ["payees"]
