"""Advisory locks with names. A lock is released at the end of its transaction."""

from django.db import connection

# SQL that takes the lock. It is for a SQL statement in which the name of the lock is a parameter.
TAKE = "pg_advisory_xact_lock(hashtextextended(%({name})s, 0))"


def wait_for_lock(name: str) -> None:
    """Takes the lock with this name, and waits while another transaction has the lock."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {TAKE.format(name='lock')}", {"lock": name})
