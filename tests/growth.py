"""How the time of a function grows with the length of a text that somebody sent."""

import gc
import time
from collections.abc import Callable

SHORT, LONG = 10_000, 100_000  # bytes in UTF-8
MOST = 12.0  # times as long for ten times the length; linear is 10
TRIES = 5
LONG_ENOUGH = 5.0  # seconds of one run, after which it is not repeated
NOTHING = 0.05  # seconds for LONG bytes that are no harm, whatever the growth


def times_as_long(
    run: Callable[[str], object], text: Callable[[int], str], long_bytes: int = LONG
) -> float:
    """Returns how many times as long the function takes for LONG bytes as for SHORT ones, in
    processor time. 0 if it takes nearly nothing.

    For SHORT it is the mean of ten runs, and the best of some tries counts, so that a busy machine
    makes no difference. `long_bytes`: instead of LONG, for texts that are limited to less.
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
