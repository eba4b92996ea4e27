"""The turn of a person, whose payments with a limit by day, and whose batches, follow one another.

Note [Turn of a person]: what a person has paid today is summed up while no other payment of theirs
with a limit is booked. The turn is an advisory lock by name. It is taken before any account is
locked, so a payment that waits for it holds up nobody else, and nothing slow takes it. A lock on
the person's row would not do: rules and leaving take that row, some before the accounts and some
for long. The function `paid_to_others` takes the turn too, so that no sum is taken without it, and
for payments of an earlier version of this code.
"""

from collections.abc import Iterable
from uuid import UUID

from ledger.db.locking.named import wait_for_lock


def name_of_turn(person: UUID) -> str:
    """The name of the lock; `paid_to_others` puts it together too."""
    return f"payments of {person}"


def wait_for_turns(people: Iterable[UUID | None]) -> None:
    """Waits until no other payment of these people has the turn, and keeps it until the end of the
    database transaction. Call it before accounts are locked.
    """
    for person in sorted(set(filter(None, people))):
        wait_for_lock(name_of_turn(person))
