"""Finds the constraint or trigger that refuses a statement."""

from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction

from tests.factories import insert_row


def constraint_of(error: BaseException) -> str | None:
    name: str | None = error.__cause__.diag.constraint_name  # type: ignore[union-attr]
    return name


def refused_by(sql: str, *parameters: Any) -> str | None:
    """Returns the name of the constraint that refuses the statement.

    Raises: an error if no constraint refuses the statement.
    """
    with (
        connection.cursor() as cursor,
        pytest.raises(DatabaseError) as refused,
        db_transaction.atomic(),
    ):
        cursor.execute(sql, parameters)
    return constraint_of(refused.value)


def insert_refused_by(**columns: Any) -> str | None:
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        insert_row(**columns)
    return constraint_of(refused.value)
