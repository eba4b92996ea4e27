"""Advisory locks by name, which the end of the transaction releases."""

from django.db import connection


def wait_for_lock(name: str) -> None:
    """Waits until no other transaction holds the lock of this name, and holds it from then on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
