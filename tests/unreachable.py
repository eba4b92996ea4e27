"""A database that becomes unreachable during a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.ledger.processes import free_port


@contextmanager
def unreachable_database() -> Iterator[str]:
    """Connects this thread to two servers that do not exist while the `with` block runs. Yields
    their names as in the log. The test must not be in a transaction.
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
