"""SQL that was smuggled into a web process, and that writes or reads in the name of another person.
The history marks such a write, and the log of reads refuses such a read.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, ProgrammingError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from accounts.groups import AUDITOR
from accounts.models import Account, Change, Read, User
from ledger.db.backend.cursors import PreparedCursor
from ledger.db.history import facts
from ledger.db.history.facts import SETTING
from ledger.db.history.signed_facts import problem_with, signed, store_keys
from tests.attacks.forgeries import FORGED, told
from tests.attacks.waiting import after_waiting_for
from tests.conftest import colleague, read_as, set_role, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.refusals import constraint_of

pytestmark = pytest.mark.django_db
READ = (
    "INSERT INTO reads (id, read_at, reader_id, page, path, query, people, address, request, role,"
    " session) VALUES (gen_random_uuid(), '2001-01-01', %s, 'admin:index', '/forged/', '', '{}',"
    " '192.0.2.66', 'forged', 'postgres', '1')"
)


@contextmanager
def as_web(person: User) -> Iterator[None]:
    """Runs the `with` block like SQL that was smuggled into a page of this person."""
    set_role(settings.LEDGER_WEB_ROLE)
    try:
        with read_as(person):
            yield
    finally:
        set_role(None)


@pytest.fixture
def victim() -> User:
    victim: User = UserFactory(name="Victim", is_staff=True)
    return victim


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory()
    return account


def rename(account: Account, setting: str) -> Change:
    """Does what smuggled SQL can do: sets the facts, and writes. Returns the recorded change."""
    with as_web(account.user), db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('{SETTING}', %s, true)", [setting])
        cursor.execute("UPDATE accounts SET name = 'Mine' WHERE id = %s", [account.pk])
        cursor.execute(f"SELECT set_config('{SETTING}', '', true)")
    return Change.objects.filter(about=str(account.pk)).latest("changed_at")


@pytest.mark.parametrize("forgery", FORGED)
def test_forged_facts_are_marked_in_the_history(
    forgery: str, account: Account, victim: User
) -> None:
    change = rename(account, FORGED[forgery](told(victim)))
    assert (change.proved, change.role) == (False, settings.LEDGER_WEB_ROLE)


def test_signed_facts_are_proved_and_without_facts_nobody_is_named(
    account: Account, victim: User
) -> None:
    change = rename(account, signed(told(victim)))
    assert (change.proved, change.person, change.path) == (True, victim, "/here/")
    account.name = "Rent"
    with as_web(account.user), facts.with_facts(lambda: {"person": str(victim.pk)}):
        account.save(update_fields=["name"])
    newest = Change.objects.filter(about=str(account.pk)).latest("changed_at")
    assert (newest.proved, newest.person) == (True, victim)
    with connection.cursor() as cursor:  # as at the end of the transaction
        cursor.execute(f"SELECT set_config('{SETTING}', '', true)")
    with as_web(account.user):
        Account.objects.filter(pk=account.pk).update(name="Again")
    newest = Change.objects.filter(about=str(account.pk)).latest("changed_at")
    assert (newest.proved, newest.person) == (None, None)


def test_a_signature_ends_soon(victim: User) -> None:
    """A stolen signature is valid only as long as a write may wait."""
    ends = int(signed(told(victim)).split()[0])
    assert 0 < ends - time.time() <= 300


def test_a_change_by_a_page_is_proved(manager: Client, account: Account, boss: User) -> None:
    page = reverse("admin:accounts_account_change", args=[account.pk])
    forms = {"status_changes-TOTAL_FORMS": "0", "status_changes-INITIAL_FORMS": "0"}
    data = {"name": account.name, "overdraft_limit": "0", "transfer_limit": "", "daily_limit": "5"}
    manager.post(page, {**data, **forms, "reason": "Asked"})
    change = Change.objects.get(about=str(account.pk), action="update")
    assert (change.proved, change.person, change.reason) == (True, boss, "Asked")


def test_the_history_says_what_is_not_proved(account: Account, victim: User) -> None:
    rename(account, told(victim))
    auditor = signed_in(colleague(AUDITOR, "Ada"))
    page = reverse("admin:accounts_change_changelist")
    assert "Not proved" in text_of(auditor.get(page, {"proof": "no"}))
    proved = text_of(auditor.get(page, {"about": str(victim.pk)}))
    assert "Not proved:" not in proved


def test_no_other_session_sees_the_signature(account: Account) -> None:
    """The signature is sent as a bound value, so the text of the statement does not contain it."""
    kinds: list[Any] = []

    def note(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if SETTING in str(sql):
            kinds.append((sql, type(context["cursor"].cursor)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note), facts.with_facts(lambda: {"path": "/here/"}):
        Account.objects.filter(pk=account.pk).update(name="Rent")
    ((sql, kind),) = kinds
    assert "%s" in sql
    assert issubclass(kind, PreparedCursor)


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM fact_keys", "DELETE FROM fact_keys", "SELECT told_facts()"]
)
def test_the_web_role_neither_reads_the_keys_nor_asks_for_proofs(sql: str, victim: User) -> None:
    denied = pytest.raises(ProgrammingError, match="permission denied")
    with as_web(victim), denied, db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def log_read(reader: User, setting: str) -> None:
    with as_web(reader), db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('{SETTING}', %s, true)", [setting])
        cursor.execute(READ, [reader.pk])
        cursor.execute(f"SELECT set_config('{SETTING}', '', true)")


@pytest.mark.parametrize("forgery", [*FORGED, "without facts"])
def test_the_web_role_logs_no_read_of_somebody_else(forgery: str, victim: User) -> None:
    setting = FORGED[forgery](told(victim)) if forgery in FORGED else ""
    with pytest.raises(DatabaseError) as refused:
        log_read(victim, setting)
    assert constraint_of(refused.value) == "read_by_its_reader"
    with pytest.raises(DatabaseError) as refused:
        log_read(victim, signed(told(UserFactory())) if setting else "")
    assert constraint_of(refused.value) == "read_by_its_reader"


def test_the_database_fills_in_who_where_and_when(victim: User) -> None:
    log_read(victim, signed(told(victim)))
    read = Read.objects.get()
    assert (read.reader, read.address, read.path, read.request) == (
        victim, "192.0.2.7", "/here/", "r-1",
    )  # fmt: skip
    assert read.read_at.year > 2025
    assert read.role == settings.LEDGER_WEB_ROLE


def test_a_page_of_staff_is_logged_with_its_facts(
    staff: Client, clerk: User, account: Account
) -> None:
    staff.get(reverse("admin:accounts_account_changelist"))
    read = Read.objects.latest("read_at")
    assert (read.reader, read.path) == (clerk, reverse("admin:accounts_account_changelist"))
    assert read.request


def test_another_key_is_told_by_the_probe_and_stored_by_migrate(settings: Any) -> None:
    assert problem_with(connection.connection) is None
    before, settings.SECRET_KEY = (
        settings.SECRET_KEY,
        "another key of this test, of 50 signs and more ...",
    )
    assert "manage.py prepare" in str(problem_with(connection.connection))
    settings.SECRET_KEY_FALLBACKS = [before]
    store_keys()
    assert problem_with(connection.connection) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM fact_keys")
        assert cursor.fetchone() == (2,)


@pytest.fixture
def another_key() -> Iterator[None]:
    """Sets a new SECRET_KEY that the database does not know, and restores the old key at the
    end.
    """
    with override_settings(SECRET_KEY="another key of this test, of 50 signs and more ..."):
        yield
    store_keys()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("another_key")
def test_two_servers_that_start_at_once_store_the_same_key() -> None:
    """A server that fails would print the key with Postgres's error."""
    assert after_waiting_for(store_keys, store_keys) is None
    assert problem_with(connection.connection) is None
