"""The page of the report about running totals."""

from collections.abc import Sequence
from itertools import groupby

from ledger.charts.geometry import BarChart, Mark
from ledger.text.dates import long_date
from ledger.text.money import money, signed
from transactions.reports import running_total
from transactions.reports.forms import FewMonthsForm
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    account_query,
    month_here,
    months_into,
)
from transactions.reports.wording import booked_month_query, booked_query

DRAWN = 12


def _behind(row: Row, params: ReportParameters) -> str:
    """Returns the search query for the entries of one month. A row may have several accounts, and
    the query contains a part for each of them.
    """
    return _each(row, params, booked_month_query(row["month"], params))


def _whole(row: Row, params: ReportParameters) -> str:
    """Returns the search query for the entries of the whole period. A row may have several
    accounts, and the query contains a part for each of them.
    """
    return _each(row, params, booked_query(params.values["since"], params.values["until"]))


def _each(row: Row, params: ReportParameters, days: str) -> str:
    accounts = account_query(row, params)
    return " or ".join(f"{account} {days}" for account in accounts.split(" or ") if account)


def _finding(rows: Sequence[Row], params: ReportParameters) -> str:
    most, whole = rows[0]["who"], rows[0]["whole"]
    sentence = money(abs(whole), params.currency)
    if whole > 0:
        return f"{most} gained most: {sentence}."
    if whole:
        return f"All balances fell. The smallest loss is that of {most}: {sentence}."
    return f"The balance of {most} did not change."


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    start = params.values["since"]
    since = f"since {long_date(start)}"
    if params.scope.is_bank:
        return (
            f"The sum of each customer's booked entries {since}. Transfers between their own "
            "accounts cancel out. The default period is short, because this report adds up all "
            "entries."
        )
    return f"The sum of each account's booked entries {since}, with transfers between your own."


def _chart(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    marks = []
    for _place, months in groupby(rows, key=lambda row: (row["whole"], row["holder"])):
        *_, last = rows_of_one = list(months)
        moved = sorted({each for row in rows_of_one for each in row["account_key"]})
        marks.append(
            Mark(
                label=last["who"],
                value=last["total"],
                value_label=signed(last["total"], params.currency),
                url=Column("who", "", query=_whole).url({**last, "account_key": moved}, params),
            )
        )
        if len(marks) == DRAWN:
            break
    return BarChart(f"Total at the end, in {params.currency}", marks)


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
    page_rows=60,
    comparison=Comparison(
        ("net",),
        lambda row, _place, params: (row["holder"], months_into(row["month"], params)),
        here=lambda key, params: {"month": month_here(key[1], params)},
    ),
)
