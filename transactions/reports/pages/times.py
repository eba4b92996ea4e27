"""Pages about when money moves."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils import timezone

from ledger.charts.geometry import HeatMap, Mark
from ledger.text.lines import counted
from ledger.text.money import figure, money
from transactions.reports import by_weekday_and_hour
from transactions.reports.forms import DirectionForm
from transactions.reports.report import Column, Report, ReportParameters, Row, after_period
from transactions.reports.wording import flows

WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def _weekday(row: Row, _asked: ReportParameters) -> str:
    day: int = row["weekday"]
    return WEEKDAYS[day - 1]


def _in_hour(row: Row, asked: ReportParameters) -> str:
    return f"{flows(asked)} weekday:{_weekday(row, asked)[:3].lower()} hour:{row['hour']}"


def clock(hour: int) -> str:
    """The hour that begins then: "14:00 to 15:00"."""
    return f"{hour:02}:00 to {hour + 1:02}:00"


def _finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    most = rows[0]
    went = "goes out" if asked.values["direction"] == "out" else "comes in"
    hour = f"{_weekday(most, asked)}s from {clock(most['hour'])}"
    payments = counted(most["payments"], "payment")
    return f"The most {went} on {hour}: {money(most['total'], asked.currency)} in {payments}."


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    what = (
        "Deposits and withdrawals"
        if asked.scope.is_bank
        else "What came from others and went to others"
    )
    zone = timezone.get_current_timezone_name()
    return f"{what}, by the time they were booked, on the bank's clock ({zone})."


def brief(amount: Decimal) -> str:
    """An amount in at most four characters: "38", "1.2k", "310k", "4.5M"."""
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if amount >= unit:
            part = amount / unit
            return f"{part:.1f}{letter}" if part < Decimal("9.95") else f"{part:.0f}{letter}"
    return f"{amount:.0f}" if amount >= 1 else "<1"


def _chart(rows: Sequence[Row], asked: ReportParameters) -> HeatMap:
    found = {(row["hour"], row["weekday"]): row for row in rows}
    hours = range(min(hour for hour, _ in found), max(hour for hour, _ in found) + 1)
    return HeatMap(
        name=f"{asked.currency} in each hour of the week; the quarter with the most stands out",
        across=[name[:3] for name in WEEKDAYS],
        down=[f"{hour:02}:00" for hour in hours],
        cells=[[_mark(found.get((hour, day)), asked) for day in range(1, 8)] for hour in hours],
        by_rank=True,
    )


def _mark(row: Row | None, asked: ReportParameters) -> Mark | None:
    if row is None:
        return None
    return Mark(
        label=brief(row["total"]),
        title=f"{_weekday(row, asked)[:3]} {row['hour']:02}:00",
        value=row["total"],
        said=f"{figure(row['total'], asked.currency)} in {counted(row['payments'], 'payment')}",
        url=asked.rows_behind(_in_hour(row, asked)),
    )


BY_WEEKDAY_AND_HOUR = Report(
    function=by_weekday_and_hour,
    title="Activity by weekday and hour",
    sketch="heat",
    question="On which days and at what hours does money move?",
    shows="EXTRACT in the bank's time zone, GROUP BY weekday and hour",
    form=DirectionForm,
    columns=(
        Column("weekday", "Day", words=_weekday),
        Column("hour", "Hour", words=lambda row, _: f"{row['hour']:02}:00"),
        Column("payments", "Payments", "count", _in_hour),
        Column("total", "Together", "money"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    shown=12,
    final_from=after_period,
)
