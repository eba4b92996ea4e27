"""The cost of alerts and rules for a payment in three cases: nobody has any alerts or rules,
everybody has them but no payment causes an alert, and every payment causes alerts for both sides.
Most payments cause no alert, so `chosen` is the usual case.

The job that applies rules runs after each turn and is not timed, because it runs once per minute
and not within a payment.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from django.db import connection

from accounts.models import User
from tests.bench.bank import open_rich_accounts
from tests.bench.figures import WITH_ALERTS, Target
from tests.bench.results import Results, report_progress
from tests.bench.rounds import alternate, compared
from tests.bench.scale import Scale
from tests.bench.servers import fresh_database
from tests.bench.workers import Workers, start_workers
from transactions.categories.new_payments import apply_rules
from transactions.categories.rules import save_rule

PART = "alerts"
MORE_ROUNDS = 3  # factor for the rounds, because the cost is smaller than their differences
NEVER = 10**9  # larger than any payment of the bench
CHOOSE = """
    INSERT INTO alert_choices (id, owner_id, kind, account_id, amount, mail, created_at)
    SELECT gen_random_uuid(), user_id, kind, id,
           CASE kind WHEN 'balance_below' THEN 0.01 ELSE %s END, 'now', now()
    FROM accounts, unnest(ARRAY['money_in', 'money_out', 'balance_below']) AS kind
"""


def measure(scale: Scale, results: Results) -> None:
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database("bench_alerts"))
        open_rich_accounts(scale.accounts)
        workers = stack.enter_context(start_workers(max(scale.processes), database))
        for count in scale.processes:
            report_progress(f"transfers with alerts, {count} in parallel")
            _contest(count, scale, results, workers.first(count))


def _contest(count: int, scale: Scale, results: Results, workers: Workers) -> None:
    contestants: dict[str, Callable[[], float]] = {
        name: partial(_turn, name, scale, workers) for name in ("nobody", "chosen", "told")
    }
    rounds = alternate(MORE_ROUNDS * scale.rounds, contestants)
    targets: dict[str, Target | None] = {"chosen": WITH_ALERTS, "told": None}
    for name, target in targets.items():
        what = f"single transfers, processes: {count}, alerts {name}"
        results.add(compared(PART, what, rounds, "nobody", target, mine=name))


def _turn(who: str, scale: Scale, workers: Workers) -> float:
    """Returns transfers per second with the choices of this contestant."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE alerts, alert_choices, category_rules")
        if who != "nobody":
            cursor.execute(CHOOSE, [NEVER if who == "chosen" else 0])
        cursor.execute("ANALYZE alert_choices")
    if who != "nobody":
        _rule_for_everybody()
    job = "tests.bench.jobs:pay_by_service"
    rate = float(sum(workers.run(job, seconds=scale.seconds, accounts=scale.accounts)))
    apply_rules()
    return rate


def _rule_for_everybody() -> None:
    for owner in User.objects.filter(accounts__isnull=False).distinct():
        save_rule(owner=owner, name="Rent", query="rent", category="housing")
