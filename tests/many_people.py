"""Many people with accounts, for tests of plans and limits."""

from django.db import connection

NAME = "Person "  # followed by a hash, so that all names differ


def crowd(people: int) -> None:
    """Inserts this number of people with one account each, and runs ANALYZE for the planner."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (id, password, is_superuser, email, name, created_at, is_staff,"
            " password_is_long)"
            " SELECT gen_random_uuid(), '', false, 'p' || n || '@example.com',"
            " %s || md5(n::text), now(), false, false FROM generate_series(1, %s) AS n",
            [NAME, people],
        )
        cursor.execute(
            "INSERT INTO accounts (id, user_id, number, name, currency, status, balance, held,"
            " overdraft_limit, created_at)"
            " SELECT gen_random_uuid(), id, row_number() OVER (), 'Everyday', 'USD', 'active',"
            " 0, 0, 0, now() FROM users WHERE starts_with(name, %s)",
            [NAME],
        )
        cursor.execute("ANALYZE users, accounts")
