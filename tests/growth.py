"""Measures how the time of a function grows with the length of a text from a user."""

import gc
import time
from collections.abc import Callable

SHORT, LONG = 10_000, 100_000  # bytes in UTF-8
MOST = 12.0  # how much longer a text of ten times the length may take; linear growth is 10
TRIES = 5
LONG_ENOUGH = 5.0  # a run that takes longer, in seconds, is not repeated
NOTHING = 0.05  # seconds for LONG bytes that are always accepted, regardless of the growth


def times_as_long(
    run: Callable[[str], object], text: Callable[[int], str], long_bytes: int = LONG
) -> float:
    """Returns the processor time of the function for LONG bytes, divided by its time for SHORT
    bytes. Returns 0 if the function takes nearly no time.

    The time for SHORT bytes is the mean of ten runs. The best of several tries counts, so that a
    busy machine has no effect. `long_bytes` replaces LONG for texts with a lower limit.
    """
    many = LONG // SHORT
    short, long, found = text(long_bytes // many), text(long_bytes), float("inf")
    gc.disable()
    try:
        for _ in range(TRIES):
            together = sum(_seconds(run, short) for _ in range(many))
            alone = _seconds(run, long)
            if alone < NOTHING:
                return 0
            found = min(found, alone / together * many)
            if found < MOST or alone > LONG_ENOUGH:
                break
    finally:
        gc.enable()
    return found


def _seconds(run: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    run(text)
    return time.process_time() - began
