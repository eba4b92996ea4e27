"""Compares the append-only tables with the register of their rows. See Note [Register of rows]."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import Model

from accounts.models import RowRemoval
from accounts.models.revisions import known, removed_by_right
from ledger.db.history.register import about_of, digest_of, id_in, id_of, is_registered
from ledger.db.local_settings import locally
from ledger.text.lines import counted
from transactions.audit.findings import Finding, moment_text, row_text
from transactions.models.row_triggers import CLOCKS_DIFFER_BY

REGISTERED = {model._meta.db_table: model for model in apps.get_models() if is_registered(model)}
SENTENCES = {
    "missing row": (
        "{rows} {are} missing from {table}, written from {first} to {last}; the first: {ids}."
        " Find out who deleted them, and restore them from a backup, with the triggers of the table"
        " disabled; or record in row_removals why they were deleted."
    ),
    "unregistered row": (
        "{rows} of {table} were never registered; the first: {ids}. They were inserted with"
        " disabled triggers, or the register was emptied. Find out who did it."
    ),
    "altered row": (
        "{rows} of {table}, written from {first} to {last}, {are} not as written; the first: {ids}."
        " Somebody edited them with disabled triggers. Find out who did it, and restore the"
        " contents from a backup, with the triggers of the table disabled; or record with"
        " accept_rows why they stay as they are (docs/audit.md)."
    ),
}
MEMORY = "64MB"  # work_mem of the server, for joining a table with its register
NAMED = 5  # max. number of rows in a finding


class Rows(NamedTuple):
    """The rows of a table that differ from the register in one way: the ids, accounts and
    transactions of the first rows, the first and the last time of registration, and the number of
    rows.
    """

    table: str
    kind: str
    ids: list[str]
    accounts: list[UUID | None]
    transactions: list[UUID | None]
    first: datetime | None
    last: datetime | None
    total: int


def account_and_transaction(model: type[Model]) -> tuple[str, str]:
    """Returns two SQL expressions for a row with the alias `one`: the id of its account and the id
    of its transaction.

    If the row's entry in the register, with the alias `known`, contains an id, this id is used.
    Otherwise the id comes from the row. If the row refers only to a transaction, the account is the
    account of the transaction.
    """
    account = about_of(model, "one") or "NULL::uuid"
    transaction = id_in("transactions", model, "one") or "NULL::uuid"
    if account == transaction:
        account, transaction = "NULL::uuid", f"coalesce(known.about, {transaction})"
    else:
        account = f"coalesce(known.about, {account})"
    payer = "SELECT coalesce(from_account_id, to_account_id) FROM transactions"
    return f"coalesce({account}, ({payer} WHERE id = {transaction}))", transaction


def _query(table: str, model: type[Model]) -> str:
    """Returns SQL that finds the differences between a table and its register. The SQL reads the
    table once. For each kind of difference, it returns the values of `Rows`. With `since`, digests
    are computed only for newer rows.
    """
    row_id = id_of(model, "one")
    account, transaction = account_and_transaction(model)
    first = "ORDER BY moment, id))[:%(named)s]"
    return f"""
    WITH found AS MATERIALIZED (
        SELECT CASE WHEN known.row_id IS NULL THEN 'unregistered row'
                    WHEN {row_id} IS NULL THEN 'missing row'
                    ELSE 'altered row' END AS kind,
               coalesce(known.row_id, {row_id}, '') AS id, known.registered_at AS moment,
               {account} AS account, {transaction} AS transaction
        FROM {table} AS one FULL JOIN ({known(table)}) AS known ON known.row_id = {row_id}
        WHERE CASE
            WHEN known.row_id IS NULL THEN true
            WHEN known.registered_at < %(since)s::timestamptz THEN false
            WHEN {row_id} IS NULL THEN NOT {removed_by_right(table)}
            ELSE {digest_of(model, "one")} IS DISTINCT FROM known.digest
        END
    )
    SELECT '{table}', kind, (array_agg(id {first}, (array_agg(account {first},
           (array_agg(transaction {first}, min(moment), max(moment), count(*)
    FROM found GROUP BY kind"""  # noqa: S608 - constants


def rows_of(table: str, named: int = NAMED, since: datetime | None = None) -> list[Rows]:
    """Returns the differences between a table and its register, at most one of each kind. `named`
    is the maximum number of rows whose ids a difference contains. With `since`, compares only rows
    registered from that time on.
    """
    parameters: Any = {"named": named, "since": since, "margin": CLOCKS_DIFFER_BY}
    with connection.cursor() as cursor:
        cursor.execute(_query(table, REGISTERED[table]), parameters)
        return [Rows(*row) for row in cursor.fetchall()]


def register(since: datetime | None = None) -> Iterator[Finding]:
    """Yields a finding for each kind of difference between a table and its register. There are
    three kinds: registered rows that are missing and whose removal was not recorded, rows whose
    content does not match the registered digest, and rows that are not registered. Also checks the
    recorded removals. With `since`, checks only rows registered from that time on.
    """
    with locally(work_mem=MEMORY):
        differences = [each for table in REGISTERED for each in rows_of(table, since=since)]
    for kind in SENTENCES:
        if tables := [each for each in differences if each.kind == kind]:
            yield _finding(kind, tables)
    yield from _early_removals()


def _finding(kind: str, tables: list[Rows]) -> Finding:
    ids = "; ".join(f"{each.table}: {', '.join(each.ids)}" for each in tables)
    expected, found = {
        "missing row": (ids, "no such rows"),
        "unregistered row": ("no row without an entry in the register", ids),
        "altered row": ("rows as they were registered", ids),
    }[kind]
    pairs = [pair for each in tables for pair in zip(each.accounts, each.transactions, strict=True)]
    account, transaction = max(pairs, key=lambda pair: [each is not None for each in pair])
    return Finding(
        kind,
        str(account) if account else None,
        str(transaction) if transaction else None,
        expected,
        found,
        sum(each.total for each in tables),
        sentence=" ".join(map(_sentence, tables)),
    )


def _sentence(rows: Rows) -> str:
    ids = map(row_text, rows.ids, rows.accounts)
    return SENTENCES[rows.kind].format(
        rows=counted(rows.total, "row"), are="is" if rows.total == 1 else "are", table=rows.table,
        first=moment_text(rows.first), last=moment_text(rows.last), ids=", ".join(ids),
    )  # fmt: skip


def _early_removals() -> Iterator[Finding]:
    """Yields a finding for the first recorded removal that cannot be legitimate, if there is one.
    Such a removal covers rows that were less than 23 hours old, or its time is in the future by
    more than CLOCKS_DIFFER_BY. No retention period is as short as 23 hours.
    """
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
                f"all before {before.isoformat()}" if before else "rows of a future time",
                broken,
                sentence=(
                    f"Removal {pk} in {RowRemoval._meta.db_table} records that all rows of {table}"
                    f" before {moment_text(before)} were deleted because their retention period"
                    " had ended, but no retention period is that short. Find out who wrote it."
                    if before
                    else f"Removal {pk} in {RowRemoval._meta.db_table} has a time in the future."
                    " Find out who wrote it, or whose clock is ahead."
                ),
            )
