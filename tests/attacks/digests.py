"""Digests of tables, which show whether an attack has written anything."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from django.db import connection

# Reading a page changes sessions and the counts of rate limits. The register contains only ids of
# rows, which other tables contain too.
OF_EVERY_VISIT = ("cache", "reads", "sessions", "sign_ins", "attempt_counts", "row_register")
SIGN_INS = ("sign_ins", "attempt_counts")  # records attempts to sign in
COLUMNS_OF_EVERY_VISIT = ("last_login",)


def table_digests(leave_out: Iterable[str] = OF_EVERY_VISIT) -> dict[str, str]:
    """Returns a digest of all rows of each table."""
    return _digests({table: "TRUE" for table in _tables() if table not in {*leave_out}})


def watched_rows(
    ids: Collection[object], but: Collection[str] = ()
) -> Callable[[], dict[str, str]]:
    """Returns a function that returns digests by table. The digests include the rows with one of
    these ids in a uuid column. Without ids, the function returns an empty dict.
    """
    keys = ", ".join(f"'{id}'::uuid" for id in ids)
    conditions = {
        table: " OR ".join(f'"{name}" IN ({keys})' for name in columns)
        for table, columns in _uuid_columns().items()
        if ids and table not in but
    }
    return partial(_digests, conditions)


def _digests(conditions: Mapping[str, str]) -> dict[str, str]:
    """Returns a digest of the matching rows for each table and condition. Makes one query."""
    less = "".join(f" - '{name}'" for name in COLUMNS_OF_EVERY_VISIT)
    parts = [
        f"SELECT '{table}', count(*) || ' rows ' ||"
        f" coalesce(md5(string_agg(row, '' ORDER BY row)), '')"
        f' FROM (SELECT (to_jsonb(t){less})::text AS row FROM "{table}" t WHERE {condition}) r'
        for table, condition in conditions.items()
    ]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        return sorted(
            table.name
            for table in connection.introspection.get_table_list(cursor)
            if table.type in ("t", "p")
        )


def _uuid_columns() -> dict[str, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type = 'uuid'"
            " AND table_name = ANY(%s) GROUP BY table_name ORDER BY table_name",
            [_tables()],
        )
        return dict(cursor.fetchall())
