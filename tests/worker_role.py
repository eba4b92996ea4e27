"""Runs code with the login of the worker, as `manage.py work` does on a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def as_worker() -> Iterator[None]:
    """Signs in as LEDGER_WORKER_ROLE while the `with` block runs. Uses no pool, because its
    connections are the owner's. Must be called outside of a database transaction.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    owner = database.settings_dict
    options = {name: value for name, value in owner["OPTIONS"].items() if name != "pool"}
    database.close()
    database.settings_dict = {**owner, "USER": settings.LEDGER_WORKER_ROLE, "OPTIONS": options}
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT session_user")
            assert cursor.fetchone() == (settings.LEDGER_WORKER_ROLE,)
        yield
    finally:
        database.close()
        database.settings_dict = owner
