"""Ways to break the books that no service and no role of the web has, and what an audit finds."""

from typing import Any

from django.db import connection

from transactions.audit.audit import audit


def falsify(sql: str, *parameters: Any) -> None:
    """What only the owner of the tables could do: disable the triggers first."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE transactions DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE accounts DISABLE TRIGGER USER")
        cursor.execute(
            "ALTER TABLE transactions DROP CONSTRAINT IF EXISTS from_account_same_currency"
        )
        cursor.execute(
            "ALTER TABLE transactions DROP CONSTRAINT IF EXISTS to_account_same_currency"
        )
        cursor.execute(sql, parameters)


def falsify_rules(table: str = "transactions") -> None:
    """Drops every CHECK of a table, and every foreign key from it and to it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype IN ('c', 'f') AND %s::regclass IN (conrelid, confrelid)",
            [table],
        )
        for of, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {of} DROP CONSTRAINT "{name}"')


def lose_not_null(table: str, column: str) -> None:
    """Drops the NOT NULL of a column, and what requires it: CHECKs, and the key if it is in it."""
    falsify_rules(table)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid"
            " WHERE contype = 'p' AND attnum = ANY (conkey) AND (attrelid, attname)"
            " = (%s::regclass, %s)",
            [table, column],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
        cursor.execute(f"ALTER TABLE {table} ALTER {column} DROP NOT NULL")


def found(check: str) -> Any:
    """The one finding of a check."""
    (finding,) = [f for f in audit().findings if f.check == check]
    return finding
