"""Advisory locks by name, which the end of the transaction releases."""

from django.db import connection

# SQL that takes the lock, for a statement that has the name as its parameter.
TAKE = "pg_advisory_xact_lock(hashtextextended(%({name})s, 0))"


def wait_for_lock(name: str) -> None:
    """Waits until no other transaction holds the lock of this name, and holds it from then on."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {TAKE.format(name='lock')}", {"lock": name})
