"""Reads the rows of queries that are written in SQL."""

from typing import Any


def rows_as_dicts(cursor: Any) -> list[dict[str, Any]]:
    """Returns the rows of an executed query. Each row is a dict whose keys are the names of
    the columns.
    """
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
