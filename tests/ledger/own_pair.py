"""A primary and its synchronous standby, for a test of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from ledger.db.pair import Pair
from tests.ledger.processes import own_data_dir


@contextmanager
def own_pair() -> Iterator[Pair]:
    """Starts both; deletes them at the end."""
    with own_data_dir() as data_dir:
        found = Pair(data_dir, settings.LEDGER_PG)
        found.make()
        yield found
