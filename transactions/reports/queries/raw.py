"""Rows of a query that is written in SQL."""

from typing import Any


def dicts(cursor: Any) -> list[dict[str, Any]]:
    """The rows of an executed query, each by the names of its columns."""
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
