"""Returns the SQL of a queryset for use inside hand-written SQL."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet


def compiled(rows: QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]] | None:
    """Returns the SQL of a queryset and its parameters.

    Returns None if Django knows without a query that the result is empty, as for `pk__in=[]`.
    """
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    return sql, tuple(params)
