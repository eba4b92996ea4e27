"""Every report there is, in the order of the list."""

from transactions.report_pages.flows import MONEY_BY_MONTH
from transactions.report_pages.report import Report

REPORTS: tuple[Report, ...] = (MONEY_BY_MONTH,)
BY_SLUG = {report.slug: report for report in REPORTS}
