"""The page of the report about cohorts of customers."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.utils import timezone

from ledger.charts.geometry import HeatMap, Mark
from ledger.text.dates import month_name, short_month
from ledger.text.lines import counted
from transactions.reports import cohorts
from transactions.reports.forms import CohortForm
from transactions.reports.queries.cohorts import FOLLOWED
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    months_into,
)


def _finding(rows: Sequence[Row], _params: ReportParameters) -> str:
    """Returns a sentence with the share of customers who sent money a number of months after
    joining. This is the largest number of complete months for which the report has rows. The share
    covers only customers who joined at least so many months ago.
    """
    joined = _people(row["people"] for row in rows if row["after"] == 0)
    this_month = timezone.localdate().replace(day=1)
    later = [row for row in rows if row["after"] and row["month"] < this_month]
    if not later:
        return f"{joined} joined. No full month has passed since then."
    last = max(row["after"] for row in later)
    there = [row for row in later if row["after"] == last]
    share = sum(row["active"] for row in there) / sum(row["people"] for row in there)
    months = counted(last, "month")
    moved = f"{share * 100:.0f}\N{NO-BREAK SPACE}% sent money {months} after joining."
    followed = sum(row["people"] for row in there)
    if _people([followed]) == joined:
        return f"{joined} joined. {moved}"
    return f"{joined} joined. Of the {followed:,} who joined at least {months} ago, {moved}"


def _people(counts: Iterable[int]) -> str:
    many = sum(counts)
    return "1 person" if many == 1 else f"{many:,} people"


def _payments(row: Row, _params: ReportParameters) -> str:
    """Returns the search query for the payments of one month by customers who joined in
    another month.
    """
    return f"joined:{row['joined']:%Y-%m} is:booked date:{row['month']:%Y-%m}"


def _basis(_rows: Sequence[Row], _params: ReportParameters) -> str:
    return (
        "Customers with an account are grouped by the month in which they joined. The numbers show "
        f"how many of them sent money in that month and in each of the {FOLLOWED} months after it. "
        "Transfers between own accounts count, holds do not. The current month is incomplete."
    )


_ACTIVE = Column("active", "Sent money", "count", _payments)


def _chart(rows: Sequence[Row], params: ReportParameters) -> HeatMap:
    joined = sorted({row["joined"] for row in rows})
    across = range(max(row["after"] for row in rows) + 1)
    marks = {
        (row["joined"], row["after"]): Mark(
            label=f"{row['share'] * 100:.0f}",
            title=f"Joined {month_name(row['joined'])}, in {month_name(row['month'])}",
            value=Decimal(row["share"]),
            value_label=f"{row['active']:,} of {row['people']:,}, {row['share'] * 100:.1f} %",
            url=_ACTIVE.url(row, params),
        )
        for row in rows
    }
    return HeatMap(
        "Percent of customers who sent money, by months after joining",
        across=[str(after) for after in across],
        down=[short_month(month) for month in joined],
        cells=[[marks.get((month, after)) for after in across] for month in joined],
    )


COHORTS = Report(
    function=cohorts,
    title="Customer cohorts",
    sketch="heat",
    question="How many customers who joined in a month were still active in the months after?",
    shows="generate_series, LATERAL and EXISTS",
    form=CohortForm,
    columns=(
        Column("joined", "Joined", "month"),
        Column("people", "People", "count"),
        Column("after", "Months after", "count"),
        Column("month", "Month", "month"),
        _ACTIVE,
        Column("share", "Share", "percent"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    bank_only=True,
    comparison=Comparison(
        ("active",),
        lambda row, _place, params: (months_into(row["joined"], params), row["after"]),
        adds_up=False,
    ),
)
