"""What `check --deploy` tells of the role that runs the explorer's queries."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from ledger.checks.explorer_role import explorer_role
from ledger.db.rights.role_setup import EXPLORER_SETTINGS
from tests.pooler import beside, server

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser() -> Iterator[psycopg.Connection[Any]]:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser makes roles with these settings")
    with beside(user="postgres") as connection:
        yield connection


@pytest.fixture
def role(superuser: psycopg.Connection[Any], settings: Any) -> Iterator[str]:
    """A role of this test's, with every setting."""
    name = settings.LEDGER_EXPLORER_ROLE = f"explorer_{uuid4().hex}"
    superuser.execute(f"CREATE ROLE {name}".encode())
    for setting, value in EXPLORER_SETTINGS.items():
        superuser.execute(f"ALTER ROLE {name} SET {setting} = '{value}'".encode())
    yield name
    superuser.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


@pytest.fixture
def owner() -> Iterator[psycopg.Connection[Any]]:
    with beside() as connection:
        yield connection


def test_a_role_with_every_setting_is_told_nothing(role: str, owner: Any) -> None:
    assert list(explorer_role(owner)) == []


@pytest.mark.parametrize("setting", EXPLORER_SETTINGS)
@pytest.mark.parametrize("explorer", ["staff", "off"])
def test_a_role_without_a_setting_is_told_it(
    role: str, owner: Any, superuser: Any, settings: Any, setting: str, explorer: str
) -> None:
    settings.LEDGER_EXPLORER = explorer
    superuser.execute(f"ALTER ROLE {role} RESET {setting}".encode())
    told = list(explorer_role(owner))
    if explorer == "off":
        assert told == []
        return
    (message,) = told
    assert f"{setting} is " in message.msg
    assert [name for name in EXPLORER_SETTINGS if f"{name} is " in message.msg] == [setting]


@pytest.mark.parametrize(
    ("login", "password", "is_off"),
    [
        ({"PASSWORD": "x"}, "", True),
        ({"PASSWORD": "x"}, "y", False),
        ({"PASSWORD": ""}, "", False),  # a socket, or a token of IAM
        ({"LEDGER_CREDENTIALS": {"region": "r", "secret": "s"}}, "", True),
        ({"LEDGER_CREDENTIALS": {"region": "r"}}, "", False),
    ],
)
def test_an_explorer_without_the_password_that_the_server_wants_is_off(
    role: str, owner: Any, superuser: Any, settings: Any, monkeypatch: pytest.MonkeyPatch,
    login: dict[str, Any], password: str, is_off: bool,
) -> None:  # fmt: skip
    superuser.execute(f"ALTER ROLE {role} RESET track_activities".encode())
    settings.LEDGER_EXPLORER_PASSWORD = password
    for name, value in {"LEDGER_EMBEDDED": False, **login}.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    assert bool(list(explorer_role(owner))) is not is_off


def test_what_the_role_that_checks_has_says_nothing_of_it(
    role: str, superuser: Any, settings: Any
) -> None:
    superuser.execute(f"ALTER ROLE {role} RESET track_activities".encode())
    with beside(user=settings.LEDGER_WEB_ROLE) as web:
        assert web.execute("SHOW track_activities").fetchone() == ("off",)
        (message,) = explorer_role(web)
    assert "track_activities is on" in message.msg


def test_a_setting_of_this_database_goes_before(role: str, owner: Any, superuser: Any) -> None:
    name = owner.info.dbname
    superuser.execute(f'ALTER ROLE {role} IN DATABASE "{name}" SET track_counts = on'.encode())
    (message,) = explorer_role(owner)
    assert "track_counts is on" in message.msg


@pytest.mark.parametrize(
    "function",
    [
        "set_config(text, text, boolean)",
        "pg_terminate_backend(int, bigint)",
        "pg_logical_emit_message(boolean, text, text, boolean)",
        "lo_create(oid)",
        "pg_try_advisory_lock(bigint)",
        "pg_stat_get_tuples_returned(oid)",
        "pg_sequence_last_value(regclass)",
        "pg_current_snapshot()",
        "age(xid)",
        "pg_relation_size(regclass)",
    ],
)
def test_a_function_that_a_superuser_takes_is_told(
    role: str, owner: Any, superuser: Any, function: str
) -> None:
    with beside(user="postgres", dbname=owner.info.dbname) as here:
        here.execute(f"GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO {role}".encode())
        (message,) = explorer_role(owner)
        here.execute(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM {role}".encode())
    assert message.id == "ledger.explorer_functions"
    assert function.partition("(")[0] in message.msg


def test_statistics_of_statements_that_it_reads_are_told(
    role: str, owner: Any, superuser: Any
) -> None:
    """The view stands for the extension's, which a server loads at its start."""
    superuser.execute(f"CREATE SCHEMA {role}; CREATE VIEW {role}.pg_stat_statements AS SELECT 1")
    try:
        assert list(explorer_role(owner)) == []
        superuser.execute(f"GRANT USAGE ON SCHEMA {role} TO PUBLIC")
        superuser.execute(f"GRANT SELECT ON {role}.pg_stat_statements TO PUBLIC")
        (message,) = explorer_role(owner)
        assert message.id == "ledger.explorer_statements"
    finally:
        superuser.execute(f"DROP SCHEMA {role} CASCADE")
