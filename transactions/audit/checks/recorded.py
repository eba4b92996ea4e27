"""Compares rows of people, accounts, groups and currencies with the history of their changes.

Note [Rows follow their history]: each value of a row was set by a change, and each change starts
from the value that the change before it set. So for every value, the number of changes that set it,
minus the number of changes that replaced it, equals the number of rows that have the value now.
This number does not depend on the order of the changes. The comparison finds a value that no change
recorded, a change that is missing in the middle of a history, and rows that were added or removed
without a change.

Nearly all rows have only the change that added them. Such a row is compared as a whole. Only other
rows are split into values, which are counted.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from accounts.erased import ACCOUNT_NAME, DOMAIN, HOUSEHOLD_NAME, NAME, NAMING
from accounts.models import EARLIEST, SETTINGS, Account
from accounts.models.change_triggers import RECORDED_TABLES, RecordedTable
from accounts.models.state import NOTED
from ledger.db.local_settings import locally
from transactions.audit.checks.recorded_words import RecordedDifference, found_difference
from transactions.audit.findings import Finding

# The name of the check in findings about each table.
CHECKS_OF_TABLES = {
    "accounts": "account",
    "users": "person",
    "households": "household",
    "currencies": "listed currency",
    "approval_thresholds": "threshold of approvals",
    "auth_group": "group",
    "users_groups": "membership",
    "users_user_permissions": "permission",
    "auth_group_permissions": "permission",
    "account_emailaddress": "sign-in address",
    "mfa_authenticator": "factor",
    "socialaccount_socialaccount": "provider",
    "api_tokens": "access token",
}
# The check `status` compares this column with the table account_status_changes.
LEFT_OUT = {"accounts": ["status"]}
MEMORY = "64MB"  # work_mem of the server, for a table of accounts or people

# The time at which the history of each table began. Rows that existed at that time, or before a
# column was added, were recorded then in one SQL statement. See `note_state`.
BEGINS = f"""
WITH noted AS MATERIALIZED (
    SELECT table_name, request, changed_at FROM changes WHERE action = '{NOTED}'
), newest AS (
    SELECT DISTINCT ON (table_name) table_name, request FROM noted
    ORDER BY table_name, changed_at DESC
)
SELECT table_name, min(changed_at) FROM noted JOIN newest USING (table_name, request)
GROUP BY table_name"""  # noqa: S608 - a constant


def _collected(condition: str) -> str:
    """Returns SQL for a JSON array of the values that meet a condition."""
    return f"coalesce(jsonb_agg(value ORDER BY value) FILTER (WHERE {condition}), '[]')"


def _query(table: RecordedTable) -> str:
    """Returns SQL that finds the first object, by id, that differs from its history. The result
    contains the name of a column and the three lists of a RecordedDifference:

    - `now`: the column contains these values, but no change set them.
    - `before`: a change replaced these values, but no change had set them.
    - `after`: a change set these values, and no change replaced them. But the column does not
      contain them.
    """
    without = LEFT_OUT.get(table.name, [])
    state, about = table.own_state_of("one", without), table.about_of("one")
    return f"""
    WITH now AS NOT MATERIALIZED (
        SELECT {about} AS about, {state} AS value FROM {table.name} AS one
    ), history AS NOT MATERIALIZED (
        SELECT about, before - %(left_out)s::text[] AS before,
               CASE WHEN before IS NULL THEN %(defaults)s::jsonb ELSE '{{}}' END
                   || (after - %(left_out)s::text[]) AS after
        FROM changes WHERE table_name = '{table.name}' AND changed_at >= %(begins)s
    ), differing AS MATERIALIZED (
        SELECT DISTINCT about
        FROM (SELECT about, value, 1 AS row FROM now
              UNION ALL SELECT about, coalesce(after, before), -1 FROM history) AS whole
        GROUP BY about, value HAVING sum(row) <> 0
    ), counted AS (
        SELECT about, key, value, sum(now) AS now, sum(taken) AS taken, sum(put) AS put
        FROM (
            SELECT about, each.key, each.value, 1 AS now, 0 AS taken, 0 AS put
            FROM now JOIN differing USING (about), jsonb_each(now.value) AS each
            UNION ALL
            SELECT about, each.key, each.value, 0, each.taken, 1 - each.taken
            FROM history JOIN differing USING (about), LATERAL (
                SELECT key, value, 1 AS taken FROM jsonb_each(before)
                UNION ALL SELECT key, value, 0 FROM jsonb_each(after)
            ) AS each
        ) AS sides GROUP BY about, key, value HAVING sum(now + taken - put) <> 0
    )
    SELECT about, key,
           {_collected("now > 0 AND now + taken > put")},
           {_collected("now = 0 AND taken > put")},
           {_collected("now + taken < put")},
           count(*) OVER ()
    FROM counted
    WHERE NOT (key = ANY (%(naming)s)
               AND (value #>> '{{}}' = ANY (%(erased)s) OR value #>> '{{}}' LIKE %(at_erased)s)
               AND NOT EXISTS (SELECT FROM history WHERE history.about = counted.about
                               AND (before ? key OR after ? key)))
    GROUP BY about, key ORDER BY about, key LIMIT 1"""  # noqa: S608 - constants


def recorded(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields, for each table, the first object that differs from its history. See Note [Rows follow
    their history]. Always checks all rows.
    """
    with locally(work_mem=MEMORY), connection.cursor() as cursor:
        cursor.execute(BEGINS)
        begins = dict(cursor.fetchall())
        for name in CHECKS_OF_TABLES:
            table = RECORDED_TABLES[name]
            parameters = {
                "begins": begins.get(name, EARLIEST),
                "left_out": [*table.looked_up, *LEFT_OUT.get(name, []), "password"],
                "naming": list(NAMING),
                "erased": [NAME, ACCOUNT_NAME, HOUSEHOLD_NAME],
                "at_erased": f"%@{DOMAIN}",
                "defaults": Jsonb(_defaults() if name == "accounts" else {}),
            }
            cursor.execute(_query(table), parameters)
            for row in cursor.fetchall():
                yield _finding(table, *row)


def _defaults() -> dict[str, Any]:
    """Returns the default of each setting of a new account, by column. If the history of an account
    does not contain a setting, the migration that added the column has written this default to the
    account. The column of the name is left out, because every history contains a name.
    """
    fresh = Account()
    return {column: getattr(fresh, column) for column in SETTINGS.keys() - {"name"}}


def _finding(table: RecordedTable, about: str, name: str, *values: Any) -> Finding:
    """Returns the finding about an object. The first three items of `values` are the lists of a
    RecordedDifference as JSON. The last item is the number of values that differ.
    """
    *sides, broken = values
    difference = RecordedDifference(table.name, about, name, *map(json.loads, sides))
    expected, found, sentence = found_difference(difference)
    return Finding(
        CHECKS_OF_TABLES[table.name],
        str(difference.account) if difference.account else None,
        None,
        expected,
        found,
        broken,
        sentence=sentence,
    )
