"""One transfer at a time, by 1 and by 4 processes, against the textbook, hordak and pgbench."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.bench import hordak, pgbench
from tests.bench.bank import open_rich_accounts, some_draft
from tests.bench.figures import AGAINST_HORDAK, AGAINST_TEXTBOOK, NO_DEADLOCK, Figure
from tests.bench.plans import plans_of
from tests.bench.results import Results, report_progress
from tests.bench.rounds import Rounds, alternate, compared
from tests.bench.scale import Scale
from tests.bench.servers import copy_tables, deadlocks, fresh_database
from tests.bench.workers import Workers, start_workers
from transactions import services

PART = "transfer"
NOT_INSTALLED = "not installed: pip install 'django-hordak>=2.0,<3'"


def measure(scale: Scale, results: Results) -> None:
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database("bench_transfer"))
        open_rich_accounts(scale.accounts)
        copy_tables(database)
        most = max(scale.processes)
        workers = stack.enter_context(start_workers(most, database))
        compared = None
        if hordak.version():
            compared = stack.enter_context(hordak.hordak_workers(most, scale.accounts))
        for count in scale.processes:
            report_progress(f"transfer, {count} at once")
            _contest(
                count, scale, results, workers.first(count), compared and compared.first(count)
            )
        draft = partial(some_draft, scale.accounts)
        results.plans["one transfer"] = plans_of(lambda: services.book(draft()))


def _contest(
    count: int, scale: Scale, results: Results, workers: Workers, compared: Workers | None
) -> None:
    locked = {"ours": 0, "textbook": 0}

    def by_workers(name: str, job: str) -> float:
        before = deadlocks("bench_transfer")
        paces = workers.run(job, seconds=scale.seconds, accounts=scale.accounts)
        locked[name] += deadlocks("bench_transfer") - before
        return float(sum(paces))

    contestants: dict[str, Callable[[], float]] = {
        "ours": partial(by_workers, "ours", "tests.bench.jobs:pay_by_service"),
        "textbook": partial(by_workers, "textbook", "tests.bench.jobs:pay_by_textbook"),
        "pgbench": partial(
            pgbench.pay,
            "bench_transfer",
            clients=count,
            seconds=scale.seconds,
            accounts=scale.accounts,
        ),
    }
    if compared:
        contestants["hordak"] = lambda: sum(
            compared.run("tests.bench.hordak:pay", seconds=scale.seconds)
        )
    rounds = alternate(scale.rounds, contestants)
    results.add(*_figures(f"one transfer, {count} at once", rounds, locked, count))


def _figures(what: str, rounds: Rounds, locked: dict[str, int], count: int) -> list[Figure]:
    figures = [compared(PART, what, rounds, "textbook", AGAINST_TEXTBOOK)]
    if "hordak" in rounds:
        figures.append(compared(PART, what, rounds, "hordak", AGAINST_HORDAK))
    else:
        missing = Figure(PART, what, None, "/s", "hordak", target=AGAINST_HORDAK)
        missing.note = NOT_INSTALLED
        figures.append(missing)
    figures.append(compared(PART, what, rounds, "pgbench"))
    if count > 1:
        figures += [
            Figure(PART, f"deadlocks of ours, {count} at once", locked["ours"], "",
                   target=NO_DEADLOCK),
            Figure(PART, f"deadlocks of the textbook, {count} at once", locked["textbook"], ""),
        ]  # fmt: skip
    return figures
