"""Which database the router of DATABASE_READ_ROUTER chooses. Without a database."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.management import CommandError, call_command
from django.db import connections, models
from django.db.utils import ConnectionRouter
from django.test.utils import isolate_apps
from django.utils.connection import ConnectionDoesNotExist

from accounts.models import Account, Household
from ledger.db.read_router import PLUGINS_WITH_READER, ReadRouter, has_added_table
from ledger.db.unknown_alias import how_to_add_reader


@pytest.fixture
def router() -> ConnectionRouter:
    return ConnectionRouter([ReadRouter()])


@pytest.fixture
def visit() -> Iterator[type[models.Model]]:
    """A model of an app that a bank added."""
    with isolate_apps("accounts"):

        class Meeting(models.Model):
            account = models.ForeignKey(Account, on_delete=models.CASCADE)

            class Meta:
                app_label = "meetings"

            def __str__(self) -> str:
                return "a meeting"

        yield Meeting


def test_what_ledger_has_today_is_read_on_the_writer(router: ConnectionRouter) -> None:
    """Money, people, permissions, sessions and limits; add the package of a new app that has such
    models to ON_WRITER.
    """
    found = {
        f"{model.__module__}.{model.__name__}": router.db_for_read(model)
        for model in apps.get_models(include_auto_created=True)
        if not model.__module__.startswith("tests.")
    }
    assert {name for name, database in found.items() if database != "default"} == set()
    assert len(found) > 80


def test_columns_of_ledger_are_in_no_table_of_an_added_app(visit: type[models.Model]) -> None:
    """Of its proxies and children neither, for which fixtures and the router ask."""
    with isolate_apps("accounts"):

        class Kiosk(Account):
            class Meta:
                app_label = "shops"
                proxy = True

        class Vault(Account):
            class Meta:
                app_label = "shops"

    found = [has_added_table(model) for model in (Kiosk, Vault, Account, visit)]
    assert found == [False, False, False, True]


def test_a_cache_in_the_database_is_read_on_the_writer(router: ConnectionRouter) -> None:
    """Limits are counted there."""
    entry = BaseDatabaseCache("cache", {}).cache_model_class
    assert (router.db_for_read(entry), router.db_for_write(entry)) == ("default", "default")


def test_a_model_of_an_added_app_is_read_at_the_reader_and_written_on_the_writer(
    router: ConnectionRouter, visit: type[models.Model]
) -> None:
    assert router.db_for_read(visit) == "read"
    assert router.db_for_write(visit) == "default"


def test_a_proxy_of_a_model_of_money_is_read_on_the_writer(
    router: ConnectionRouter, visit: type[models.Model]
) -> None:
    class Shop(Account):
        class Meta:
            app_label = "meetings"
            proxy = True

    assert router.db_for_read(Shop) == "default"


def test_a_child_of_a_model_of_money_is_read_on_the_writer(
    router: ConnectionRouter, visit: type[models.Model]
) -> None:
    """Its rows have the balance."""

    class Savings(Account):
        class Meta:
            app_label = "meetings"

    assert router.db_for_read(Savings) == "default"


def test_within_a_transaction_on_the_writer_everything_is_read_there(
    router: ConnectionRouter, visit: type[models.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections["default"], "in_atomic_block", True)
    assert router.db_for_read(visit) == "default"


@pytest.mark.parametrize("came_from", ["default", "read"])
def test_what_belongs_to_an_object_is_read_where_that_came_from(
    came_from: str, router: ConnectionRouter, visit: Any
) -> None:
    """`refresh_from_db` after `save`, and related rows."""
    one = visit()
    assert router.db_for_read(visit, instance=one) == "read", "it was never saved"
    one._state.db = came_from
    assert router.db_for_read(visit, instance=one) == came_from
    assert router.db_for_read(Account, instance=one) == "default", "money, all the same"
    assert router.db_for_write(visit, instance=one) == "default"


def test_objects_of_both_databases_refer_to_each_other(
    router: ConnectionRouter, visit: Any
) -> None:
    account, one = Account(), visit()
    account._state.db, one._state.db = "read", "default"
    assert router.allow_relation(account, one)
    account._state.db = "another"
    assert not router.allow_relation(account, one)


def test_migrations_leave_the_reader_alone(router: ConnectionRouter) -> None:
    assert router.allow_migrate("default", "meetings")
    assert not router.allow_migrate("read", "meetings")


def test_migrate_does_not_begin_at_the_reader() -> None:
    with pytest.raises(CommandError, match="writer"):
        call_command("migrate", database="read")


@pytest.mark.django_db
def test_an_alias_without_a_server_names_the_setting() -> None:
    for alias in ("read", "replica"):
        with pytest.raises(ConnectionDoesNotExist, match="DATABASE_REPLICA_URLS adds read"):
            Household.objects.using(alias).exists()


def test_an_alias_of_awss_driver_names_its_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "LEDGER_DRIVER", {"plugins": "failover_v2"})
    assert "DATABASE_REPLICA_URLS" not in (hint := how_to_add_reader())
    assert PLUGINS_WITH_READER in hint, "the setting replaces the plugins of failover"
