"""What several tests of this folder share."""

from django.db import connection

from accounts.models import Account

ENTRIES = 100_000


def fill(account: Account, other: Account, count: int) -> None:
    """A chain of `count` entries by one INSERT ... SELECT: odd ones in, even ones out."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            """
            INSERT INTO transactions
                (id, from_account_id, to_account_id, amount, currency, type, status, description,
                 reference, metadata, created_at, value_date, from_balance, to_balance)
            SELECT gen_random_uuid(),
                   CASE WHEN n %% 2 = 0 THEN %(a)s::uuid ELSE %(b)s::uuid END,
                   CASE WHEN n %% 2 = 1 THEN %(a)s::uuid ELSE %(b)s::uuid END,
                   1, 'USD', 'transfer', 'completed', 'Row ' || n, '', '{}',
                   '2020-01-01'::timestamptz + n * interval '1 minute', '2020-01-01',
                   -(n %% 2), n %% 2
            FROM generate_series(1, %(count)s) AS n
            """,
            {"a": account.pk, "b": other.pk, "count": count},
        )
        cursor.execute("ANALYZE transactions, accounts")
