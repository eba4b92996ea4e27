"""Compares the append-only tables with the register of their rows. See Note [Register of rows]."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from accounts.models import RowRemoval
from ledger.db.local_settings import locally
from transactions.audit.findings import Finding, moment_text
from transactions.models.row_triggers import CLOCKS_DIFFER_BY

# The tables with a register: the columns of the id and of the time.
REGISTERED = {
    "changes": ("id", "changed_at"),
    "reads": ("id", "read_at"),
    "approval_requests": ("id", "requested_at"),
    "staff_sums": ("key", "NULL::timestamptz"),
    "account_status_changes": ("id", "created_at"),
    "limit_changes": ("id", "created_at"),
    "sign_ins": ("id", "at"),
    "transaction_notes": ("id", "created_at"),
    "annotations": ("id", "created_at"),
    "audit_runs": ("id", "finished_at"),
    "row_removals": ("id", "removed_at"),
}
MEMORY = "64MB"  # of the server, for joining a table with its register
NAMED = 5  # rows named in a finding


class _Rows(NamedTuple):
    """The first rows of a kind in a table, with their times, and how many there are."""

    table: str
    ids: list[str]
    first: datetime | None
    last: datetime | None
    total: int


def _first(found: str) -> str:
    """SQL: the first of the rows (id, moment), how many there are, and from when to when."""
    return f"""
    WITH found AS MATERIALIZED ({found})
    SELECT (SELECT array_agg(id) FROM (
                SELECT id FROM found ORDER BY moment, id LIMIT {NAMED}) AS first),
           min(moment), max(moment), count(*)
    FROM found HAVING count(*) > 0"""  # noqa: S608 - constants


def _missing(table: str, key: str) -> str:
    return _first(f"""
        SELECT row_id AS id, registered_at AS moment FROM row_register AS noted
        WHERE table_name = '{table}'
          AND registered_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND registered_at >= coalesce((
              SELECT max(removed_before) + %(margin)s::interval FROM row_removals
              WHERE table_name = '{table}'), '-infinity')
          AND row_id NOT IN (
              SELECT unnest(row_ids) FROM row_removals WHERE table_name = '{table}')
          AND NOT EXISTS (SELECT FROM {table} AS one WHERE one.{key}::text = noted.row_id)""")  # noqa: S608


def _unregistered(table: str, key: str, time: str) -> str:
    return _first(f"""
        SELECT {key}::text AS id, {time} AS moment FROM {table} AS one
        WHERE coalesce({time} >= %(since)s::timestamptz, true)
          AND NOT EXISTS (
              SELECT FROM row_register AS noted
              WHERE noted.table_name = '{table}' AND noted.row_id = one.{key}::text)""")  # noqa: S608


def register(since: datetime | None = None) -> Iterator[Finding]:
    """Each registered row is in its table, unless it was removed by right, and each row of these
    tables is registered. With `since`, rows from then on.
    """
    parameters: dict[str, Any] = {"since": since, "margin": CLOCKS_DIFFER_BY}
    missing, unregistered = [], []
    with locally(work_mem=MEMORY), connection.cursor() as cursor:
        for table, (key, time) in REGISTERED.items():
            cursor.execute(_missing(table, key), parameters)
            missing += [_Rows(table, *row) for row in cursor.fetchall()]
            cursor.execute(_unregistered(table, key, time), parameters)
            unregistered += [_Rows(table, *row) for row in cursor.fetchall()]
    if missing:
        yield _finding("missing row", missing, _gone)
    if unregistered:
        yield _finding("unregistered row", unregistered, _strange)
    yield from _early_removals()


def _finding(check: str, rows: list[_Rows], sentence: Any) -> Finding:
    ids = "; ".join(f"{each.table}: {', '.join(each.ids)}" for each in rows)
    total = sum(each.total for each in rows)
    gone = check == "missing row"
    return Finding(
        check,
        None,
        None,
        ids if gone else "no row without an entry in the register",
        "no such rows" if gone else ids,
        total,
        sentence=" ".join(sentence(each) for each in rows),
    )


def _gone(rows: _Rows) -> str:
    are = "row is" if rows.total == 1 else "rows are"
    return (
        f"{rows.total:,} {are} missing from {rows.table}, written from {moment_text(rows.first)} to"
        f" {moment_text(rows.last)}; the first: {', '.join(rows.ids)}. Find out who deleted them,"
        " and bring them back from a backup, with the triggers of the table disabled; or write"
        " into row_removals why they are gone."
    )


def _strange(rows: _Rows) -> str:
    are = "row" if rows.total == 1 else "rows"
    return (
        f"{rows.total:,} {are} of {rows.table} were never registered; the first:"
        f" {', '.join(rows.ids)}. They were inserted with disabled triggers, or the register was"
        " emptied. Find out who did it."
    )


def _early_removals() -> Iterator[Finding]:
    """No keeping time is shorter than a day, so a removal of newer rows is no retention."""
    ahead: Any = CLOCKS_DIFFER_BY
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, table_name, removed_before, count(*) OVER () FROM row_removals"
            " WHERE removed_before > removed_at - interval '23 hours'"
            " OR removed_at > clock_timestamp() + %s ORDER BY removed_at LIMIT 1",
            [ahead],
        )
        for pk, table, before, broken in cursor.fetchall():
            yield Finding(
                "early removal",
                None,
                None,
                "rows older than a day",
                f"all before {before.isoformat()}",
                broken,
                sentence=(
                    f"Removal {pk} in {RowRemoval._meta.db_table} says that all rows of {table}"
                    f" before {moment_text(before)} were deleted because their keeping time was"
                    " over, but no keeping time is that short. Find out who wrote it."
                ),
            )
