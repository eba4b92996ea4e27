"""Lists every report, in the order and groups of the page with all reports.

To add a report, write a query in `queries/`, a `Report` in `pages/`, and a line here.
"""

from typing import NamedTuple

from django.http import Http404

from accounts.models import User
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
from transactions.scope import may_read_bank


class ReportGroup(NamedTuple):
    """Reports that are listed together under a title."""

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


def reports_for(reader: User) -> list[ReportGroup]:
    """Returns the groups of reports that this reader may open. Empty groups are left out."""
    reads_bank = may_read_bank(reader)
    groups = [
        ReportGroup(
            title, tuple(report for report in reports if reads_bank or not report.bank_only)
        )
        for title, reports in REPORT_GROUPS
    ]
    return [group for group in groups if group.reports]


def report_or_404(reader: User, slug: str) -> Report:
    """Returns the report with this slug.

    Raises: Http404 if there is no such report, or if the reader may not open the report.
    """
    chosen = BY_SLUG.get(slug)
    if chosen is None or (chosen.bank_only and not may_read_bank(reader)):
        raise Http404
    return chosen
