"""The cache that all processes share, in a table."""

from datetime import datetime
from typing import Any

from django.core.cache.backends.db import DatabaseCache

# Each write counts the rows: 0.2 ms at this many, 15 ms at ten times as many.
MAX_ENTRIES = 10_000
COUNTS = "%:allauth:rl:%"  # the keys of django-allauth's limits


class SharedCache(DatabaseCache):
    """Django's cache in a table, but a full one drops no count of a limit that still holds.

    Django drops a third of all entries, those with the first keys. So whoever sends requests with
    ever other addresses would begin the counts of everybody else anew.
    """

    def __init__(self, table: str, params: dict[str, Any]) -> None:
        super().__init__(table, {"max_entries": MAX_ENTRIES, **params})
        self._quoted = f'"{table}"'

    def _cull(self, db: str, cursor: Any, now: datetime, num: int) -> None:
        """Drops what has expired; if that is not enough, also the results of reports."""
        cursor.execute(f"DELETE FROM {self._quoted} WHERE expires < %s", [now])  # noqa: S608
        if num - cursor.rowcount > self._max_entries:
            sql = f"DELETE FROM {self._quoted} WHERE cache_key NOT LIKE %s"  # noqa: S608
            cursor.execute(sql, [COUNTS])
