"""What metadata is in use."""

from contextlib import closing
from typing import Any

from django.db import connection

from ledger.db.compiled_sql import compiled
from transactions.reports.queries.raw import dicts
from transactions.scope import Scope, newest_first

NEWEST = 10_000  # rows that are looked through


def metadata_keys(scope: Scope) -> list[dict[str, Any]]:
    """The keys of the metadata of the newest NEWEST rows, the most frequent first.

    A key inside an object is named by the way to it: `merchant.city`. `path` has its steps,
    `many` how many rows have it, `different` how many values there are, `kinds` what those are
    in JSON, and `example` is the most frequent one, as JSON. An object is shown by what is in
    it, a list as one value.

    In SQL, because it takes WITH RECURSIVE: jsonb_each opens an object, and what comes out is
    opened again until no object is left, however deep. Which rows may be read is said in the
    ORM all the same, by `scope.transactions()`, and its SQL put in.
    """
    newest = compiled(newest_first(scope.transactions(), scope).values("metadata")[:NEWEST])
    if newest is None:
        return []
    with closing(connection.cursor()) as cursor:
        cursor.execute(KEYS.replace("{newest}", newest[0]), newest[1])
        return dicts(cursor)


KEYS = """
WITH RECURSIVE newest AS ({newest}),
opened (path, value) AS (
    SELECT ARRAY[pair.key], pair.value
    FROM newest CROSS JOIN jsonb_each(newest.metadata) AS pair
    UNION ALL
    SELECT opened.path || pair.key, pair.value
    FROM opened CROSS JOIN jsonb_each(
        CASE jsonb_typeof(opened.value) WHEN 'object' THEN opened.value ELSE '{}' END
    ) AS pair
),
counted AS (
    SELECT path, value, count(*) AS many
    FROM opened
    WHERE jsonb_typeof(value) <> 'object' OR value = '{}'
    GROUP BY path, value
)
SELECT array_to_string(path, '.') AS key, path, sum(many)::bigint AS many, count(*) AS different,
       string_agg(DISTINCT jsonb_typeof(value), ', ') AS kinds,
       (array_agg(value ORDER BY many DESC, value))[1]::text AS example
FROM counted
GROUP BY path
ORDER BY many DESC, path
"""
