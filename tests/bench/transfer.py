"""One transfer at a time, by 1 and by 4 processes, compared with the textbook, other programs and
pgbench.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.bench import hordak, pgbench
from tests.bench.bank import open_rich_accounts, some_draft
from tests.bench.figures import (
    AGAINST_HORDAK,
    AGAINST_PGLEDGER,
    AGAINST_TEXTBOOK,
    NO_DEADLOCK,
    Figure,
)
from tests.bench.pgledger import NOT_GIVEN, pgledger_workers
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
        others: dict[str, tuple[str, Workers]] = {}
        if hordak.version():
            workers_of_hordak = hordak.hordak_workers(most, scale.accounts)
            others["hordak"] = "tests.bench.hordak:pay", stack.enter_context(workers_of_hordak)
        if scale.pgledger:
            workers_of_pgledger = pgledger_workers(scale.pgledger, most, scale.accounts)
            others["pgledger"] = (
                "tests.bench.pgledger:pay",
                stack.enter_context(workers_of_pgledger),
            )
        for count in scale.processes:
            report_progress(f"transfer, {count} in parallel")
            _contest(count, scale, results, workers.first(count), others)
        draft = partial(some_draft, scale.accounts)
        results.plans["one transfer"] = plans_of(lambda: services.book(draft()))


def _contest(
    count: int,
    scale: Scale,
    results: Results,
    workers: Workers,
    others: dict[str, tuple[str, Workers]],
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
    for name, (job, their_workers) in others.items():
        contestants[name] = partial(_total, their_workers.first(count), job, seconds=scale.seconds)
    rounds = alternate(scale.rounds, contestants)
    results.add(*_figures(f"single transfers, processes: {count}", rounds, locked, count))


def _total(workers: Workers, job: str, **arguments: float) -> float:
    """Returns the sum of the rates of all workers."""
    return float(sum(workers.run(job, **arguments)))


def _figures(what: str, rounds: Rounds, locked: dict[str, int], count: int) -> list[Figure]:
    figures = [compared(PART, what, rounds, "textbook", AGAINST_TEXTBOOK)]
    for name, target, why_not in (
        ("hordak", AGAINST_HORDAK, NOT_INSTALLED),
        ("pgledger", AGAINST_PGLEDGER, NOT_GIVEN),
    ):
        if name in rounds:
            figures.append(compared(PART, what, rounds, name, target))
        else:
            figures.append(Figure(PART, what, None, "/s", name, target=target, note=why_not))
    figures.append(compared(PART, what, rounds, "pgbench"))
    if count > 1:
        figures += [
            Figure(PART, f"deadlocks of Ledger, processes: {count}", locked["ours"], "",
                   target=NO_DEADLOCK),
            Figure(PART, f"deadlocks of the textbook, processes: {count}", locked["textbook"], ""),
        ]  # fmt: skip
    return figures
