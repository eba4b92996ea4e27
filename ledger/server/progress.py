"""Shows the progress while the site starts: a line for each step with its duration, and an estimate
for all steps.

Note [How long a first start takes]: the duration of the steps depends on the speed of one core.
`SECONDS` contains the durations on a core that needs one second for `CALIBRATION`. Before the first
step, parts of this calculation are measured, because other programs slow down these parts and the
steps in the same way. The median of the parts is used, because one part may have waited for the
processor. The estimate is rounded up to a multiple of five seconds.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median

from django.core.management.base import OutputWrapper

CALIBRATION = 10_000_000  # how many square numbers are added
PART, PARTS = 100, 9
SECONDS = {"database": 2, "migrations": 10, "demo": 5, "static": 2}


class Progress:
    """A writer of progress lines. A step is a line that ends with its duration."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    @classmethod
    def on(cls, stream: OutputWrapper) -> "Progress":
        """Returns a Progress that writes to `stream` without colour. On a terminal, Django prints
        stderr in red, but progress messages are not errors.
        """

        def write(text: str) -> None:
            stream.write(text, style_func=str, ending="")
            stream.flush()

        return cls(write)

    def print_line(self, line: str) -> None:
        self._write(f"{line}\n")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Writes the name of a step, runs the block, and writes the duration in seconds."""
        began = time.monotonic()
        self._write(f"{what} ... ")
        try:
            yield
        except BaseException:
            self._write("\n")
            raise
        self._write(f"{time.monotonic() - began:.1f} s\n")


def seconds_of(steps: Iterable[str]) -> int:
    """Returns an estimate of how many seconds these steps take on this computer, as a multiple of
    five.
    """
    return 5 * math.ceil(sum(SECONDS[step] for step in steps) * _slowness() / 5)


def _slowness() -> float:
    """Returns how many seconds this computer currently needs for CALIBRATION."""
    return PART * median(_seconds_of_part() for _ in range(PARTS))


def _seconds_of_part() -> float:
    began = time.perf_counter()
    sum(i * i for i in range(CALIBRATION // PART))
    return time.perf_counter() - began
