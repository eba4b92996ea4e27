"""Metrics about the memory, CPU time and open files of the web server's processes, from Linux's
/proc.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ledger.metrics import shared
from ledger.metrics.kinds import COUNTS_TOGETHER

PROC = Path("/proc")
LABEL = ["worker"]  # the slot number; with the process id, each start would create new time series


def families() -> Iterator[Metric]:
    """Yields the standard metrics of each process. Without /proc, only the number of processes has
    a value.
    """
    running = shared.processes()
    yield GaugeMetricFamily("ledger_processes", "Processes of this web server.", len(running))
    yield GaugeMetricFamily(
        "ledger_metrics_shared",
        "1: counts are for all processes of this server; 0: for the process that answers.",
        float(COUNTS_TOGETHER),
    )
    memory = GaugeMetricFamily("process_resident_memory_bytes", "Memory in use.", labels=LABEL)
    cpu = CounterMetricFamily("process_cpu_seconds", "CPU time, user and system.", labels=LABEL)
    files = GaugeMetricFamily("process_open_fds", "Open file descriptors.", labels=LABEL)
    most = GaugeMetricFamily("process_max_fds", "Maximum of open file descriptors.", labels=LABEL)
    started = GaugeMetricFamily(
        "process_start_time_seconds", "Start, in seconds since 1970.", labels=LABEL
    )
    families: list[Any] = [memory, cpu, files, most, started]
    for slot, pid in sorted(running.items()):
        figures = _figures(PROC / str(pid))
        for family, figure in zip(families, figures, strict=False):
            family.add_metric([str(slot)], figure)
    yield from families


def _figures(process: Path) -> tuple[float, ...]:
    """Returns the memory, CPU time, open files, limit of open files and start time of one process.
    Returns () if the process has ended.
    """
    try:
        stat = (process / "stat").read_text().rpartition(")")[2].split()
        limits = (process / "limits").read_text()
        files = len(list((process / "fd").iterdir()))
        booted = (PROC / "stat").read_text().partition("btime ")[2].split()[0]
    except (OSError, IndexError):
        return ()
    ticks = float(os.sysconf("SC_CLK_TCK"))
    # The list begins with the third field of proc(5). utime is the 14th field, starttime is the
    # 22nd, and rss is the 24th.
    return (
        float(stat[21]) * os.sysconf("SC_PAGE_SIZE"),
        (float(stat[11]) + float(stat[12])) / ticks,
        float(files),
        float(limits.partition("Max open files")[2].split()[0].replace("unlimited", "inf")),
        float(booted) + float(stat[19]) / ticks,
    )
