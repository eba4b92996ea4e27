"""The queries of pages in a small and a large bank. Both must take nearly the same time."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter

from django.utils import timezone

from accounts.models import Account
from tests.bench import history
from tests.bench.figures import GROWTH, Figure
from tests.bench.plans import Plan, plans_of
from tests.bench.results import Results, report_progress
from tests.bench.rounds import Rounds, alternate, compared
from tests.bench.samples import WORDS, account_id, dice
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database, point_at
from transactions.home.reads import daily_balances
from transactions.models import Entry
from transactions.scope import Scope
from transactions.search.engine import find
from transactions.statements.page import PAGE, Filters, balance_at, statement_page

PART = "reads"
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader: an account, all accounts of its holder, and the start of its oldest page."""

    account: Account
    own: list[Account]
    oldest_page: datetime


PROBES: dict[str, Callable[[Reader], object]] = {
    "statement, first page": lambda r: statement_page(r.account, Filters()),
    "statement, deepest page": lambda r: statement_page(r.account, Filters(), before=r.oldest_page),
    "balance a year ago": lambda r: balance_at(r.account, timezone.now() - YEAR),
    "search in an account": lambda r: statement_page(r.account, Filters(text=WORDS[1].lower())),
    "search of a holder": lambda r: find(Scope(r.account.user, tuple(r.own)), WORDS[1].lower()),
    "daily balances of a holder, 30 days": lambda r: daily_balances(r.own, timezone.localdate()),
}
HELD_TO = ("statement", "balance")  # named in the target
MILLION = 1_000_000
SEARCHED, THROUGH = "search of a holder", "transactions_search"  # from a million rows


def measure(scale: Scale, results: Results) -> None:
    with ExitStack() as stack:
        banks = {}
        for size in scale.histories:
            name = f"bench_reads_{size}"
            stack.enter_context(fresh_database(name))
            report_progress(f"a history of {size:,}")
            history.fill(name, size)
            banks[size] = name
        for what, probe in PROBES.items():
            report_progress(what)
            contestants = {
                _transactions(size): partial(_milliseconds, name, size, probe, scale.reads)
                for size, name in banks.items()
            }
            rounds = alternate(scale.rounds, contestants)
            results.add(*_figures(what, rounds, scale))
        largest = max(banks)
        point_at(banks[largest])
        reader = _reader(largest)
        for what, probe in PROBES.items():
            title = f"{what}, {largest:,} transactions"
            results.plans[title] = plans_of(partial(probe, reader))
            if what == SEARCHED and largest >= MILLION:
                _meets_the_index(results.plans[title])


def _meets_the_index(plans: Sequence[Plan]) -> None:
    """Raises AssertionError unless the results and the count of a search come from the GIN index,
    and no plan reads all transactions.
    """
    asked = [plan for plan in plans if '"transactions"."search"' in plan.sql]
    if len(asked) != 2:
        raise AssertionError(f"A search sent {len(asked)} queries of the search column, not 2.")
    for plan in asked:
        lines = "\n".join(plan.lines)
        if THROUGH not in lines or "Seq Scan on transactions" in lines:
            raise AssertionError(f"A search does not go through {THROUGH}:\n{lines}")


def _figures(what: str, rounds: Rounds, scale: Scale) -> list[Figure]:
    smallest, *larger = (_transactions(size) for size in scale.histories)
    figures = [Figure(PART, f"{what}, {smallest}", median(rounds[smallest]), "ms", rounds=rounds)]
    target = GROWTH if what.startswith(HELD_TO) else None
    for size in larger:
        line = compared(PART, f"{what}, {size}", rounds, smallest, target, mine=size, unit="ms")
        figures.append(line)
    return figures


def _milliseconds(database: str, size: int, probe: Callable[[Reader], object], reads: int) -> float:
    """Returns the median time of `reads` reads by different readers, after the same number of reads
    as a warm-up.
    """
    point_at(database)
    readers = [_reader(size) for _ in range(reads)]
    times = []
    for reader in [*readers, *readers]:
        began = perf_counter()
        probe(reader)
        times.append((perf_counter() - began) * 1000)
    return median(times[reads:])


def _reader(size: int) -> Reader:
    account = Account.objects.get(pk=account_id(dice.randint(1, history.accounts_for(size))))
    oldest = Entry.objects.for_account(account).order_by("created_at")
    mark = oldest.values_list("created_at", flat=True)[PAGE : PAGE + 1].first()
    own = list(Account.objects.owned_by(account.user))
    return Reader(account, own, mark or timezone.now())


def _transactions(size: int) -> str:
    return f"{size // 1_000_000} million" if size >= 1_000_000 else f"{size // 1000} thousand"
