"""The results of a run."""

import sys
from dataclasses import dataclass, field

from tests.bench.figures import Figure
from tests.bench.plans import Plan


@dataclass(slots=True)
class Results:
    """Results in order, and their plans by subject."""

    figures: list[Figure] = field(default_factory=list)
    plans: dict[str, list[Plan]] = field(default_factory=dict)

    def add(self, *figures: Figure) -> None:
        self.figures += figures


def report_progress(text: str) -> None:
    """Prints progress to stderr. The table goes to stdout."""
    print(f"{text} ...", file=sys.stderr, flush=True)
