"""Empties the test database after a test with real commits: deletes from the tables that have rows.

Django's own flush is a TRUNCATE of all tables, which triggers refuse for posted rows, and writes
content types and permissions again: 0.1 s, a hundred times as long as this.

Note [Noted once]: the audit compares the rows that stay with their history, so an emptied history
gets a row for each of them, and the register a digest of each. These some hundred rows would take
longer than all else here, so they stay as well, unless a test changed them or what they are about.

What migrations write is put back if a test changed it, so that no test depends on those before it.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import psycopg
from django.db import connection
from django.db.transaction import atomic

from accounts.models.change_triggers import RECORDED_TABLES
from accounts.models.state import note_state
from ledger.embedded.roles import SUPERUSER
from tests import pooler
from tests.settings import ROW_SECURITY_OF_TESTS

# For a session of a superuser: neither triggers nor foreign keys run. A test that left a
# transaction open is told by an error.
NO_TRIGGERS = "-c session_replication_role=replica -c lock_timeout=20s"
NOTES = ("changes", "row_register")
HAS_POLICIES = "SELECT relrowsecurity FROM pg_class WHERE oid = 'accounts'::regclass"
_sessions: list[psycopg.Connection[Any]] = []


@dataclass
class Notes:
    """The transaction that wrote the notes, and the state of what is noted and of the notes."""

    transaction: str = "0"
    state: list[Any] = field(default_factory=list)


_notes = Notes()


@dataclass
class WrittenRows:
    """What migrations wrote: rows as COPY writes them, by table, and the state of the tables."""

    rows: dict[str, bytes] = field(default_factory=dict)
    state: list[Any] = field(default_factory=list)

    def noted(self) -> list[str]:
        return sorted(self.rows.keys() & RECORDED_TABLES.keys())


_written = WrittenRows()


def remember() -> None:
    """Remembers what migrations wrote, in a test database that no test has used."""
    with pooler.beside() as session:
        for (table,) in session.execute(_filled(but=NOTES)).fetchall():
            with session.cursor().copy(f"COPY {table} TO STDOUT") as rows:
                _written.rows[table] = b"".join(rows)
        _written.state = _state(session, _written.rows)


def _state(session: psycopg.Connection[Any], tables: Iterable[str]) -> list[Any]:
    """How many rows each table has, and the sum of the transactions that wrote them."""
    counts = (f"SELECT count(*), sum(xmin::text::bigint) FROM {name}" for name in tables)
    return session.execute(" UNION ALL ".join(counts), prepare=True).fetchall()


def _put_back(session: psycopg.Connection[Any]) -> None:
    """Writes what migrations wrote anew, if a test changed it."""
    if _state(session, _written.rows) == _written.state:
        return
    with session.transaction():
        for table in _written.rows:
            session.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table, rows in _written.rows.items():
            session.execute(f"DELETE FROM {table}")
            with session.cursor().copy(f"COPY {table} FROM STDIN") as written:
                written.write(rows)
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in _written.rows:
            session.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    _written.state = _state(session, _written.rows)


def empty_tables() -> None:
    """Deletes all rows of the test database, except those that migrations write.

    Raises AssertionError if a test left row-level security on, or off, for those after it.
    """
    assert connection.settings_dict["NAME"].startswith("test_")
    if pooler.server().get("LEDGER_EMBEDDED"):
        _by_superuser()
        return
    filled = _by_owner()
    with pooler.beside() as session:
        _put_back(session)
    if "changes" in filled:
        _note()


def close() -> None:
    """Ends the superuser's session, which would keep the test database from being dropped."""
    for session in _sessions:
        session.close()
    _sessions.clear()


def _note() -> None:
    with atomic(), connection.cursor() as cursor:
        note_state(cursor, _written.noted())


def _by_superuser() -> None:
    """On the embedded server, ten times as fast as by the owner, who has to ALTER each table."""
    try:
        _empty(_session())
    except psycopg.OperationalError:  # a test has restarted the server
        close()
        _empty(_session())


def _session() -> psycopg.Connection[Any]:
    if not _sessions:
        _sessions.append(pooler.beside(user=SUPERUSER, options=NO_TRIGGERS))
    return _sessions[0]


def _empty(session: psycopg.Connection[Any]) -> None:
    """See Note [Noted once]."""
    assert session.execute(HAS_POLICIES, prepare=True).fetchone() == (ROW_SECURITY_OF_TESTS,), (
        "a test left row-level security on, or off, for those after it"
    )
    filled = [name for (name,) in session.execute(_filled(but=_written.rows), prepare=True)]
    others = dict.fromkeys(NOTES, f" WHERE xmin <> '{_notes.transaction}'")
    session.execute("; ".join(f"DELETE FROM {name}{others.get(name, '')}" for name in filled))
    _put_back(session)
    noted = (*_written.noted(), *NOTES)
    if "changes" in filled and _state(session, noted) != _notes.state:
        session.execute("; ".join(f"DELETE FROM {name}" for name in NOTES))
        _note()
        ((_notes.transaction,),) = session.execute("SELECT DISTINCT xmin::text FROM changes")
        _notes.state = _state(session, noted)


def _by_owner() -> list[str]:
    """Rows of transactions go first: two of their foreign keys cannot be deferred."""
    with connection.cursor() as cursor:
        cursor.execute(_filled(but=_written.rows))
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


def _filled(but: Container[str]) -> str:
    """SQL: the names of the tables that have rows, without some."""
    names = (name for name in _tables() if name not in but)
    return " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names)


@cache
def _tables() -> list[str]:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted({*tables, "cache"})  # which has counts of limits
