"""The bench's server: temporary databases, and copies of the tables for comparisons."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from ledger.embedded import roles
from ledger.embedded.instance import default_server

TEMPLATE = roles.DATABASE  # migrated and empty; no part writes to it
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
    """Returns a superuser's connection, for work that no role of the application may do."""
    info = default_server().ensure_started()
    return psycopg.connect(
        host=info.host,
        port=info.port,
        user=roles.SUPERUSER,
        dbname=database,
        autocommit=True,
    )


def settle() -> None:
    """Writes dirty pages to disk, so that they do not slow down the next contestant."""
    with admin() as server:
        server.execute("CHECKPOINT")


def wait_for_no_disk() -> None:
    """Commits without waiting for the disk. This is for the tiny size, whose data is not needed."""
    with admin() as server:
        server.execute("ALTER SYSTEM SET fsync = off")
        server.execute("SELECT pg_reload_conf()")


def point_at(database: str) -> None:
    """Connects Django in this process to this database."""
    disconnect()
    connection.settings_dict["NAME"] = database


def disconnect() -> None:
    """Closes every connection of Django in this process, including connections in a pool."""
    here: Any = connection
    here.close()
    here.close_pool()


@contextmanager
def new_database(name: str, template: str) -> Iterator[str]:
    """Creates a copy of the template, and drops the copy afterwards. No session may be connected to
    the template.
    """
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
    """Creates a copy of the template like `new_database`, and connects Django to it."""
    point_at(name)
    with new_database(name, template):
        try:
            yield name
        finally:
            point_at(TEMPLATE)


def columns_of(server: "psycopg.Connection[tuple[object, ...]]", table: str) -> str:
    """Returns the columns that are not generated, for INSERT or COPY."""
    row = server.execute(PLAIN_COLUMNS, [table]).fetchone()
    return str(row[0]) if row else ""


def copy_tables(database: str) -> None:
    """Copies the tables with their rows into the schema `bench`, for the comparisons.

    Copies the columns, checks, indexes and foreign keys, but no triggers. Our triggers would refuse
    a rival that changes balances in another way, and would slow it down.
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
    """Makes Django use the copies under the names of the tables while the `with` block runs."""
    with connection.cursor() as cursor:
        cursor.execute(RIVALS_FIRST)
        try:
            yield
        finally:
            cursor.execute("RESET search_path")


def deadlocks(database: str) -> int:
    """Returns the number of deadlocks in this database so far."""
    with admin() as server:
        row = server.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [database]
        ).fetchone()
    return int(str(row[0])) if row else 0
