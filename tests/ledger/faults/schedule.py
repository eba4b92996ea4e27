"""What breaks, and when: drawn from a seed, counted in completed steps of work."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = {
    "kill a session's process": 2,
    "kill the primary, start it again": 2,
    "fail over, primary killed": 2,
    "fail over, primary stopped": 1,
    "lose what the standby did not confirm": 2,
    "cut at COMMIT, before it": 2,
    "cut at COMMIT, during it": 3,
    "cut at COMMIT, after it": 3,
    "cut all connections": 2,
    "terminate sessions": 3,
    "pause replication": 2,
    "pause replication, cancel waits": 3,
    "fill the disk": 1,
    "hold locks": 3,
    "kill a process that pays": 1,
}
# Drawn by dice of their own, between the others, which a seed keeps as they were.
HANGS = ("hang the primary", "hang the standby")
HANG_BEFORE = 0.12  # how often one comes before another fault


@dataclass(frozen=True)
class Fault:
    """`after` so many more steps. `number` chooses a victim, or says how many there are."""

    after: int
    kind: str
    seconds: float
    number: int


def schedule(seed: int, *, left_out: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """Faults without end. A kind that this machine cannot do is drawn, and left out by name, so
    that all others stay where they are.
    """
    dice, hangs = random.Random(seed), random.Random(f"hang {seed}")  # noqa: S311 - no secret
    while True:
        (kind,) = dice.choices(list(KINDS), list(KINDS.values()))
        fault = Fault(
            after=dice.randint(10, 60),
            kind=kind,
            seconds=round(dice.uniform(0.1, 2.5), 2),
            number=dice.randint(1, 6),
        )
        if hangs.random() < HANG_BEFORE:
            yield Fault(
                after=hangs.randint(10, 60),
                kind=hangs.choice(HANGS),
                seconds=round(hangs.uniform(2, 11), 2),
                number=0,
            )
        if kind in left_out:
            print(f"left out: {kind}")
            continue
        yield fault
