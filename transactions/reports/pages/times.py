"""The page of the report about weekdays and hours."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils import timezone

from ledger.charts.geometry import HeatMap, Mark
from ledger.text.lines import counted
from ledger.text.money import figure, money
from transactions.reports import by_weekday_and_hour
from transactions.reports.forms import DirectionForm
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    after_period,
)
from transactions.reports.wording import flows_query

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def _weekday(row: Row, _params: ReportParameters) -> str:
    day: int = row["weekday"]
    return WEEKDAYS[day - 1]


def _in_hour(row: Row, params: ReportParameters) -> str:
    return f"{flows_query(params)} weekday:{_weekday(row, params)[:3].lower()} hour:{row['hour']}"


def clock(hour: int) -> str:
    """Returns an hour of the day as text, such as "14:00 to 15:00"."""
    return f"{hour:02}:00 to {hour + 1:02}:00"


def _finding(rows: Sequence[Row], params: ReportParameters) -> str:
    most = rows[0]
    went = "goes out" if params.values["direction"] == "out" else "comes in"
    hour = f"{_weekday(most, params)}s from {clock(most['hour'])}"
    payments = counted(most["payments"], "payment")
    return f"Most money {went} on {hour}: {money(most['total'], params.currency)} in {payments}."


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    what = "Deposits and withdrawals" if params.scope.is_bank else "Payments from and to others"
    zone = timezone.get_current_timezone_name()
    return f"{what}, by booking time in the bank's time zone ({zone})."


def brief(amount: Decimal) -> str:
    """Returns an amount as a text of at most four characters: "38", "1.2k", "310k", "4.5M"."""
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if amount >= unit:
            part = amount / unit
            return f"{part:.1f}{letter}" if part < Decimal("9.95") else f"{part:.0f}{letter}"
    return f"{amount:.0f}" if amount >= 1 else "<1"


def _chart(rows: Sequence[Row], params: ReportParameters) -> HeatMap:
    found = {(row["hour"], row["weekday"]): row for row in rows}
    hours = range(min(hour for hour, _ in found), max(hour for hour, _ in found) + 1)
    return HeatMap(
        name=f"{params.currency} by weekday and hour; the strongest colour is the top quarter",
        across=[name[:3] for name in WEEKDAYS],
        down=[f"{hour:02}:00" for hour in hours],
        cells=[[_mark(found.get((hour, day)), params) for day in range(1, 8)] for hour in hours],
        by_rank=True,
    )


def _mark(row: Row | None, params: ReportParameters) -> Mark | None:
    if row is None:
        return None
    total = figure(row["total"], params.currency)
    return Mark(
        label=brief(row["total"]),
        title=f"{_weekday(row, params)[:3]} {row['hour']:02}:00",
        value=row["total"],
        value_label=f"{total} in {counted(row['payments'], 'payment')}",
        url=params.search_page(_in_hour(row, params)),
    )


BY_WEEKDAY_AND_HOUR = Report(
    function=by_weekday_and_hour,
    title="Activity by weekday and hour",
    sketch="heat",
    question="On which days and at what hours does money move?",
    shows="EXTRACT in the bank's time zone, GROUP BY weekday and hour",
    form=DirectionForm,
    columns=(
        Column("weekday", "Day", text=_weekday),
        Column("hour", "Hour", text=lambda row, _: f"{row['hour']:02}:00"),
        Column("payments", "Payments", "count", _in_hour),
        Column("total", "Total", "money"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    page_rows=8,
    final_from=after_period,
    comparison=Comparison(("total",), lambda row, _place, _params: (row["weekday"], row["hour"])),
)
