"""Roles of the server, and other settings with which the explorer connects in a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def leading_to(there: dict[str, Any]) -> Iterator[None]:
    """Makes the explorer connect with these settings. The connection of the test does not
    change.
    """
    database: Any = connection
    before = database.settings_dict
    database.settings_dict = there
    try:
        yield
    finally:
        database.settings_dict = before
