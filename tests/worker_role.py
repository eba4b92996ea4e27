"""Runs a block with the login of the worker, as `manage.py work` does on a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def as_worker() -> Iterator[None]:
    """Signs in as LEDGER_WORKER_ROLE within the block. Outside of a database transaction."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    owner = database.settings_dict
    database.close()
    database.settings_dict = {**owner, "USER": settings.LEDGER_WORKER_ROLE}
    try:
        yield
    finally:
        database.close()
        database.settings_dict = owner
