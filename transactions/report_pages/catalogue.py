"""Every report there is, in the order of the list."""

from transactions.report_pages.balances import BALANCE_OVER_TIME, TRIAL_BALANCE
from transactions.report_pages.cohorts import COHORTS
from transactions.report_pages.flows import MONEY_BY_MONTH
from transactions.report_pages.ranks import ACCOUNTS_BY_BALANCE, USERS_BY_BALANCE
from transactions.report_pages.report import Report
from transactions.report_pages.totals import RUNNING_TOTAL

REPORTS: tuple[Report, ...] = (
    BALANCE_OVER_TIME,
    MONEY_BY_MONTH,
    RUNNING_TOTAL,
    ACCOUNTS_BY_BALANCE,
    USERS_BY_BALANCE,
    COHORTS,
    TRIAL_BALANCE,
)
BY_SLUG = {report.slug: report for report in REPORTS}
