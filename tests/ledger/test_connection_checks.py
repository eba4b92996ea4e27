"""`manage.py check` and DATABASES of a settings module."""

from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings
from django.core.checks.registry import registry
from psycopg import IsolationLevel

from ledger.checks.connections import check_options
from ledger.checks.messages import wrong


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
    ("level", "fits"),
    [(IsolationLevel.SERIALIZABLE, False), (IsolationLevel.READ_COMMITTED, True)],
)
def test_an_isolation_level_is_an_error_except_the_own_one(
    level: IsolationLevel, fits: bool, databases: dict[str, Any]
) -> None:
    databases["default"]["OPTIONS"]["isolation_level"] = level
    assert (check_options() == []) is fits


def test_check_runs_it() -> None:
    assert check_options in registry.registered_checks
