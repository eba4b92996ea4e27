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
    """Drops every CHECK of a table, and the foreign key of a currency."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass"
            " AND (contype = 'c' OR conname = 'account_currency_exists')",
            [table],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def found(check: str) -> Any:
    """The one finding of a check."""
    (finding,) = [f for f in audit().findings if f.check == check]
    return finding
