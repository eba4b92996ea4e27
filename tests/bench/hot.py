"""Many processes that pay into one account, compared with the same number of accounts."""

from functools import partial

from tests.bench.bank import open_rich_accounts
from tests.bench.figures import HOT_AGAINST_SPREAD
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate, compared
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database
from tests.bench.workers import Workers, start_workers


def measure(scale: Scale, results: Results) -> None:
    with fresh_database("bench_hot") as database:
        open_rich_accounts(scale.accounts)
        with start_workers(scale.payers, database) as workers:
            report_progress(f"hot account, {scale.payers} in parallel")
            rounds = alternate(
                scale.rounds,
                {
                    "hot": partial(_pace, workers, scale, hot=True),
                    "spread": partial(_pace, workers, scale, hot=False),
                },
            )
    what = f"{scale.payers} processes pay into one account"
    results.add(compared("hot", what, rounds, "spread", HOT_AGAINST_SPREAD, mine="hot"))


def _pace(workers: Workers, scale: Scale, *, hot: bool) -> float:
    paces = workers.run(
        "tests.bench.jobs:pay_into",
        seconds=scale.seconds,
        payers=scale.payers,
        accounts=scale.accounts,
        hot=hot,
    )
    return float(sum(paces))
