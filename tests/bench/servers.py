"""The bench's own server: temporary databases, and copies of the tables for comparisons."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from ledger.embedded import roles
from ledger.embedded.instance import default_server

TEMPLATE = roles.DATABASE  # migrated, empty, and never written to by any part
COPIED = ("accounts", "transactions")
RIVALS = "bench"  # the schema of the copies
RIVALS_FIRST = f"SET search_path TO {RIVALS}, public"

FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%s::regclass[]) ORDER BY conname
"""
PLAIN_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


def admin(database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
    """A superuser's connection, for work that no role of the application may do."""
    info = default_server().ensure_started()
    return psycopg.connect(
        host=info.host,
        port=info.port,
        user=roles.SUPERUSER,
        dbname=database,
        autocommit=True,
    )


def settle() -> None:
    """Write dirty pages to disk, so that no contestant pays for the one before."""
    with admin() as server:
        server.execute("CHECKPOINT")


def wait_for_no_disk() -> None:
    """Commit without waiting for the disk; for the toy size, whose data is not needed."""
    with admin() as server:
        server.execute("ALTER SYSTEM SET fsync = off")
        server.execute("SELECT pg_reload_conf()")


def point_at(database: str) -> None:
    """Connect Django in this process to this database."""
    disconnect()
    connection.settings_dict["NAME"] = database


def disconnect() -> None:
    """End every connection of Django in this process, those that a pool keeps too."""
    here: Any = connection
    here.close()
    here.close_pool()


@contextmanager
def new_database(name: str, template: str) -> Iterator[str]:
    """A copy of the template, dropped afterwards. Nobody may be connected to the template."""
    names = [sql.Identifier(part) for part in (name, template, roles.OWNER)]
    with admin() as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*names))
    try:
        yield name
    finally:
        with admin() as server:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            server.execute(drop.format(sql.Identifier(name)))


@contextmanager
def fresh_database(name: str, template: str = TEMPLATE) -> Iterator[str]:
    """The same, with Django connected to it."""
    point_at(name)
    with new_database(name, template):
        try:
            yield name
        finally:
            point_at(TEMPLATE)


def columns_of(server: "psycopg.Connection[tuple[object, ...]]", table: str) -> str:
    """The columns that are not generated, for INSERT or COPY."""
    row = server.execute(PLAIN_COLUMNS, [table]).fetchone()
    return str(row[0]) if row else ""


def copy_tables(database: str) -> None:
    """Copy the tables with their rows into the schema `bench`, for the comparisons.

    The same columns, checks, indexes and foreign keys, and none of our triggers: they would
    refuse a rival that changes balances in its own way, and cost it time that is not its own.
    """
    with admin(database) as server:
        keys = server.execute(FOREIGN_KEYS, [list(COPIED)]).fetchall()
        server.execute(f"CREATE SCHEMA {RIVALS}")
        for table in COPIED:
            columns = columns_of(server, table)
            server.execute(f"CREATE TABLE {RIVALS}.{table} (LIKE public.{table} INCLUDING ALL)")
            server.execute(
                f"INSERT INTO {RIVALS}.{table} ({columns}) SELECT {columns} FROM public.{table}"
            )
        server.execute(RIVALS_FIRST)
        for owner, name, definition in keys:
            server.execute(f"ALTER TABLE {owner} ADD CONSTRAINT {name} {definition}")
        server.execute(f"GRANT USAGE ON SCHEMA {RIVALS} TO PUBLIC")
        server.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {RIVALS} TO PUBLIC")
        server.execute("VACUUM ANALYZE")


@contextmanager
def comparison_tables() -> Iterator[None]:
    """Within the block Django finds the copies under the names of the tables."""
    with connection.cursor() as cursor:
        cursor.execute(RIVALS_FIRST)
        try:
            yield
        finally:
            cursor.execute("RESET search_path")


def deadlocks(database: str) -> int:
    """The number of deadlocks in this database so far."""
    with admin() as server:
        row = server.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [database]
        ).fetchone()
    return int(str(row[0])) if row else 0
