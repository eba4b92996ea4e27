"""Returns the SQL of a queryset, for use inside SQL that the ORM cannot express."""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet


def compiled(rows: QuerySet[Any, Any]) -> tuple[str, tuple[Any, ...]] | None:
    """Returns the SQL of a queryset and its parameters.

    Returns None if Django can see without a query that the result is empty (`pk__in=[]`). In that
    case Django creates no SQL.
    """
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return None
    return sql, tuple(params)
