"""Requests do not map memory for each call at the end of a chunk of frames."""

from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from typing import Any

from ledger.server.frame_stack import in_one_chunk

DEPTHS = range(300)  # calls below an application; a page needs about 100
CALLS = 200


def nothing() -> None:
    pass


# A larger frame than that of `at_depth`, so that it does not fit at one depth at least.
nothing.__code__ = nothing.__code__.replace(co_stacksize=100)


def chunks_mapped() -> int:
    """Returns how often CALLS calls met new memory: nearly 0, or once for each call."""
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        nothing()
    return getrusage(RUSAGE_SELF).ru_minflt - before


def at_depth(depth: int) -> int:
    return at_depth(depth - 1) if depth else chunks_mapped()


def start_response(*_given: Any) -> Callable[[bytes], object]:
    raise AssertionError


def most_mapped(run: Callable[[int], int]) -> int:
    return max(map(run, DEPTHS))


def test_an_application_maps_no_memory_for_each_call() -> None:
    application = in_one_chunk(lambda environ, _start: [bytes(at_depth(environ["depth"]))])

    def mapped(depth: int) -> int:
        (found,) = application({"depth": depth}, start_response)
        return len(found)

    assert most_mapped(at_depth) >= CALLS  # what the wrapper prevents
    assert most_mapped(mapped) < CALLS / 2
