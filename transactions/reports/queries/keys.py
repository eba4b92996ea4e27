"""Counts the metadata keys of transactions."""

from contextlib import closing
from typing import Any

from django.db import connection

from ledger.db.queries.compiled_sql import compiled
from transactions.reports.queries.raw import rows_as_dicts
from transactions.scope import Scope, newest_first

NEWEST = 10_000  # number of transactions that are read
# Maximum number of values that are read, because one transaction may have a hundred keys.
MAX_VALUES = 200_000


def metadata_keys(scope: Scope) -> list[dict[str, Any]]:
    """Returns the metadata keys of the newest NEWEST transactions, the most frequent key first.
    Counts at most MAX_VALUES values.

    If there are more than MAX_VALUES values, the values inside objects are left out first. A key
    inside an object is written as a path, such as `merchant.city`, and `path` is a list of the keys
    in this path. `row_count` is the number of transactions with the key, `distinct_values` is the
    number of different values, `types` are the JSON types of the values, and `example` is the most
    frequent value as JSON. An object counts as its keys, and a list counts as one value.

    This is raw SQL, because the query needs WITH RECURSIVE: jsonb_each expands an object, and the
    values of the object are expanded until no object is left. The ORM selects the rows
    (`scope.transactions()`).
    """
    newest = compiled(newest_first(scope.transactions(), scope).values("metadata")[:NEWEST])
    if newest is None:
        return []
    with closing(connection.cursor()) as cursor:
        sql = KEYS.replace("{most}", str(MAX_VALUES)).replace("{newest}", newest[0])
        cursor.execute(sql, newest[1])
        return rows_as_dicts(cursor)


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
    SELECT path, value, count(*) AS row_count
    FROM (SELECT path, value FROM opened LIMIT {most}) AS first
    WHERE jsonb_typeof(value) <> 'object' OR value = '{}'
    GROUP BY path, value
)
SELECT array_to_string(path, '.') AS key, path, sum(row_count)::bigint AS row_count,
       count(*) AS distinct_values, string_agg(DISTINCT jsonb_typeof(value), ', ') AS types,
       (array_agg(value ORDER BY row_count DESC, value))[1]::text AS example
FROM counted
GROUP BY path
ORDER BY row_count DESC, path
"""
