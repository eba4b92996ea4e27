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
from transactions.reports.ranks import accounts_by_balance, users_by_balance
from transactions.reports.totals import running_total

__all__ = [
    "JUST_MINUTES",
    "SPARK_DAYS",
    "Home",
    "Worth",
    "accounts_by_balance",
    "balance_over_time",
    "cohorts",
    "daily_balances",
    "home_of",
    "just_paid",
    "known_accounts",
    "money_by_month",
    "running_total",
    "times_paid",
    "trial_balance",
    "users_by_balance",
    "worth_of",
]
