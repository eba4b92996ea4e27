"""The cost of counting for `/metrics` for a request and for a payment, in a process that counts
separately and in one of several processes that count together.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from timeit import repeat

from ledger.env import BASE_DIR
from ledger.metrics.shared import FOLDER, IN_MEMORY
from tests.bench.figures import COUNTED, Figure
from tests.bench.results import Results, report_progress
from tests.bench.scale import Scale

TIMES = 10_000


def measure(scale: Scale, results: Results) -> None:
    report_progress("counts")
    base = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        for how, environment in (("alone", {}), ("together", {FOLDER: folder})):
            rounds = [_measured(environment) for _ in range(scale.rounds)]
            for what in rounds[0]:
                values = sorted(each[what] for each in rounds)
                title = f"{what}, counted {how}"
                results.add(Figure("counts", title, values[len(values) // 2], "us", target=COUNTED))


def _measured(environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        cwd=BASE_DIR,
        env={**os.environ, FOLDER: "", "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measures in a separate process, because the way of counting is decided at the start of a
    process.
    """
    import django

    django.setup()
    from django.test import RequestFactory
    from django.urls import resolve

    from ledger.web import request_counts, waiting
    from transactions.posting import counts

    request = RequestFactory().get("/")
    request.resolver_match = resolve("/")

    def page() -> None:
        waiting.note_wait(request)
        request_counts.IN_FLIGHT.inc()
        request_counts.IN_FLIGHT.dec()
        request_counts.count(request, 200, 0.01)

    def nothing() -> None:
        pass

    def payment() -> None:
        with counts.counting("transfer"):
            pass

    empty = _microseconds(nothing)
    print(json.dumps({
        "a request": _microseconds(page) - empty, "a payment": _microseconds(payment) - empty,
    }))  # fmt: skip


def _microseconds(work: Callable[[], object]) -> float:
    """Returns the best time of several rounds. Disturbances can only make a round longer."""
    return min(repeat(work, number=TIMES, repeat=5)) / TIMES * 1e6


if __name__ == "__main__":
    main()
