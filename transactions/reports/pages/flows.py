"""The page of the report about money in and out."""

from collections.abc import Sequence

from django.utils import timezone

from ledger.charts.geometry import Mark, PairChart
from ledger.text.dates import month_mark, month_name
from ledger.text.money import figure, money, signed
from transactions.reports import money_by_month
from transactions.reports.forms import PeriodForm
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    after_period,
    month_here,
    months_into,
)
from transactions.reports.wording import OWN_FLOWS, booked_month_query


def _within(row: Row, params: ReportParameters) -> str:
    return booked_month_query(row["month"], params)


def _finding(rows: Sequence[Row], params: ReportParameters) -> str:
    last = rows[-1]
    month = month_name(last["month"])
    if last["month"] == timezone.localdate().replace(day=1):
        month += ", so far,"
    if not last["net"]:
        return f"In {month} money in and money out were equal."
    more, less = ("came in", "went out") if last["net"] > 0 else ("went out", "came in")
    return f"In {month} {money(abs(last['net']), params.currency)} more {more} than {less}."


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    if params.scope.is_bank:
        return (
            "Deposits and withdrawals: money that came into the bank or left it. "
            "Transfers between its accounts do not count."
        )
    return OWN_FLOWS


def _chart(rows: Sequence[Row], params: ReportParameters) -> PairChart:
    marks = [
        Mark(
            label=month_mark(row["month"]),
            title=month_name(row["month"]),
            value=row["money_in"],
            value_label=f"{figure(row['money_in'], params.currency)} in",
            comparison=row["money_out"],
            comparison_label=f"{figure(row['money_out'], params.currency)} out, "
            f"net {signed(row['net'], params.currency)}",
            url=params.search_page(_within(row, params)),
        )
        for row in rows
    ]
    caption = f"In {params.currency}. Filled: money in. Hollow: money out. Line: net."
    return PairChart(f"Money in and out of each month, in {params.currency}", marks, caption)


MONEY_BY_MONTH = Report(
    function=money_by_month,
    title="Money in and out",
    sketch="pairs",
    question="How much came in and went out, month by month?",
    shows="Window functions over groups: Lag, moving average by RANGE",
    form=PeriodForm,
    columns=(
        Column("month", "Month", "month"),
        Column("money_in", "In", "money", lambda row, params: f"is:in {_within(row, params)}"),
        Column(
            "money_out",
            "Out",
            "money",
            lambda row, params: f"is:out {_within(row, params)}",
        ),
        Column("net", "Net", "change"),
        Column("change", "Change from month before", "change"),
        Column("average", "Three-month average", "change"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    final_from=after_period,
    comparison=Comparison(
        ("money_in", "money_out"),
        lambda row, _place, params: months_into(row["month"], params),
        here=lambda number, params: {"month": month_here(number, params)},
        is_in_order=True,
    ),
)
