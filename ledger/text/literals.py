"""Converts Python values to source code."""

from datetime import date, datetime
from typing import Any


def literal(value: Any) -> str:
    """Returns the Python source code for a value, as a user would type it in `manage.py shell`."""
    if isinstance(value, datetime):
        return f"datetime.fromisoformat({value.isoformat()!r})"
    return f"date({value:%Y, %-m, %-d})" if isinstance(value, date) else repr(value)
