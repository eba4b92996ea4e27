"""Python values as one types them."""

from datetime import date, datetime
from typing import Any


def literal(value: Any) -> str:
    """A value as one types it into `manage.py shell`, where date and datetime are at hand."""
    if isinstance(value, datetime):
        return f"datetime.fromisoformat({value.isoformat()!r})"
    return f"date({value:%Y, %-m, %-d})" if isinstance(value, date) else repr(value)
