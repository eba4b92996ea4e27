"""Reads that answer a question: each a function of a `Reach` and its parameters.

What the pages show of them, and how they are drawn, is in `transactions.report_pages`.
"""

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

__all__ = [
    "JUST_MINUTES",
    "SPARK_DAYS",
    "Home",
    "Worth",
    "daily_balances",
    "home_of",
    "just_paid",
    "known_accounts",
    "money_by_month",
    "times_paid",
    "worth_of",
]
