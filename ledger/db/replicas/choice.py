"""Chooses one of several replicas, as DATABASE_REPLICA_CHOICE requires."""

import random
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeVar

from ledger.db.replicas.known import Replica

T = TypeVar("T", bound=Replica)
_turn = count()


def any_of(found: Sequence[T]) -> T:
    return random.choice(found)  # noqa: S311 - no secret


def next_of(found: Sequence[T]) -> T:
    return found[next(_turn) % len(found)]


def least_busy_of(found: Sequence[T]) -> T:
    """Returns the replica with the fewest running reads of this process. Chooses at random among
    equal replicas.
    """
    fewest = min(each.under_way for each in found)
    return any_of([each for each in found if each.under_way == fewest])


CHOICES: dict[str, Callable[[Sequence[Replica]], Replica]] = {
    "random": any_of,
    "round_robin": next_of,
    "least_connections": least_busy_of,
}
