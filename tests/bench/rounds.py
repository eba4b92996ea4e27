"""Contestants take turns in several rounds. The median counts, because machines are noisy."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

from tests.bench.figures import Figure, Target

Rounds = dict[str, list[float]]
WARM_UP = 0.1  # part of a turn that is run before and not counted


def alternate(rounds: int, contestants: Mapping[str, Callable[[], float]]) -> Rounds:
    """Returns each contestant's results, one per round. Every second round runs in reverse
    order.
    """
    results: Rounds = {name: [] for name in contestants}
    for number in range(rounds):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            results[name].append(contestants[name]())
    return results


def paced(step: Callable[[], object], seconds: float) -> float:
    """Returns successful steps per second during `seconds`. A step that returns False has
    failed.
    """
    warm = perf_counter() + seconds * WARM_UP
    while perf_counter() < warm:
        step()
    done, began = 0, perf_counter()
    while perf_counter() < began + seconds:
        done += step() is not False
    return done / (perf_counter() - began)


def compared(
    part: str,
    what: str,
    results: Rounds,
    against: str,
    target: Target | None = None,
    *,
    mine: str = "ours",
    unit: str = "/s",
) -> Figure:
    """Returns the result that compares two contestants."""
    pairs = zip(results[mine], results[against], strict=True)
    return Figure(
        part,
        what,
        value=median(results[mine]),
        unit=unit,
        against=against,
        rival=median(results[against]),
        ratio=median(one / other for one, other in pairs if other),
        target=target,
        rounds={mine: results[mine], against: results[against]},
    )
