"""What every test needs of the database, and who works in the admin."""

import os
from collections.abc import Iterable
from typing import Any

import pgtrigger
import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.transaction import atomic
from django.test import Client
from django.test.client import ClientHandler
from psycopg.pq import TransactionStatus
from pytest_django import DjangoDbBlocker

from accounts.groups import STAFF, ensure_groups
from accounts.models import User
from cookbook.practice import bank
from tests.factories import UserFactory


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one worker for each processor, and two at least."""
    return max(2, os.cpu_count() or 2)


@pytest.fixture(scope="session", autouse=True)
def _flush_despite_triggers() -> Iterable[None]:
    """Let the tests, and nothing else, empty append-only tables.

    A test with real commits ends with a flush, which is a TRUNCATE, and a
    trigger refuses that for posted rows. So the owner of the tables disables the
    triggers for the flush of a test database; everywhere else they stay in force.
    """
    execute_sql_flush = DatabaseOperations.execute_sql_flush

    def flush_with_triggers_off(self: DatabaseOperations, sql_list: Iterable[str]) -> Any:
        assert self.connection.settings_dict["NAME"].startswith("test_")
        walls = [(trigger, model) for model, trigger in pgtrigger.registered()]
        with atomic(using=self.connection.alias):
            for trigger, model in walls:
                trigger.disable(model, database=self.connection.alias)
            result = execute_sql_flush(self, sql_list)
            for trigger, model in walls:
                trigger.enable(model, database=self.connection.alias)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush_with_triggers_off)
        yield


@pytest.fixture(autouse=True)
def _pages_as_the_web_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request of a test client is served with the rights of a web process."""
    handle = ClientHandler.__call__

    def as_web(self: ClientHandler, environ: dict[str, Any]) -> Any:
        set_role("ledger_web")
        try:
            return handle(self, environ)
        finally:
            set_role(None)

    monkeypatch.setattr(ClientHandler, "__call__", as_web)


def set_role(role: str | None) -> None:
    """Round Django's cursor, which would count it among the queries of the page."""
    raw = connection.connection
    if raw is not None and raw.info.transaction_status != TransactionStatus.INERROR:
        raw.execute(f"SET ROLE {role}" if role else "RESET ROLE")


@pytest.fixture(scope="session")
def practice_bank(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The cookbook's practice bank, made once for each database of tests."""
    with django_db_blocker.unblock():
        bank.build()
        connection.close()


@pytest.fixture
def clerk() -> User:
    clerk: User = UserFactory(is_staff=True, name="Clerk")
    clerk.groups.add(ensure_groups()[STAFF])
    return clerk


@pytest.fixture
def staff(client: Client, clerk: User) -> Client:
    client.force_login(clerk)
    return client


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    return client
