"""The SQL of a queryset, to stand inside SQL that the ORM has no words for."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet


def compiled(rows: QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]] | None:
    """The SQL of the rows and its parameters; None where Django knows that there are none.

    It then has no SQL for them: of the rows of somebody without accounts, for example.
    """
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    return sql, tuple(params)
