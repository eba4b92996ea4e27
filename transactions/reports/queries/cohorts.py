"""People by when they joined."""

from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection

from ledger.text.dates import end_of_day, start_of_day
from transactions.reports.queries.raw import dicts
from transactions.scope import Scope

FOLLOWED = 12  # months after that of joining


def cohorts(
    scope: Scope, *, since: date, until: date, followed: int = FOLLOWED
) -> list[dict[str, Any]]:
    """How many of those who joined in one month sent money in that month and in each after it.

    A row for each month of joining and each month up to `followed` after it that has begun:
    `joined` and `month` are their first days, `people` all who joined, `active` those with a
    booked payment out of an account of theirs, holds aside; `share` is active / people.
    Whether somebody was active is one look-up in the index of each account (EXISTS), so the cost
    follows people and months, not the number of rows.
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
        found = dicts(cursor)
    return [{**row, "share": row["active"] / row["people"]} for row in found]
