"""Counts customers, grouped by the month in which they joined."""

from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection

from ledger.text.dates import end_of_day, start_of_day
from transactions.reports.queries.raw import rows_as_dicts
from transactions.scope import Scope

FOLLOWED = 12  # number of months after the month in which customers joined


def cohorts(
    scope: Scope, *, since: date, until: date, followed: int = FOLLOWED
) -> list[dict[str, Any]]:
    """Counts the customers who joined in a month, and how many of these customers sent money in
    that month and in each later month.

    For each month of joining, there is one row for the month itself and one row for each of the
    next `followed` months, but no rows for future months. `joined` and `month` are first days of
    months. `people` is the number of customers who joined. `active` is the number of these
    customers with a booked payment from one of their accounts (holds do not count). `share` is
    active / people. Returns an empty list if the scope is not the whole bank. The query uses one
    index look-up for each account (EXISTS), so the time depends on the number of people and months,
    not on the number of transactions.
    """
    if not scope.is_bank:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH people AS (
                SELECT id, date_trunc('month', created_at AT TIME ZONE %(zone)s) AS joined
                FROM users
                WHERE created_at >= %(since)s AND created_at < %(until)s
                  AND EXISTS (SELECT FROM accounts WHERE user_id = users.id)
            )
            SELECT people.joined::date, month.nth AS after, month.starts::date AS month,
                   count(*) AS people, count(*) FILTER (WHERE moved.once) AS active
            FROM people
            CROSS JOIN LATERAL (
                SELECT nth, joined + nth * interval '1 month' AS starts,
                       joined + (nth + 1) * interval '1 month' AS ends
                FROM generate_series(0, %(followed)s) AS nth
            ) AS month
            CROSS JOIN LATERAL (
                SELECT EXISTS (
                    SELECT FROM accounts AS account
                    JOIN transactions AS sent ON sent.from_account_id = account.id
                    WHERE account.user_id = people.id AND sent.status = 'completed'
                      AND sent.created_at >= month.starts AT TIME ZONE %(zone)s
                      AND sent.created_at < month.ends AT TIME ZONE %(zone)s
                ) AS once
            ) AS moved
            WHERE month.starts <= now() AT TIME ZONE %(zone)s
            GROUP BY people.joined, month.nth, month.starts
            ORDER BY people.joined, month.nth
            """,
            {
                "zone": settings.TIME_ZONE,
                "since": start_of_day(since),
                "until": end_of_day(until),
                "followed": followed,
            },
        )
        found = rows_as_dicts(cursor)
    return [{**row, "share": row["active"] / row["people"]} for row in found]
