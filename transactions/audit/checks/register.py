"""Compares the append-only tables with the register of their rows. See Note [Register of rows]."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model
from django.db.models.functions import Coalesce

from accounts.models import Account, Change, RegisteredRow, RowRemoval
from accounts.models.revisions import known, removed_by_right
from ledger.db.history.register import digest_of, id_of, is_registered
from ledger.db.local_settings import locally
from ledger.text.lines import counted
from transactions.audit.checks.recorded_words import account_id
from transactions.audit.findings import Finding, moment_text, named
from transactions.models import Transaction
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
Pair: TypeAlias = tuple[UUID | None, UUID | None]  # an account, and a transaction
# The models whose entries in the register contain the id of a transaction.
OF_TRANSACTIONS = {
    model
    for model in REGISTERED.values()
    if {Account, Transaction} & {each.related_model for each in model._meta.concrete_fields}
    == {Transaction}
}
NAMED = 5  # max. number of rows in a finding


class _Rows(NamedTuple):
    """The rows of a table with one kind of difference: the ids of the first rows, the times at
    which the first and the last of these rows were registered, and the number of rows.
    """

    table: str
    ids: list[str]
    first: datetime | None
    last: datetime | None
    total: int


def _query(table: str, model: type[Model]) -> str:
    """Returns SQL that finds the differences between a table and its register. The SQL reads the
    table once. For each kind of difference, it returns the first rows, the first and the last time
    of registration, and the number of rows. With `since`, digests are computed only for newer rows.
    """
    row_id = id_of(model, "one")
    return f"""
    WITH found AS MATERIALIZED (
        SELECT CASE WHEN known.row_id IS NULL THEN 'unregistered row'
                    WHEN {row_id} IS NULL THEN 'missing row'
                    ELSE 'altered row' END AS kind,
               coalesce(known.row_id, {row_id}, '') AS id, known.registered_at AS moment
        FROM {table} AS one FULL JOIN ({known(table)}) AS known ON known.row_id = {row_id}
        WHERE CASE
            WHEN known.row_id IS NULL THEN true
            WHEN known.registered_at < %(since)s::timestamptz THEN false
            WHEN {row_id} IS NULL THEN NOT {removed_by_right(table)}
            ELSE {digest_of(model, "one")} IS DISTINCT FROM known.digest
        END
    )
    SELECT kind, (array_agg(id ORDER BY moment, id))[:{NAMED}], min(moment), max(moment), count(*)
    FROM found GROUP BY kind"""  # noqa: S608 - constants


def register(since: datetime | None = None) -> Iterator[Finding]:
    """Yields a finding for each kind of difference between a table and its register. There are
    three kinds: registered rows that are missing and whose removal was not recorded, rows whose
    content does not match the registered digest, and rows that are not registered. Also checks the
    recorded removals. With `since`, checks only rows registered from that time on.
    """
    parameters: dict[str, Any] = {"since": since, "margin": CLOCKS_DIFFER_BY}
    differences: dict[str, list[_Rows]] = {kind: [] for kind in SENTENCES}
    with locally(work_mem=MEMORY), connection.cursor() as cursor:
        for table, model in REGISTERED.items():
            cursor.execute(_query(table, model), parameters)
            for kind, *rows in cursor.fetchall():
                differences[kind].append(_Rows(table, *rows))
    for kind, tables in differences.items():
        if tables:
            yield _finding(kind, tables)
    yield from _early_removals()


def _finding(kind: str, tables: list[_Rows]) -> Finding:
    ids = "; ".join(f"{each.table}: {', '.join(each.ids)}" for each in tables)
    expected, found = {
        "missing row": (ids, "no such rows"),
        "unregistered row": ("no row without an entry in the register", ids),
        "altered row": ("rows as they were registered", ids),
    }[kind]
    total = sum(each.total for each in tables)
    of = {
        (each.table, row_id): about(REGISTERED[each.table], row_id)
        for each in tables
        for row_id in each.ids
    }
    account, transaction = max(of.values(), key=lambda pair: [each is not None for each in pair])
    return Finding(
        kind,
        str(account) if account else None,
        str(transaction) if transaction else None,
        expected,
        found,
        total,
        sentence=" ".join(_sentence(kind, each, of) for each in tables),
    )


def about(model: type[Model], row_id: str) -> Pair:
    """Returns a pair of ids: the account of a row, and the transaction of a row. Each can be the
    row itself, or the account or transaction to which the row referred when it was registered, or
    refers now if the register does not contain this. An id is None if there is no such account or
    transaction. A registered account or transaction may be missing. The account of a registered
    transaction comes from the transaction.
    """
    account, transaction = _current_about(model, row_id)
    entries = RegisteredRow.objects.filter(table_name=model._meta.db_table, row_id=row_id)
    registered = entries.values_list("about", flat=True).first()
    if registered is None:
        return account, transaction
    if model in OF_TRANSACTIONS:
        return _account_of(registered), registered
    return registered, transaction


def _current_about(model: type[Model], row_id: str) -> Pair:
    try:
        key: Any = model._meta.pk.to_python(row_id)
    except (ValidationError, ValueError):  # a forged id, or one of several columns
        return None, None
    if model is Account:
        return key, None
    if model is Change:  # the row contains the id of the account as text
        of_accounts = Change.objects.filter(pk=key, table_name="accounts")
        about = of_accounts.values_list("about", flat=True).first()
        return (account_id(about) if about else None), None
    columns: dict[Any, list[str]] = {Account: [], Transaction: []}
    for field in model._meta.concrete_fields:
        if field.related_model in columns:
            columns[field.related_model].append(field.attname)
    names = [*columns[Account], *columns[Transaction]]  # the payer's account comes first
    row = names and model._base_manager.filter(pk=key).values(*names).first()
    if not row:
        return None, None
    account, transaction = (
        next((row[name] for name in columns[of] if row[name]), None) for of in columns
    )
    if model is Transaction:
        return account, key
    return account or _account_of(transaction), transaction


def _account_of(transaction: UUID | None) -> UUID | None:
    """Returns the id of the account of a transaction, or None if there is no such transaction."""
    if transaction is None:
        return None
    sides = Transaction.objects.filter(pk=transaction).values_list(
        Coalesce("from_account", "to_account")
    )
    (account,) = sides.first() or (None,)
    return account


def _sentence(kind: str, rows: _Rows, of: dict[tuple[str, str], Pair]) -> str:
    ids = []
    for row_id in rows.ids:
        account, _transaction = of[rows.table, row_id]
        ids.append(f"{row_id} of {named(account)}" if account else row_id)
    return SENTENCES[kind].format(
        rows=counted(rows.total, "row"), are="is" if rows.total == 1 else "are", table=rows.table,
        first=moment_text(rows.first), last=moment_text(rows.last), ids=", ".join(ids),
    )  # fmt: skip


def _early_removals() -> Iterator[Finding]:
    """Yields the first recorded removal that deleted rows which were less than a day old, because
    no retention period is so short. Also yields a removal whose time is in the future.
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
