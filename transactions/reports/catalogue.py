"""Every report there is, in the order of the list."""

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

REPORTS: tuple[Report, ...] = (
    BALANCE_OVER_TIME,
    MONEY_BY_MONTH,
    SPENDING_BY_CATEGORY,
    BY_WEEKDAY_AND_HOUR,
    AMOUNT_DISTRIBUTION,
    AMOUNT_PERCENTILES,
    UNUSUAL_MOVEMENTS,
    RUNNING_TOTAL,
    ACCOUNTS_BY_BALANCE,
    USERS_BY_BALANCE,
    TOP_SPENDERS,
    COHORTS,
    METADATA_KEYS,
    TRIAL_BALANCE,
)
BY_SLUG = {report.slug: report for report in REPORTS}
