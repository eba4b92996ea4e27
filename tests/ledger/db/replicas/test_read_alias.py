"""The alias `read`, and the router, on a primary and its standby."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connections
from django.http import HttpRequest, HttpResponse

from accounts.models import Household
from ledger.db.backend.base import DatabaseWrapper
from ledger.db.read_router import READ, ReadRouter
from ledger.embedded import roles
from tests.ledger.db.replicas.bank import BankWithReplica, settings_of_replica
from tests.ledger.processes import manage
from transactions.row_security.middleware import RowSecurityMiddleware

WITH_READER = {"DATABASE_REPLICA_URLS": "standby"}
SERVERS = """
from django.db import connections

for alias in connections:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        print(alias, cursor.fetchone()[0])
"""
ROUTED = """
from django.db import models
from accounts.models import Account

class Code(models.Model):  # of an added app
    __module__ = "added.models"
    code = models.CharField(primary_key=True)

    class Meta:
        app_label, managed, db_table = "added", False, "currencies"

print(Code.objects.first()._state.db)
print(Account.objects.all().db, Account.objects.using("read").db)
"""


@pytest.fixture
def reader(bank: BankWithReplica) -> Iterator[DatabaseWrapper]:
    """The connection of the alias, for this process; as the owner, who sees every row."""
    connections.settings[READ] = settings_of_replica(bank.pair.standby) | {"USER": roles.OWNER}
    found: Any = connections[READ]
    yield found
    found.close()
    found.close_pool()
    del connections[READ], connections.settings[READ]


def test_a_command_reads_from_the_standby(bank: BankWithReplica) -> None:
    done = manage(bank.pair.data_dir, "shell", "--no-imports", "-c", SERVERS, **WITH_READER)

    assert done.stdout == "default False\nread True\n", done.stderr


def test_with_the_router_a_model_of_an_added_app_is_read_from_the_standby(
    bank: BankWithReplica,
) -> None:
    router = {"DATABASE_READ_ROUTER": "True"}
    done = manage(
        bank.pair.data_dir, "shell", "--no-imports", "-c", ROUTED, **WITH_READER, **router
    )

    assert done.stdout == "read\ndefault read\n", done.stderr


def test_a_reader_is_late_and_the_writer_is_not(
    bank: BankWithReplica, reader: DatabaseWrapper
) -> None:
    with bank.paused():
        home = Household.objects.create(name="late")
        assert Household.objects.filter(pk=home.pk).exists()
        assert not Household.objects.using(READ).filter(pk=home.pk).exists()
    bank.catch_up()
    assert Household.objects.using(READ).get(pk=home.pk) == home


def test_a_reader_refuses_writes_and_the_router_sends_them_to_the_writer(
    bank: BankWithReplica, reader: DatabaseWrapper, settings: Any
) -> None:
    home = Household.objects.create(name="before")
    bank.catch_up()
    read = Household.objects.using(READ).get(pk=home.pk)
    read.name = "after"

    with pytest.raises(InternalError, match="read-only"):
        read.save()

    settings.DATABASE_ROUTERS = [ReadRouter()]
    read.save()
    home.refresh_from_db()
    assert home.name == "after"


def test_migrate_refuses_each_alias_of_a_reader(
    bank: BankWithReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = settings_of_replica(bank.pair.standby) | {"USER": roles.OWNER}
    monkeypatch.setitem(connections.settings, "replica", replica)
    try:
        with pytest.raises(CommandError):
            call_command("migrate", "--database", "replica")
    finally:
        connections["replica"].close()
        del connections["replica"]


def test_a_statement_at_the_reader_runs_as_the_person_of_the_request(
    bank: BankWithReplica, reader: DatabaseWrapper, settings: Any
) -> None:
    settings.LEDGER_ROW_SECURITY = True
    both: list[Any] = [connections["default"], reader]
    readers: list[object] = []

    def page(_request: HttpRequest) -> HttpResponse:
        readers.extend(database.reader for database in both)
        return HttpResponse()

    try:
        RowSecurityMiddleware(page)(HttpRequest())
    finally:
        for database in both:
            database.reader = None
    assert readers[0] is not None
    assert readers[0] is readers[1]
