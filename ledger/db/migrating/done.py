"""Runs steps after `migrate` if the database has all migrations of this code."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from ledger.db.outages.probe import unapplied_migrations


def at_newest(receiver: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a receiver of `post_migrate`, which works only with the newest tables. The returned
    function does nothing while migrations are missing.
    """

    @wraps(receiver)
    def at_newest_only(*, using: str = DEFAULT_DB_ALIAS, **signal: Any) -> Any:
        database = connections[using]
        database.ensure_connection()
        if not unapplied_migrations(database.connection):
            return receiver(using=using, **signal)
        return None

    return at_newest_only
