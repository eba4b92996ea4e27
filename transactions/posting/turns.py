"""The turn of a person: the person's limited payments and batches run one after another.

Note [Turn of a person]: what a person has paid today is summed up while no other limited payment of
that person is booked. The turn is a named advisory lock. It is taken before any account is locked,
so a payment that waits for it delays nobody else, and nothing slow takes it. A lock on the person's
row would not work: other operations take that row, some before the accounts and some for a long
time. The function `paid_to_others` takes the turn, too, so that no sum is computed without it, also
for payments of an earlier version of this code.
"""

from collections.abc import Iterable
from uuid import UUID

from ledger.db.locking.named import wait_for_lock


def name_of_turn(person: UUID) -> str:
    """Returns the name of the lock; the database function `paid_to_others` builds the same name."""
    return f"payments of {person}"


def wait_for_turns(people: Iterable[UUID | None]) -> None:
    """Waits until no other payment of these people has the turn, and keeps it until the end of the
    database transaction. Call it before accounts are locked.
    """
    for person in sorted(set(filter(None, people))):
        wait_for_lock(name_of_turn(person))
