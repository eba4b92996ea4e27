"""What the ORM does not say: SQL by hand."""

from datetime import date
from typing import Any

from django.db import connection

from ledger.cookbook.recipes.schema import GROUP
from transactions.models import Transaction


@GROUP.recipe(
    "SQL by hand",
    asks="How do I run raw SQL with parameters in Django?",
    shows=("raw SQL", "cursor", "connection.cursor", "parameters", "generate_series"),
    notice="A row for every day, also for those without a payment: generate_series makes days "
    "that no table has. The values are in the list, not in the text; the driver puts them in.",
    pitfall="Never build the text with an f-string or %: that is how SQL injection begins. And a "
    "percent sign that is meant, in a LIKE for instance, is written %% beside parameters.",
)
def cash_by_day_in_raw_sql(
    since: date = date(2026, 6, 8), until: date = date(2026, 6, 14), currency: str = "USD"
) -> list[dict[str, Any]]:
    """Cash taken from machines, day by day, with the days on which there was none."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT day::date AS day, count(id) AS withdrawals, coalesce(sum(amount), 0) AS total
            FROM generate_series(%s::date, %s::date, '1 day') AS day
            LEFT JOIN transactions
                ON value_date = day AND category = 'cash' AND currency = %s
            GROUP BY day ORDER BY day
            """,
            [since, until, currency],
        )
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@GROUP.recipe(
    "Model rows from SQL by hand",
    asks="How do I get model instances from a raw SQL query?",
    shows=("Manager.raw", "raw SQL", "RawQuerySet", "DISTINCT ON"),
    notice="The columns become fields by their names, share too, which the model has not. It has "
    "to have the primary key.",
    pitfall="A field that the SQL leaves out is fetched when it is touched, one query for each "
    "row: print a hundred raw rows by an unselected column and send a hundred queries.",
)
def largest_by_manager_raw(currency: str = "EUR") -> Any:
    """The largest card payments in euros, and the share each has in all of them."""
    return Transaction.objects.raw(
        """
        SELECT id, description, amount, currency,
            round(100 * amount / sum(amount) OVER (), 2) AS share
        FROM transactions
        WHERE currency = %s AND metadata @> '{"channel": "card"}' AND type = 'withdrawal'
        ORDER BY amount DESC, created_at LIMIT 5
        """,
        [currency],
    )
