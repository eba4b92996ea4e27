"""Registers every report, in the groups and the order of the list.

A new report is a query in `queries/`, a `Report` in `pages/`, and a line here.
"""

from typing import NamedTuple

from transactions.reports.pages.balances import BALANCE_OVER_TIME, TRIAL_BALANCE
from transactions.reports.pages.cohorts import COHORTS
from transactions.reports.pages.flows import MONEY_BY_MONTH
from transactions.reports.pages.keys import METADATA_KEYS
from transactions.reports.pages.ranks import ACCOUNTS_BY_BALANCE, USERS_BY_BALANCE
from transactions.reports.pages.sizes import AMOUNT_DISTRIBUTION, AMOUNT_PERCENTILES
from transactions.reports.pages.spending import SPENDING_BY_CATEGORY, TOP_SPENDERS
from transactions.reports.pages.times import BY_WEEKDAY_AND_HOUR
from transactions.reports.pages.totals import RUNNING_TOTAL
from transactions.reports.pages.unusual import UNUSUAL_MOVEMENTS
from transactions.reports.report import Report


class ReportGroup(NamedTuple):
    """Reports that stand together in the list, under a title."""

    title: str
    reports: tuple[Report, ...]


REPORT_GROUPS = (
    ReportGroup(
        "Money",
        (BALANCE_OVER_TIME, MONEY_BY_MONTH, SPENDING_BY_CATEGORY, RUNNING_TOTAL),
    ),
    ReportGroup(
        "Patterns",
        (BY_WEEKDAY_AND_HOUR, AMOUNT_DISTRIBUTION, AMOUNT_PERCENTILES, UNUSUAL_MOVEMENTS),
    ),
    ReportGroup("Customers", (USERS_BY_BALANCE, TOP_SPENDERS, COHORTS)),
    ReportGroup("The books", (ACCOUNTS_BY_BALANCE, TRIAL_BALANCE, METADATA_KEYS)),
)
REPORTS: tuple[Report, ...] = tuple(report for group in REPORT_GROUPS for report in group.reports)
BY_SLUG = {report.slug: report for report in REPORTS}
