"""Compares rows of people, accounts, groups and currencies with the history of their changes.

Note [Rows follow their history]: each value of a row was put there by a change, and each change
starts from the value that the one before it left. So over an object's history, what changes put
there, less what they took away, is what its rows have now: for each value, the counts of both are
equal. Counting needs no order of changes, and finds a row whose value nobody recorded, a gap in the
middle of a history, and rows that came or went unseen.

Nearly all rows have one change, by which they were added: these are compared whole. Only the others
are taken apart and counted.
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

# The names of the findings, by table.
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
# The check `status` compares it with rows of its own.
LEFT_OUT = {"accounts": ["status"]}
MEMORY = "64MB"  # of the server, for a table of accounts or people

# When the history of each table began: rows that are older than it, or than a value of it, were
# noted then, in one statement. See `note_state`.
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
    """SQL: the values that meet a condition, as a JSON array."""
    return f"coalesce(jsonb_agg(value ORDER BY value) FILTER (WHERE {condition}), '[]')"


def _query(table: RecordedTable) -> str:
    """The first object by id whose rows differ from its history, with the first such value: what
    the rows have, what changes took away that was not there, and what they put that is not there.
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
    """Each recorded row is where its history leads. See Note [Rows follow their history]. Always
    checked completely.
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
    """Returns what an account had of each setting when its row was added, if the history does not
    say: the default, which the migration that added the column wrote. The name is in every history.
    """
    fresh = Account()
    return {column: getattr(fresh, column) for column in SETTINGS.keys() - {"name"}}


def _finding(table: RecordedTable, about: str, name: str, *values: Any) -> Finding:
    """`values` are those of a RecordedDifference as JSON, and how many values differ."""
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
