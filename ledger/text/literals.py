"""Python values as source code."""

from datetime import date, datetime
from typing import Any


def literal(value: Any) -> str:
    """A value as typed in `manage.py shell`."""
    if isinstance(value, datetime):
        return f"datetime.fromisoformat({value.isoformat()!r})"
    return f"date({value:%Y, %-m, %-d})" if isinstance(value, date) else repr(value)
