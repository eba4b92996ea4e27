"""Empties the test database after a test with real commits: deletes from the tables that have rows.

Django's own flush is a TRUNCATE of all tables, which triggers refuse for posted rows, and writes
content types and permissions again: 0.1 s, a hundred times as long as this.
"""

from functools import cache
from typing import Any

import psycopg
from django.db import connection
from django.db.transaction import atomic

from accounts.models.change_triggers import RECORDED_TABLES
from accounts.models.state import note_state
from ledger.db.roles import SUPERUSER
from tests import pooler

WRITTEN_BY_MIGRATE = {
    "currencies", "auth_permission", "django_content_type", "auth_group", "auth_group_permissions",
    "approval_thresholds",
}  # fmt: skip
# For a session of a superuser: neither triggers nor foreign keys run. A test that left a
# transaction open is told by an error.
NO_TRIGGERS = "-c session_replication_role=replica -c lock_timeout=20s"
_sessions: list[psycopg.Connection[Any]] = []


def empty_tables() -> None:
    """Deletes all rows of the test database, except those that migrations write."""
    assert connection.settings_dict["NAME"].startswith("test_")
    emptied = _by_superuser() if pooler.server().get("LEDGER_EMBEDDED") else _by_owner()
    if "changes" in emptied:  # the audit compares the rows that stay with their history
        with atomic(), connection.cursor() as cursor:
            note_state(cursor, sorted(WRITTEN_BY_MIGRATE & RECORDED_TABLES.keys()))


def close() -> None:
    """Ends the superuser's session, which would keep the test database from being dropped."""
    for session in _sessions:
        session.close()
    _sessions.clear()


def _by_superuser() -> list[str]:
    """On the embedded server, ten times as fast as by the owner, who has to ALTER each table."""
    try:
        return _deleted(_session())
    except psycopg.OperationalError:  # a test has restarted the server
        close()
        return _deleted(_session())


def _session() -> psycopg.Connection[Any]:
    if not _sessions:
        _sessions.append(pooler.beside(user=SUPERUSER, options=NO_TRIGGERS))
    return _sessions[0]


def _deleted(session: psycopg.Connection[Any]) -> list[str]:
    filled = [name for (name,) in session.execute(_filled(), prepare=True)]
    session.execute("; ".join(f"DELETE FROM {name}" for name in filled))
    return filled


def _by_owner() -> list[str]:
    """Rows of transactions go first: two of their foreign keys cannot be deferred."""
    with connection.cursor() as cursor:
        cursor.execute(_filled())
        filled = sorted((name for (name,) in cursor.fetchall()), key="transactions".__ne__)
    with atomic(), connection.cursor() as cursor:
        for name in filled:
            cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        for name in filled:
            cursor.execute(f"DELETE FROM {name}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in filled:
            cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")
    return filled


@cache
def _filled() -> str:
    """SQL: the names of the tables that have rows."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = sorted({*tables, "cache"} - WRITTEN_BY_MIGRATE)  # the cache has counts of limits
    return " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names)
