"""One transfer at a time through a network. A proxy on loopback adds half a millisecond in each
direction.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.bench.bank import open_rich_accounts
from tests.bench.figures import AGAINST_PGLEDGER_FAR, Figure
from tests.bench.pgledger import NOT_GIVEN, pgledger_workers
from tests.bench.proxy import delaying_proxy
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate, compared
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database
from tests.bench.workers import start_workers

WHAT = "single transfers, network with 0.5 ms each way"
STEP_BY_STEP = "four round trips"


def measure(scale: Scale, results: Results) -> None:
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database("bench_network"))
        open_rich_accounts(scale.accounts)
        port = stack.enter_context(delaying_proxy())
        workers = stack.enter_context(start_workers(1, database))
        report_progress(WHAT)
        place = {"host": "127.0.0.1", "port": port}
        pay = partial(
            workers.run, "tests.bench.jobs:pay_by_service",
            seconds=scale.seconds, accounts=scale.accounts, **place,
        )  # fmt: skip
        contestants: dict[str, Callable[[], float]] = {
            "ours": lambda: sum(pay()),
            STEP_BY_STEP: lambda: sum(pay(step_by_step=True)),
        }
        if scale.pgledger:
            others = stack.enter_context(pgledger_workers(scale.pgledger, 1, scale.accounts))
            contestants["pgledger"] = lambda: sum(
                others.run("tests.bench.pgledger:pay", seconds=scale.seconds, **place)
            )
        rounds = alternate(scale.rounds, contestants)
    results.add(compared("network", WHAT, rounds, STEP_BY_STEP))
    if "pgledger" in rounds:
        results.add(compared("network", WHAT, rounds, "pgledger", AGAINST_PGLEDGER_FAR))
    else:
        results.add(
            Figure("network", WHAT, None, "/s", "pgledger", target=AGAINST_PGLEDGER_FAR,
                   note=NOT_GIVEN)
        )  # fmt: skip
