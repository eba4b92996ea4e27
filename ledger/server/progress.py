"""What a start prints while it works: a line for each step with its seconds, and how long all take.

Note [How long a first start takes]: the steps cost processor time, so their seconds follow from the
speed of one core. `SECONDS` are of a core that needs one second for `CALIBRATION`. Some parts of it
are measured before the first step, by the clock: other programs slow them down as they do the
steps. The median counts, because one part may have waited for a turn. More is not known, so the
estimate is rounded up to five seconds.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median

from django.core.management.base import OutputWrapper

CALIBRATION = 10_000_000  # squares that are added up
PART, PARTS = 100, 9
SECONDS = {"database": 2, "migrations": 10, "demo": 5, "static": 2}


class Progress:
    """Writes lines, and steps whose seconds come after them on the same line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    @classmethod
    def on(cls, stream: OutputWrapper) -> "Progress":
        """Progress on stderr is no error: not in red, as Django prints errors on a terminal."""

        def write(text: str) -> None:
            stream.write(text, style_func=str, ending="")
            stream.flush()

        return cls(write)

    def tell(self, line: str) -> None:
        self._write(f"{line}\n")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Writes what is done, and after the block how many seconds it took."""
        began = time.monotonic()
        self._write(f"{what} ... ")
        try:
            yield
        except BaseException:
            self._write("\n")
            raise
        self._write(f"{time.monotonic() - began:.1f} s\n")


def seconds_of(steps: Iterable[str]) -> int:
    """Returns about how many seconds these steps take on this computer, a multiple of five."""
    return 5 * math.ceil(sum(SECONDS[step] for step in steps) * _slowness() / 5)


def _slowness() -> float:
    """How many seconds this computer needs for CALIBRATION now."""
    return PART * median(_seconds_of_part() for _ in range(PARTS))


def _seconds_of_part() -> float:
    began = time.perf_counter()
    sum(i * i for i in range(CALIBRATION // PART))
    return time.perf_counter() - began
