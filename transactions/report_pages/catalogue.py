"""Every report there is, in the order of the list."""

from transactions.report_pages.flows import MONEY_BY_MONTH
from transactions.report_pages.keys import METADATA_KEYS
from transactions.report_pages.report import Report
from transactions.report_pages.sizes import AMOUNT_DISTRIBUTION, AMOUNT_PERCENTILES
from transactions.report_pages.spending import SPENDING_BY_CATEGORY, TOP_SPENDERS
from transactions.report_pages.times import BY_WEEKDAY_AND_HOUR
from transactions.report_pages.unusual import UNUSUAL_MOVEMENTS

REPORTS: tuple[Report, ...] = (
    MONEY_BY_MONTH,
    SPENDING_BY_CATEGORY,
    BY_WEEKDAY_AND_HOUR,
    AMOUNT_DISTRIBUTION,
    AMOUNT_PERCENTILES,
    UNUSUAL_MOVEMENTS,
    TOP_SPENDERS,
    METADATA_KEYS,
)
BY_SLUG = {report.slug: report for report in REPORTS}
