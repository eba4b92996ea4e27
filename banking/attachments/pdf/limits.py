"""How much work a PDF may cause."""

import os
import resource
from contextlib import suppress
from dataclasses import dataclass

NICENESS = 5  # added to the nice value, so that pages have priority


@dataclass(frozen=True, slots=True)
class CleaningLimits:
    """The limits of one process that cleans a PDF."""

    cpu_seconds: int = 10
    wall_seconds: float = 30  # the machine may be busy
    memory: int = 512 * 1024**2  # bytes of address space
    unpacked: int = 150_000_000  # bytes of all streams that are inspected
    in_object_streams: int = (
        20_000_000  # bytes; they contain only dictionaries, which are slow to read
    )


def limit_this_process(limits: CleaningLimits) -> None:
    """Limits the CPU time and memory of this process, prevents it from writing files and core
    dumps, and lowers its priority below that of pages. The kernel kills the process above its CPU
    time. On macOS the memory may have no limit.
    """
    os.nice(NICENESS)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    with suppress(ValueError, OSError):
        _limit(resource.RLIMIT_AS, limits.memory)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))
