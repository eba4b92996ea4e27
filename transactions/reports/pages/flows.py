"""Pages about what came in and what went out."""

from collections.abc import Sequence

from django.utils import timezone

from ledger.charts.geometry import Mark, PairChart
from ledger.text.money import figure, money, signed
from transactions.reports import money_by_month
from transactions.reports.forms import PeriodForm
from transactions.reports.report import Column, Report, ReportParameters, Row, after_period
from transactions.reports.wording import OWN_FLOWS, booked_in


def _within(row: Row, asked: ReportParameters) -> str:
    return booked_in(row["month"], asked)


def _finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    last = rows[-1]
    month = f"{last['month']:%B %Y}"
    if last["month"] == timezone.localdate().replace(day=1):
        month += ", so far,"
    if not last["net"]:
        return f"In {month} as much came in as went out."
    more, less = ("came in", "went out") if last["net"] > 0 else ("went out", "came in")
    return f"In {month} {money(abs(last['net']), asked.currency)} more {more} than {less}."


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    if asked.scope.is_bank:
        return (
            "Deposits and withdrawals: what came into the bank and left it. "
            "What moved between its accounts is not counted."
        )
    return OWN_FLOWS


def _chart(rows: Sequence[Row], asked: ReportParameters) -> PairChart:
    marks = [
        Mark(
            label=f"{row['month']:%b}",
            title=f"{row['month']:%B %Y}",
            value=row["money_in"],
            said=f"{figure(row['money_in'], asked.currency)} in",
            against=row["money_out"],
            against_said=f"{figure(row['money_out'], asked.currency)} out, "
            f"net {signed(row['net'], asked.currency)}",
            url=asked.rows_behind(_within(row, asked)),
        )
        for row in rows
    ]
    caption = f"In {asked.currency}. Filled: money in. Hollow: money out. Line: net."
    return PairChart(f"Money in and out of each month, in {asked.currency}", marks, caption)


MONEY_BY_MONTH = Report(
    function=money_by_month,
    title="Money in and out",
    sketch="pairs",
    question="How much came in and went out, month by month?",
    shows="Window functions over groups: Lag, moving average by RANGE",
    form=PeriodForm,
    columns=(
        Column("month", "Month", "month"),
        Column("money_in", "In", "money", lambda row, asked: f"is:in {_within(row, asked)}"),
        Column("money_out", "Out", "money", lambda row, asked: f"is:out {_within(row, asked)}"),
        Column("net", "Net", "change"),
        Column("change", "Against the month before", "change"),
        Column("average", "Average of three months", "change"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    final_from=after_period,
)
