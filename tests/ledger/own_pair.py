"""A primary and its synchronous standby, for a test of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from ledger.db.pair import Pair
from ledger.db.removal import delete_everything
from tests.ledger.processes import reachable_folder


@contextmanager
def own_pair() -> Iterator[Pair]:
    """Starts both; deletes them at the end."""
    with reachable_folder() as folder:
        found = Pair(folder / "data", settings.LEDGER_PG)
        try:
            found.make()
            yield found
        finally:
            delete_everything(folder / "data")
