"""Going back: to the same schema from nothing, and never over what a bank holds."""

import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as Migrate
from django.db import OperationalError, connection
from django.db.migrations import Migration

from accounts.groups import PERMISSIONS
from ledger.db.locking import short_waits
from ledger.db.outages.probe import short_connection
from ledger.management.commands import migrate
from ledger.management.commands.migrate import Command
from tests.ledger.databases import Database
from tests.ledger.processes import assert_one_sentence, wait_until

RIGHTS_OF_GROUPS = """
    SELECT g.name || ' ' || c.app_label || '.' || p.codename
    FROM auth_group g JOIN auth_group_permissions gp ON gp.group_id = g.id
    JOIN auth_permission p ON p.id = gp.permission_id
    JOIN django_content_type c ON c.id = p.content_type_id
"""
OF_DJANGO = ("auth_", "django_", "socialaccount_", "cache", "job_records", "writer_mark")


def test_accounts_go_to_zero_leave_nothing_and_come_back_the_same(empty: Database) -> None:
    """And `transactions` with them, which stand on them; also with row-level security."""
    with_policies = {"LEDGER_ROW_SECURITY": "True"}
    empty.run("prepare", **with_policies)
    before = empty.schema()

    empty.run("migrate", "accounts", "zero", "-v0", **with_policies)

    left = empty.values(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'v', 'p')"
    )
    assert [name for name in left if not name.startswith(OF_DJANGO)] == ["synonyms"]
    functions = empty.values(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " OR pronamespace = to_regnamespace('row_security')"
    )
    assert {name for name in functions if not name.startswith("search_")} == {"session_states"}
    empty.run("migrate", "accounts", "0005", "-v0", **with_policies)  # what follows it waits
    assert "transactions" not in empty.values("SELECT tablename FROM pg_tables")
    empty.run("migrate", "-v0", **with_policies)
    assert empty.schema() == before
    assert set(empty.values(RIGHTS_OF_GROUPS)) == {
        f"{group} {permission}" for group, own in PERMISSIONS.items() for permission in own
    }
    assert "clean" in empty.run("audit_ledger", **with_policies)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE SCHEMA ledger",
        "CREATE SCHEMA other; ALTER ROLE ledger IN DATABASE {name} SET search_path = other, public",
        "ALTER ROLE ledger IN DATABASE {name} SET search_path = missing",
    ],
)
def test_a_login_that_creates_tables_in_another_schema_is_refused(
    change: str, new_database: Callable[[str], Database]
) -> None:
    database = new_database("nothing")
    database.run("createdb")
    with closing(psycopg.connect(database.url, autocommit=True)) as owner:
        owner.execute(change.format(name=database.name).encode())
    before = database.schema()

    done = database.manage("migrate", "-v0")

    assert_one_sentence(done, "Nothing was changed", "public", "search_path")
    assert database.schema() == before
    (remedy,) = re.findall(r"ALTER ROLE .* search_path = public", done.stderr)
    with closing(psycopg.connect(database.url, autocommit=True)) as owner:
        owner.execute(remedy.encode())
    assert database.manage("migrate", "-v0", "contenttypes").returncode == 0


@pytest.mark.parametrize("app", ["accounts", "transactions", "contenttypes", "sessions"])
def test_a_bank_with_people_is_not_taken_back(people: Database, app: str) -> None:
    before = people.schema()

    done = people.manage("migrate", app, "zero", "-v0")

    assert_one_sentence(done, "Nothing was changed", "1 person")
    assert people.schema() == before
    assert people.values("SELECT name FROM users") == ["Root"]


def test_policies_are_never_lifted_from_a_bank_with_people(people: Database) -> None:
    people.run("prepare", LEDGER_ROW_SECURITY="True")
    policies = people.values("SELECT concat(tablename, policyname) FROM pg_policies ORDER BY 1")

    for fake, why in (([], "new database"), (["--fake"], "row-level security")):
        done = people.manage("migrate", "accounts", "0006", "-v0", *fake)
        assert_one_sentence(done, why)

    assert (
        people.values("SELECT concat(tablename, policyname) FROM pg_policies ORDER BY 1")
        == policies
        != []
    )


def test_a_migration_lets_others_continue_and_tries_again(empty: Database) -> None:
    last = "0002_rules"  # it adds a trigger to `attachments`
    empty.run("migrate", "attachments", "0001", "-v0")
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    with closing(psycopg.connect(empty.url)) as payment, ThreadPoolExecutor() as operator:
        payment.execute("LOCK TABLE attachments IN ROW EXCLUSIVE MODE")
        running = operator.submit(empty.manage, "migrate", "-v0", LEDGER_LOCK_TIMEOUT="1")
        try:
            wait_until(lambda: empty.values(waiting) != [])
            wait_until(lambda: empty.values(waiting) == [])
        finally:
            payment.rollback()
    assert running.result().returncode == 0, running.result().stderr
    assert last in empty.values("SELECT name FROM django_migrations WHERE app = 'attachments'")


def test_a_loss_is_refused_before_policies_have_to_go(people: Database) -> None:
    """Who wants to start over is not sent to `prepare` first."""
    people.run("prepare", LEDGER_ROW_SECURITY="True")
    done = people.manage("migrate", "accounts", "zero", "-v0", LEDGER_ROW_SECURITY="True")
    assert_one_sentence(done, "Nothing was changed", "DATABASE_URL")


@pytest.mark.parametrize(("is_atomic", "tries"), [(True, 3), (False, 1)])
def test_a_migration_gives_up_where_others_use_its_table(
    is_atomic: bool, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not atomic at its first error, because a part of it may be there."""
    tried = []

    def handle(self: Command, *_arguments: object, **_options: object) -> None:
        kind = type("OneMigration", (Migration,), {"atomic": is_atomic})
        running = kind("0007_register", "accounts")
        self._running, self.verbosity = running, 0
        tried.append(running)
        raise OperationalError("others use it") from psycopg.errors.LockNotAvailable()

    monkeypatch.setattr(Migrate, "handle", handle)
    monkeypatch.setattr(short_waits, "TRIES", 3)
    monkeypatch.setattr(short_waits, "sleep", lambda _seconds: None)
    with pytest.raises(CommandError, match=r"accounts\.0007_register gave up"):
        call_command("migrate", verbosity=0)
    assert len(tried) == tries


@pytest.fixture
def first(transactional_db: None) -> Iterator[psycopg.Connection]:
    """A session of another migrate that runs."""
    with short_connection(5) as found:
        found.execute(migrate.TAKE)
        yield found


def test_a_second_migrate_waits_for_the_first(
    first: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once would apply a migration twice, or an older trigger over a newer one."""
    waited = list[float]()

    def pause(seconds: float) -> None:
        waited.append(seconds)
        first.rollback()

    monkeypatch.setattr(migrate, "time", SimpleNamespace(sleep=pause, monotonic=lambda: 0))
    told = io.StringIO()
    call_command("migrate", verbosity=0, stderr=told)
    assert waited == [migrate.PAUSE]
    assert told.getvalue().strip() == migrate.OTHER_RUNS


def test_a_second_migrate_gives_up_and_looking_needs_no_lock(
    first: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "WAIT_SECONDS", -1)
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("migrate", verbosity=0)
    call_command("migrate", "--plan", stdout=io.StringIO())


def test_the_statement_against_a_stuck_migrate_ends_it_alone(first: psycopg.Connection) -> None:
    with short_connection(5) as another:
        another.execute(f"SELECT pg_advisory_xact_lock({migrate.MIGRATING - 1})")
        connection.cursor().execute(migrate.END_IT)
        assert another.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            first.execute("SELECT 1")
