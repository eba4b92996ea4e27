"""A primary and its synchronous standby, for a test of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.embedded.pair import Pair
from tests.ledger.own_bank import copy_bank_into
from tests.ledger.processes import own_data_dir


@contextmanager
def own_pair(*, bank: bool = False) -> Iterator[Pair]:
    """Starts both, with `bank` on copies of the prepared bank; deletes them at the end."""
    with own_data_dir() as data_dir:
        if bank:
            copy_bank_into(data_dir)
        found = Pair(data_dir)
        found.make()
        yield found
