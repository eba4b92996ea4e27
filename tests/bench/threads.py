"""Threads of one process that pay in parallel, like the threads of a web server."""

from collections.abc import Callable
from contextlib import ExitStack

from tests.bench.bank import open_rich_accounts
from tests.bench.figures import THREADS_AGAINST_PGLEDGER, Figure
from tests.bench.pgledger import NOT_GIVEN, pgledger_workers
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate, compared
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database
from tests.bench.workers import start_workers

ONE_THREAD = "one thread"


def measure(scale: Scale, results: Results) -> None:
    what = f"{scale.payers} threads of one process"
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database("bench_threads"))
        open_rich_accounts(scale.accounts)
        workers = stack.enter_context(start_workers(1, database))
        report_progress(what)

        def paid_by(threads: int) -> float:
            return float(
                sum(
                    workers.run(
                        "tests.bench.jobs:pay_by_threads",
                        seconds=scale.seconds,
                        accounts=scale.accounts,
                        threads=threads,
                    )
                )
            )

        contestants: dict[str, Callable[[], float]] = {
            "ours": lambda: paid_by(scale.payers),
            ONE_THREAD: lambda: paid_by(1),
        }
        if scale.pgledger:
            others = stack.enter_context(
                pgledger_workers(scale.pgledger, scale.payers, scale.accounts)
            )
            contestants["pgledger"] = lambda: sum(
                others.run("tests.bench.pgledger:pay", seconds=scale.seconds)
            )
        rounds = alternate(scale.rounds, contestants)
    results.add(compared("threads", what, rounds, ONE_THREAD))
    target = THREADS_AGAINST_PGLEDGER
    if "pgledger" in rounds:
        results.add(compared("threads", what, rounds, "pgledger", target))
    else:
        results.add(Figure("threads", what, None, "/s", "pgledger", target=target, note=NOT_GIVEN))
