"""Balances at given times, from the running balances that are stored with entries."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from ledger.text.dates import end_of_day, last_of_month, start_of_day
from transactions.models import Entry
from transactions.models.entry import EntryQuerySet
from transactions.reports.queries.flows import ZERO
from transactions.reports.queries.holders import account_key, account_label_sql
from transactions.scope import Scope

DAY, WEEK, MONTH, YEAR = "day", "week", "month", "year"
MAX_POINTS = 62  # max. number of rows that are readable in a chart, such as two months of days
MAX_LOOK_UPS = 20_000  # takes about 0.2 seconds
A_DAY = timedelta(days=1)


def balance_over_time(
    scope: Scope, *, currency: str, since: date, until: date, step: str = "", number: str = ""
) -> list[dict[str, Any]]:
    """Returns the balance at the end of each day, week, month or year. The balance is the balance
    of one account, or the sum of all accounts in the scope.

    The query looks up the last stored balance of each account before each time (LATERAL). So the
    balance on a day without entries is exact, and the query takes the same time for old and for new
    days. `first` and `day` are the first and last day of the period. `change` is the balance minus
    the balance of the previous period. Days in the future have no row. `step` is DAY, WEEK, MONTH
    or YEAR. If it is "", the function uses the shortest of these with at most MAX_POINTS rows.
    """
    until = min(until, timezone.localdate())
    accounts = scope.all_accounts().filter(
        currency=currency, **({"number": number} if number else {})
    )
    periods = periods_of(since, until, step or finest_step(since, until, accounts.count()))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(latest.balance), 0) AS balance,
                   coalesce(sum(latest.balance), 0)
                   - lag(coalesce(sum(latest.balance), 0)) OVER (ORDER BY moment.ends) AS change
            FROM unnest(%(ends)s::timestamptz[]) AS moment (ends)
            CROSS JOIN accounts AS account
            LEFT JOIN LATERAL (
                SELECT balance FROM entries
                WHERE account_id = account.id AND status = 'completed' AND created_at < moment.ends
                ORDER BY created_at DESC LIMIT 1
            ) AS latest ON true
            WHERE account.currency = %(currency)s
              AND (%(whole_bank)s OR account.id = ANY(%(mine)s))
              AND (%(number)s = '' OR account.number = %(number)s)
            GROUP BY moment.ends
            ORDER BY moment.ends
            OFFSET 1
            """,
            {
                "ends": [start_of_day(since), *(end_of_day(last) for _first, last in periods)],
                "currency": currency,
                "whole_bank": scope.is_bank,
                "mine": scope.ids,
                "number": number,
            },
        )
        found = cursor.fetchall()
    return [
        {"first": first, "day": last, "balance": balance, "change": change}
        for (first, last), (balance, change) in zip(periods, found, strict=False)
    ]


def periods_of(since: date, until: date, step: str) -> list[tuple[date, date]]:
    """Returns the first and last day of each period from `since` to `until`, oldest first. `step`
    is DAY, WEEK (starts on Monday), MONTH or YEAR.

    The first and the last period may be shorter than the others.
    """
    periods = []
    while since <= until:
        last = min(_last_of(since, step), until)
        periods.append((since, last))
        since = last + A_DAY
    return periods


def _last_of(day: date, step: str) -> date:
    """Returns the last day of the period (day, week, month or year) that contains this day."""
    if step == WEEK:
        return day + (6 - day.weekday()) * A_DAY
    if step == MONTH:
        return last_of_month(day)
    return date(day.year, 12, 31) if step == YEAR else day


def finest_step(since: date, until: date, accounts: int) -> str:
    """Returns the shortest interval (DAY, WEEK, MONTH or YEAR) for which the report has at most
    MAX_POINTS rows and needs at most MAX_LOOK_UPS look-ups.
    """
    most = min(MAX_POINTS, MAX_LOOK_UPS // max(accounts, 1))
    days = (until - since).days + 1
    for step, length, cut_short in ((DAY, 1, 0), (WEEK, 7, 2), (MONTH, 30, 2)):
        if days // length + cut_short <= most:
            return step
    return YEAR


def trial_balance(
    scope: Scope, *, currency: str, at: datetime, since: date | None = None
) -> list[dict[str, Any]]:
    """Returns one row for each account: the balance just before the time `at`, and the debits and
    credits since the day `since`. If `since` is None, all debits and credits are summed. The
    highest balance comes first.

    Balances come from the stored balances, and debits and credits are summed from the entries. So
    both can be compared: `opening` + `credit` - `debit` = `ending` in each row. `outside_in` and
    `outside_out` are the turnover with accounts outside the scope. All other turnover cancels out
    in the sum. Run this function in a snapshot, so that both queries read the same entries.
    """
    start = start_of_day(since) if since else None
    chain = Entry.objects.filter(account=OuterRef("pk"))
    accounts: QuerySet[Any, Any] = (
        scope.all_accounts()
        .filter(Q(created_at__lt=at) | Exists(chain.between(None, at)), currency=currency)
        .annotate(
            who=account_label_sql(scope),
            account_key=account_key(scope),
            opening=_last(chain.between(None, start)) if start else ZERO,
            ending=_last(chain.between(None, at)),
        )
        .order_by("-ending", "number")
        .values("pk", "who", "account_key", "opening", "ending")
    )
    is_in, is_out = Q(direction="credit"), Q(direction="debit")
    turnover: QuerySet[Any, Any] = (
        scope.entries()
        .filter(currency=currency)
        .between(start, at)
        .values("account")
        .annotate(
            debit=Sum("amount", filter=is_out, default=ZERO),
            credit=Sum("amount", filter=is_in, default=ZERO),
            outside_in=Sum("amount", filter=is_in & scope.is_outside, default=ZERO),
            outside_out=Sum("amount", filter=is_out & scope.is_outside, default=ZERO),
        )
    )
    moved = {row.pop("account"): row for row in turnover}
    return [{**account, **moved.get(account.pop("pk"), NO_TURNOVER)} for account in accounts]


NO_TURNOVER = dict.fromkeys(("debit", "credit", "outside_in", "outside_out"), Decimal(0))


def _last(entries: EntryQuerySet) -> Any:
    """Returns an expression for the balance after the newest of these entries, or zero without
    entries.
    """
    return Coalesce(Subquery(entries.newest_first().values("balance")[:1]), ZERO)
