"""Checks that required values are not missing, because the table owner may have
dropped a NOT NULL.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import Model

from transactions.audit.checks.register import account_and_transaction
from transactions.audit.findings import Finding, named

REQUIRED: dict[tuple[str, str], type[Model]] = {
    (model._meta.db_table, str(field.column)): model
    for model in apps.get_models(include_auto_created=True)
    if not model._meta.proxy
    for field in model._meta.concrete_fields
    if not field.null and not field.generated
}
# Reads only columns whose NOT NULL was dropped, because only these columns can have missing values.
# Since Postgres 18, a column can also have a NOT NULL that was never validated.
LOOSE = """
SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relkind = 'r' AND pg_table_is_visible(pg_class.oid)
  AND (relname, attname) IN (SELECT * FROM unnest(%s::name[], %s::name[]))
  AND has_column_privilege(pg_class.oid, attnum, 'SELECT')
  AND (NOT attnotnull OR EXISTS (
      SELECT FROM pg_constraint
      WHERE conrelid = attrelid AND contype = 'n' AND attnum = ANY (conkey) AND NOT convalidated))
ORDER BY 1, 2"""


class _Missing(NamedTuple):
    """A column with missing values: the first row without a value, the account and the transaction
    of this row, and the number of such rows.
    """

    table: str
    column: str
    row: str
    account: UUID | None
    transaction: UUID | None
    total: int

    def __str__(self) -> str:
        return f"{self.table}.{self.column} in row {self.row}"


def nulls(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields one finding with all columns that are NOT NULL in their models, but in which a value
    is missing. Always checks all rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOOSE, [[*each] for each in zip(*REQUIRED, strict=True)])
        loose = cursor.fetchall()
        missing = [found for column in loose for found in _missing(cursor, *column)]
    if missing:
        account, transaction = missing[0].account, missing[0].transaction
        shown = "; ".join(map(str, missing))
        of = f" The first is of {named(account)}." if account else ""
        yield Finding(
            "missing value",
            str(account) if account else None,
            str(transaction) if transaction else None,
            "a value in each row",
            shown,
            sum(each.total for each in missing),
            sentence=f"Values are missing that their tables require: {shown}.{of} Somebody dropped"
            " the NOT NULL of the column. Find out who did it, restore the value from a backup,"
            " and set the column NOT NULL again.",
        )


def _missing(cursor: Any, table: str, column: str) -> Iterator[_Missing]:
    """Yields one result, about the first row in which the column has no value. Yields nothing if
    all rows have a value.
    """
    model = REQUIRED[table, column]
    key = ", ".join(f'one."{field.column}"' for field in model._meta.pk_fields)
    row = f"concat_ws(' ', {key})"
    account, transaction = account_and_transaction(model)
    cursor.execute(
        f"""SELECT {row}, {account}, {transaction}, count(*) OVER () FROM "{table}" AS one
        LEFT JOIN row_register AS known ON known.table_name = '{table}' AND known.row_id = {row}
        WHERE one."{column}" IS NULL ORDER BY 1 LIMIT 1"""  # noqa: S608 - names of models
    )
    yield from [_Missing(table, column, *row) for row in cursor.fetchall()]
