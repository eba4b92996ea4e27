"""`manage.py check`, and DATABASES and DATABASE_ROUTERS of a settings module."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings
from django.core.checks.registry import registry
from django.db import router
from django.db.models import Model
from psycopg import IsolationLevel

from accounts.models import Account, User
from ledger.checks.connections import (
    check_failover,
    check_options,
    check_readers,
    check_routers,
)
from ledger.checks.messages import wrong
from ledger.db.read_router import DEFAULT_PLUGINS, PLUGINS_WITH_READER, ReadRouter


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A copy of DATABASES that a test can change. Connections do not use the copy."""
    found = deepcopy(settings.DATABASES)
    monkeypatch.setattr(settings, "DATABASES", found)
    return found


def test_the_settings_of_ledger_pass() -> None:
    assert check_options() == []


@pytest.mark.parametrize(("name", "value"), [("ATOMIC_REQUESTS", True), ("AUTOCOMMIT", False)])
def test_a_setting_with_which_payments_fail_is_an_error(
    name: str, value: bool, databases: dict[str, Any]
) -> None:
    databases["default"][name] = value
    (found,) = check_options()
    assert name in found.msg
    assert found.level == wrong("x", "", "").level

    databases["default"][name] = not value
    assert check_options() == []


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("CONN_MAX_AGE", "60", False),
        ("CONN_MAX_AGE", 60, True),
        ("CONN_MAX_AGE", None, True),
        ("TIME_ZONE", "Europe/Paris", False),
        ("TIME_ZONE", None, True),
    ],
)
def test_a_setting_of_a_wrong_type_or_another_time_zone_is_an_error(
    name: str, value: object, fits: bool, databases: dict[str, Any]
) -> None:
    databases["default"][name] = value
    found = check_options()
    assert (found == []) is fits
    assert all(name in message.msg for message in found)


@pytest.mark.parametrize(("age", "fits"), [(0, True), (60, False), (None, False)])
def test_a_pool_whose_connections_are_also_kept_by_django_is_an_error(
    age: int | None, fits: bool, databases: dict[str, Any]
) -> None:
    databases["default"]["OPTIONS"] = {"pool": True}
    databases["default"]["CONN_MAX_AGE"] = age
    assert (check_options() == []) is fits


def test_times_without_a_time_zone_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "USE_TZ", False)
    assert ["USE_TZ" in message.msg for message in check_options()] == [True]


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("-c session_replication_role=replica", False),
        ("-c jit=off", True),
        ("-c search_path=app", False),
        ("-c search_path=app,public", False),
        ("-c search_path=public,extensions", True),
        ('-c search_path="$user",public', True),
    ],
)
def test_a_start_up_option_with_which_payments_fail_is_an_error(
    value: str, fits: bool, databases: dict[str, Any]
) -> None:
    databases["default"]["OPTIONS"]["options"] = value
    assert (check_options() == []) is fits


@pytest.mark.parametrize(
    ("level", "fits"),
    [(IsolationLevel.SERIALIZABLE, False), (IsolationLevel.READ_COMMITTED, True)],
)
def test_an_isolation_level_is_an_error_except_the_own_one(
    level: IsolationLevel, fits: bool, databases: dict[str, Any]
) -> None:
    databases["default"]["OPTIONS"]["isolation_level"] = level
    assert (check_options() == []) is fits


class Mover:
    """A router that uses `replica` for reads of some models."""

    def __init__(self, *moved: type[Model]) -> None:
        self.moved = moved

    def db_for_read(self, model: type[Model], **_hints: Any) -> str | None:
        return "replica" if model in self.moved else None


@pytest.fixture
def routers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Uses these routers instead of DATABASE_ROUTERS."""
    return lambda *found: monkeypatch.setattr(router, "routers", list(found))


def test_a_router_that_moves_reads_of_ledgers_models_is_a_warning(
    routers: Callable[..., None],
) -> None:
    routers(Mover(User, Account))
    (found,) = check_routers()
    assert all(name in found.msg for name in ("accounts.User", "accounts.Account", "replica"))


def test_other_routers_pass(routers: Callable[..., None]) -> None:
    for found in ([], [ReadRouter()], [Mover()], [ReadRouter(), Mover(User)]):
        routers(*found)
        assert check_routers() == []


@pytest.mark.parametrize("alias", ["default", "read"])
@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("bank.cluster-ro-abc123.eu-west-1.rds.amazonaws.com", False),
        ("BANK.Cluster-RO-abc123.cn-north-1.rds.amazonaws.com.cn", False),
        ("one.example,bank.cluster-ro-abc123.eu-west-1.rds.amazonaws.com", False),
        ("bank.cluster-abc123.eu-west-1.rds.amazonaws.com", True),
        ("cluster-ro-1.abc123.eu-west-1.rds.amazonaws.com", True),
        ("", True),
    ],
)
def test_a_reader_endpoint_is_a_warning(
    host: str, fits: bool, alias: str, databases: dict[str, Any]
) -> None:
    databases[alias] = {**databases["default"], "HOST": host}
    assert (check_readers() == []) is fits


@pytest.mark.parametrize(
    ("plugins", "fits"),
    [
        ("read_write_splitting", False),
        (PLUGINS_WITH_READER, True),
        (DEFAULT_PLUGINS, True),
        ("gdb_rw,gdb_failover", True),
        (None, True),
    ],
)
def test_awss_driver_without_failover_is_a_warning(
    plugins: str | None, fits: bool, databases: dict[str, Any]
) -> None:
    if plugins:
        databases["default"]["LEDGER_DRIVER"] = {"plugins": plugins}
    assert (check_failover() == []) is fits


@pytest.mark.parametrize("check", [check_options, check_routers, check_readers, check_failover])
def test_check_runs_it(check: Any) -> None:
    assert check in registry.registered_checks
