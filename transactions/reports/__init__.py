"""Reads that answer a question: each a function of a `Reach` and its parameters.

What the pages show of them, and how they are drawn, is in `transactions.report_pages`.
"""

from transactions.reports.balances import balance_over_time, trial_balance
from transactions.reports.cohorts import cohorts
from transactions.reports.flows import money_by_month
from transactions.reports.home import (
    JUST_MINUTES,
    SPARK_DAYS,
    Home,
    Worth,
    daily_balances,
    home_of,
    just_paid,
    known_accounts,
    times_paid,
    worth_of,
)
from transactions.reports.keys import metadata_keys
from transactions.reports.ranks import accounts_by_balance, users_by_balance
from transactions.reports.sizes import amount_distribution, amount_percentiles
from transactions.reports.spending import spending_by_category, top_spenders
from transactions.reports.times import by_weekday_and_hour
from transactions.reports.totals import running_total
from transactions.reports.unusual import unusual_movements

__all__ = [
    "JUST_MINUTES",
    "SPARK_DAYS",
    "Home",
    "Worth",
    "accounts_by_balance",
    "amount_distribution",
    "amount_percentiles",
    "balance_over_time",
    "by_weekday_and_hour",
    "cohorts",
    "daily_balances",
    "home_of",
    "just_paid",
    "known_accounts",
    "metadata_keys",
    "money_by_month",
    "running_total",
    "spending_by_category",
    "times_paid",
    "top_spenders",
    "trial_balance",
    "unusual_movements",
    "users_by_balance",
    "worth_of",
]
