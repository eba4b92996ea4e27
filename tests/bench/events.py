"""The cost of the outbox for a booking: without listeners, with other listeners, or with listeners
on the paying accounts.

The server measures the time in the trigger, so three percent can be distinguished from noise.
"""

from contextlib import ExitStack
from statistics import median
from time import perf_counter

from django.db import connection

from banking.events.models import AccountEvent, EventStream
from tests.bench.bank import open_rich_accounts, some_draft
from tests.bench.figures import EVENTS_OF_BATCH, Figure
from tests.bench.results import Results, report_progress
from tests.bench.samples import account_id
from tests.bench.scale import Scale
from tests.bench.servers import admin, fresh_database, settle
from transactions import services

PART = "events"
OURS = "bench_events"
IN_THE_TRIGGER = """SELECT coalesce(sum(total_time), 0) FROM pg_stat_user_functions
    WHERE funcname LIKE 'pgtrigger_told_rows_%'"""


def measure(scale: Scale, results: Results) -> None:
    with ExitStack() as stack:
        stack.enter_context(fresh_database(OURS))
        with admin(OURS) as server:
            server.execute(f"ALTER DATABASE {OURS} SET track_functions = 'pl'")
        open_rich_accounts(2 * scale.accounts)
        for size in (1, *scale.batches):
            report_progress(f"events of batches of {size:,}")
            for who in ("nobody", "others", "payers"):
                _let_listen(who, scale.accounts)
                results.add(_share(size, who, scale))


def _let_listen(who: str, accounts: int) -> None:
    """Sets which accounts have listeners. Payments are between the first half of the accounts, and
    the second half are the others.
    """
    AccountEvent.objects.all().delete()
    EventStream.objects.all().delete()
    first = {"nobody": 0, "others": accounts + 1, "payers": 1}[who]
    EventStream.objects.bulk_create(
        EventStream(account_id=account_id(number), is_listened=True)
        for number in range(first, first + accounts if first else 0)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {EventStream._meta.db_table}")


def _share(size: int, who: str, scale: Scale) -> Figure:
    """Returns the time in the trigger in percent of the time of the whole batch."""
    shares = [_round(size, scale) for _ in range(scale.rounds)]
    is_held = who != "payers" and size > 1
    return Figure(
        PART,
        f"batch of {size:,}, {who} listening",
        median(shares),
        "%",
        target=EVENTS_OF_BATCH if is_held else None,
        rounds={"ours": shares},
    )


def _round(size: int, scale: Scale) -> float:
    batches = max(1, min(scale.batch_rows // size, 500))
    drafts = [[some_draft(scale.accounts) for _ in range(size)] for _ in range(batches)]
    settle()
    before, began = _milliseconds(), perf_counter()
    for batch in drafts:
        if size == 1:
            services.book(batch[0])
        else:
            services.post_batch(batch)
    took = 1000 * (perf_counter() - began)
    return 100 * (_milliseconds() - before) / took


def _milliseconds() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    with admin(OURS) as server:
        ((spent,),) = server.execute(IN_THE_TRIGGER).fetchall()
    return float(str(spent))
