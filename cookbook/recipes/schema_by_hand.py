"""Recipes about raw SQL and row-level security."""

from datetime import date
from typing import Annotated, Any

from django.db import connection
from django.db.models import QuerySet

from cookbook.models import Reminder
from cookbook.practice.reminders import POLICY
from cookbook.recipes.schema import GROUP
from cookbook.runner.parameters import Between
from transactions.models import Transaction


@GROUP.recipe(
    "Raw SQL: connection.cursor()",
    asks="How do I run raw SQL with parameters in Django?",
    shows=(
        "raw SQL",
        "cursor",
        "connection.cursor",
        "cursor.execute",
        "psycopg2",
        "parameters",
        "generate_series",
        "fill missing dates",
        "zero for days without rows",
    ),
    notice="generate_series makes the days, so there is a row for every day, also without a "
    "withdrawal. The values are passed as a list, not in the SQL text; psycopg quotes and inserts "
    "them. The lines are the same with psycopg2.",
    pitfall="Never build the text with an f-string or %: that allows SQL injection. And with "
    "parameters, a literal percent sign, for instance in a LIKE, has to be written as %%.",
)
def cash_by_day_in_raw_sql(
    since: date = date(2026, 6, 8),
    days: Annotated[int, Between(1, 366)] = 7,
    currency: str = "USD",
) -> list[dict[str, Any]]:
    """Returns the cash withdrawals of each day. Days without withdrawals are included."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT day::date AS day, count(id) AS withdrawals, coalesce(sum(amount), 0) AS total
            FROM generate_series(%s::date, %s::date + %s - 1, '1 day') AS day
            LEFT JOIN transactions
                ON value_date = day AND category = 'cash' AND currency = %s
            GROUP BY day ORDER BY day
            """,
            [since, since, days, currency],
        )
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@GROUP.recipe(
    "Manager.raw(): model instances from SQL",
    asks="How do I get model instances from a raw SQL query?",
    shows=("Manager.raw", "objects.raw", "raw SQL", "RawQuerySet"),
    notice="The columns become fields by their names, also share, which the model does not have. "
    "The primary key has to be among them.",
    pitfall="A field that the SQL leaves out is loaded when it is read, one query for each row: "
    "a hundred raw rows with an unselected column send a hundred queries.",
)
def largest_by_manager_raw(currency: str = "EUR") -> Any:
    """Returns the largest card payments in one currency, each with its share of the total."""
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


@GROUP.recipe(
    "WITH RECURSIVE: follow rows to rows",
    asks="How do I write a recursive query (WITH RECURSIVE) in Django?",
    shows=(
        "recursive query",
        "WITH RECURSIVE",
        "CTE",
        "common table expression",
        "hierarchy",
        "tree",
        "graph",
        "raw SQL",
    ),
    notice="Postgres repeats the SELECT after UNION, each time with the rows that the last round "
    "found, until there are no new ones. The plan has Recursive Union and WorkTable Scan. One "
    "query is enough for any depth.",
    pitfall="Where the rows form a circle, UNION ALL never ends. UNION drops rows that were "
    "already found, but a count of steps makes the rows of each round new: limit it, as here.",
    teaches_plan=True,
)
def reached_by_money(
    email: str = "northwind@example.com", most: Annotated[int, Between(1, 6)] = 3
) -> list[dict[str, Any]]:
    """Returns the people that a company's money may have reached, and after how many payments."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE reached (user_id, step) AS (
                SELECT id, 0 FROM users WHERE email = %s
                UNION
                SELECT payee.user_id, step + 1
                FROM reached
                JOIN accounts AS payer ON payer.user_id = reached.user_id
                JOIN transactions ON from_account_id = payer.id
                JOIN accounts AS payee ON payee.id = to_account_id
                WHERE step < %s
            )
            SELECT email, min(step) AS steps
            FROM reached JOIN users ON users.id = user_id
            GROUP BY email ORDER BY steps, email
            """,
            [email, most],
        )
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@GROUP.recipe(
    "Row-level security: each reader only their own rows",
    asks="How does Postgres show each person only their own rows (row-level security)?",
    shows=("row-level security", "CREATE POLICY", "set_config", "current_setting"),
    notice="The query names nobody, and the table has reminders of everybody. Postgres adds the "
    "condition of CREATE POLICY to every query: it is the Filter of the plan. Without the setting "
    "no row is left, so a page that forgets it shows nothing.",
    pitfall="The owner of a table sees every row, unless there is FORCE ROW LEVEL SECURITY: test "
    "as the role of the web process. And an attacker who injects SQL can set a setting, so one "
    "that guards more than reminders should hold a token that the policy verifies; the books "
    "themselves do that where LEDGER_ROW_SECURITY is on. With true as its third value, set_config "
    "ends with the transaction, so that a pooler hands it to nobody else.",
    teaches_plan=True,
    created_by=POLICY,
)
def reminders_of_one_reader(email: str = "ana@example.com") -> QuerySet[Reminder, Any]:
    """Returns the reminders of one reader, by a query that has no filter."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('practice.reader', id::text, true) FROM users WHERE email = %s",
            [email],
        )
    return Reminder.objects.order_by("text").values("text", "owner__name")
