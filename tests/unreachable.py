"""A database that cannot be reached, in the middle of a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.ledger.processes import free_port


@contextmanager
def unreachable_database() -> Iterator[str]:
    """Within the block this thread's connection leads to two servers that are not there; yields
    how the log names them. The test has to be outside of a transaction.
    """
    one, other = free_port(), free_port()
    gone = {"HOST": "127.0.0.1,localhost", "PORT": f"{one},{other}", "LEDGER_EMBEDDED": False}
    settings = connection.settings_dict
    before = {name: settings.get(name) for name in gone}
    connection.close()
    settings.update(gone)
    try:
        yield f"127.0.0.1:{one} refused, localhost:{other} refused"
    finally:
        connection.close()
        settings.update(before)
