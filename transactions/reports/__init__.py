"""The queries of the reports: functions that take a `Scope` and parameters, and return rows.

The pages and charts of the reports are in `pages/`. `catalogue.py` lists all reports.
"""

from transactions.reports.queries.balances import balance_over_time, trial_balance
from transactions.reports.queries.cohorts import cohorts
from transactions.reports.queries.flows import money_by_month
from transactions.reports.queries.keys import metadata_keys
from transactions.reports.queries.ranks import accounts_by_balance, users_by_balance
from transactions.reports.queries.sizes import amount_distribution, amount_percentiles
from transactions.reports.queries.spending import spending_by_category, top_spenders
from transactions.reports.queries.times import by_weekday_and_hour
from transactions.reports.queries.totals import running_total
from transactions.reports.queries.unusual import unusual_movements

__all__ = [
    "accounts_by_balance",
    "amount_distribution",
    "amount_percentiles",
    "balance_over_time",
    "by_weekday_and_hour",
    "cohorts",
    "metadata_keys",
    "money_by_month",
    "running_total",
    "spending_by_category",
    "top_spenders",
    "trial_balance",
    "unusual_movements",
    "users_by_balance",
]
