"""The limits of the process that cleans a PDF."""

import os
import resource
from contextlib import suppress
from dataclasses import dataclass

NICENESS = 5  # added to the nice value of the process, so that web pages have priority


@dataclass(frozen=True, slots=True)
class CleaningLimits:
    """The limits of one process that cleans a PDF."""

    cpu_seconds: int = 10
    wall_seconds: float = 30  # longer than the CPU time, because the machine may be busy
    memory: int = 512 * 1024**2  # maximum bytes of address space
    unpacked: int = 150_000_000  # bytes of all streams that are read
    in_object_streams: int = (
        20_000_000  # in bytes; object streams contain only dictionaries, which are slow to read
    )


def limit_this_process(limits: CleaningLimits) -> None:
    """Limits the CPU time and the memory of this process, prevents the process from writing files
    and core dumps, and lowers its priority. The kernel kills the process when it has used this CPU
    time. On macOS, the memory limit may not work.
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
