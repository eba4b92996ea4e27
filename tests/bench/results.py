"""What a run has found so far."""

import sys
from dataclasses import dataclass, field

from tests.bench.figures import Figure
from tests.bench.plans import Plan


@dataclass(slots=True)
class Results:
    """Figures in order, and the plans behind them by what they are of."""

    figures: list[Figure] = field(default_factory=list)
    plans: dict[str, list[Plan]] = field(default_factory=dict)

    def add(self, *figures: Figure) -> None:
        self.figures += figures


def say(words: str) -> None:
    """How far the run is; apart from the table, which goes to standard output."""
    print(f"{words} ...", file=sys.stderr, flush=True)
