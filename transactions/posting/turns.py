"""The turn of a person: limited payments and batches of one person run one after another.

Note [Turn of a person]: the sum that a person has paid today must not change while it is computed.
So only one limited payment of a person may be booked at a time. The turn ensures this. The turn is
a named advisory lock that is taken before accounts are locked. A payment that waits for the turn
does not delay other people. Slow operations never take the turn.

A lock on the person's row would not work, because other operations lock that row: some before the
accounts are locked, and some for a long time. The database function `paid_to_others` also takes the
turn. So no sum is computed without the turn, even if an earlier version of this code calls the
function.
"""

from collections.abc import Iterable
from uuid import UUID

from ledger.db.locking.named import wait_for_lock


def name_of_turn(person: UUID) -> str:
    """Returns the name of the advisory lock for a person's turn. The database function
    `paid_to_others` uses the same name.
    """
    return f"payments of {person}"


def wait_for_turns(people: Iterable[UUID | None]) -> None:
    """Waits for the turn of each of these people, and keeps the turns until the database
    transaction ends. Call this function before accounts are locked. Skips the value None.
    """
    for person in sorted(set(filter(None, people))):
        wait_for_lock(name_of_turn(person))
