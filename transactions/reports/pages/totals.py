"""Pages about totals that run on."""

from collections.abc import Sequence
from itertools import groupby

from ledger.charts.geometry import BarChart, Mark
from ledger.text.money import money, signed
from transactions.reports import running_total
from transactions.reports.forms import FewMonthsForm
from transactions.reports.report import Column, Report, ReportParameters, Row, behind_account
from transactions.reports.wording import booked, booked_in

SHOWN_HOLDERS = 12


def _behind(row: Row, asked: ReportParameters) -> str:
    """The rows of one month; for several accounts the month is said with each."""
    return _each(row, asked, booked_in(row["month"], asked))


def _whole(row: Row, asked: ReportParameters) -> str:
    """The rows of the whole period, of all accounts that a row is about."""
    return _each(row, asked, booked(asked.values["since"], asked.values["until"]))


def _each(row: Row, asked: ReportParameters, days: str) -> str:
    accounts = behind_account(row, asked)
    return " or ".join(f"{account} {days}" for account in accounts.split(" or ") if account)


def _finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    most, whole = rows[0]["who"], rows[0]["whole"]
    said = money(abs(whole), asked.currency)
    if whole > 0:
        return f"{most} gained most: {said}."
    return f"Nothing gained; {most} lost least: {said}." if whole else f"{most} broke even."


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    start = asked.values["since"]
    since = f"since {start.day} {start:%B %Y}, from zero"
    if asked.scope.is_bank:
        return (
            f"What each person's booked entries add up to {since}. Moves between their own "
            "accounts cancel out. The period is short at first, for every row in it is added up."
        )
    return f"What each account's booked entries add up to {since}, moves between your own too."


def _chart(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    marks = []
    for _place, months in groupby(rows, key=lambda row: (row["whole"], row["holder"])):
        *_, last = rows_of_one = list(months)
        moved = sorted({each for row in rows_of_one for each in row["shown"]})
        marks.append(
            Mark(
                label=last["who"],
                value=last["total"],
                said=signed(last["total"], asked.currency),
                url=Column("who", "", behind=_whole).url({**last, "shown": moved}, asked),
            )
        )
        if len(marks) == SHOWN_HOLDERS:
            break
    return BarChart(f"Total at the end, in {asked.currency}", marks)


RUNNING_TOTAL = Report(
    function=running_total,
    title="Running total",
    sketch="bars",
    question="How did each balance grow, month by month?",
    shows="Sum over a window with a frame: ROWS UNBOUNDED PRECEDING",
    form=FewMonthsForm,
    columns=(
        Column("who", "Who", "text"),
        Column("month", "Month", "month"),
        Column("total", "Running total", "change"),
        Column("net", "In the month", "change", _behind),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    shown=60,
)
