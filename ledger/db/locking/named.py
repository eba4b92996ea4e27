"""Advisory locks by name. The end of the transaction releases them."""

from django.db import connection

# SQL that takes the lock, for a statement with the name as a parameter.
TAKE = "pg_advisory_xact_lock(hashtextextended(%({name})s, 0))"


def wait_for_lock(name: str) -> None:
    """Waits until no other transaction holds the lock of this name, then takes it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {TAKE.format(name='lock')}", {"lock": name})
