"""Pages about spending."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.charts.geometry import BarChart, Mark
from ledger.text.lines import counted
from ledger.text.money import figure, money
from transactions.reports import spending_by_category, top_spenders
from transactions.reports.forms import PeriodForm
from transactions.reports.queries.spending import TOP, days_before
from transactions.reports.report import Column, Report, ReportParameters, Row, after_period
from transactions.reports.wording import (
    asked_period,
    booked,
    category_column,
    category_term,
    named,
    period,
    together,
)

DRAWN = 12  # bars; the table has all


class SpendingForm(PeriodForm):
    """This month so far, unless it is said."""

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        return {"since": today.replace(day=1).isoformat(), "until": today.isoformat()}


def _days_before(asked: ReportParameters) -> tuple[Any, Any]:
    return days_before(asked.values["since"], asked.values["until"])


def _paid(row: Row, days: str) -> str:
    return together(f"is:out -is:refund {days}", category_term(row["spent_on"]))


def _given_back(row: Row, days: str) -> str:
    """Most refunds have no category of their own, but that of what they refund."""
    return together(f"is:in {days}", category_term(row["spent_on"], "refunds"))


def _both(row: Row, days: str) -> str:
    paid, back = _paid(row, days), _given_back(row, days)
    return f"{paid} or {back}" if paid and back else ""


def _now(asked: ReportParameters) -> str:
    return booked(asked.values["since"], asked.values["until"])


def _net(row: Row, asked: ReportParameters) -> str:
    """What was paid, with what was given back of it where there is any."""
    return (_both if row["given_back"] else _paid)(row, _now(asked))


def _finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    spent = sum((row["net"] for row in rows), Decimal(0))
    more = spent - sum((row["before"] for row in rows), Decimal(0))
    then = period(*_days_before(asked))
    if spent < 0:
        return (
            f"{money(-spent, asked.currency)} more was given back than spent {asked_period(asked)}."
        )
    if not spent:
        return f"Nothing was spent {asked_period(asked)}."
    said = f"{money(spent, asked.currency)} spent {asked_period(asked)}"
    if more:
        than = "more" if more > 0 else "less"
        said += f", {figure(abs(more), asked.currency)} {than} than {then}"
    else:
        said += f", as much as {then}"
    most = rows[0]["spent_on"]
    return f"{said}; the most {f'on {most}' if most else 'without a category'}."


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    what = (
        "Withdrawals: what left the bank."
        if asked.scope.is_bank
        else "What went to others; moves between your accounts do not count."
    )
    return (
        f"{what} Net is spent less given back: a refund counts for the category of the payment "
        "it gives back. "
        f"Before is {period(*_days_before(asked)).removeprefix('from ').removeprefix('in ')}."
    )


def _chart(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    now, then = asked_period(asked), period(*_days_before(asked))
    marks = [
        Mark(
            label=named(row["spent_on"]),
            value=row["net"],
            said=figure(row["net"], asked.currency),
            url=asked.rows_behind(_net(row, asked)) if _net(row, asked) else "",
            against=row["before"],
            against_said=f"{then} {figure(row['before'], asked.currency)}",
        )
        for row in rows[:DRAWN]
    ]
    caption = f"Net, in {asked.currency}. The bar is {now}, the thin line {then}."
    return BarChart(f"Spent on each category, in {asked.currency}", marks, caption)


SPENDING_BY_CATEGORY = Report(
    function=spending_by_category,
    title="Spending by category",
    sketch="bars",
    question="What was money spent on, compared with the period before?",
    shows="Two periods in one query: Sum with FILTER, the share by a window",
    form=SpendingForm,
    columns=(
        category_column("spent_on"),
        Column("spent", "Spent", "money", lambda row, asked: _paid(row, _now(asked))),
        Column(
            "given_back", "Given back", "money", lambda row, asked: _given_back(row, _now(asked))
        ),
        Column("net", "Net", "money", _net),
        Column(
            "before", "Net before", "money",
            lambda row, asked: _both(row, booked(*_days_before(asked))),
        ),
        Column("change", "Change", "change"),
        Column("share", "Share", "percent"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    parts=(days_before,),
    shown=40,
    final_from=after_period,
)  # fmt: skip


class SpendersForm(PeriodForm):
    """The last thirty days of the whole bank, unless it is said."""

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        return {"since": (today - timedelta(days=29)).isoformat(), "until": today.isoformat()}


def _largest(row: Row, _asked: ReportParameters) -> str:
    return f"id:{row['ids'][0]}"


def _spent(row: Row, asked: ReportParameters) -> str:
    return f"account:{row['holder']} is:out -is:refund {_now(asked)}"


def _refunded(row: Row, asked: ReportParameters) -> str:
    return f"account:{row['holder']} is:in is:refund {_now(asked)}"


def _spent_net(row: Row, asked: ReportParameters) -> str:
    spent, back = _spent(row, asked), _refunded(row, asked)
    return f"{spent} or {back}" if row["given_back"] else spent


def _top_finding(rows: Sequence[Row], asked: ReportParameters) -> str:
    first = rows[0]
    return (
        f"{first['person']} spent the most {asked_period(asked)}: "
        f"{money(first['net'], asked.currency)} in {counted(first['payments'], 'payment')}."
    )


def _top_basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    who = "" if asked.scope.shows_names else " You may not see names, so people go by an account."
    return (
        f"The {TOP} people from whose accounts the most went to others, refunds taken off; moves "
        f"between their own accounts do not count.{who}"
    )


def _top_chart(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=row["person"],
            value=row["net"],
            said=figure(row["net"], asked.currency),
            url=asked.rows_behind(_spent_net(row, asked)),
        )
        for row in rows[:DRAWN]
    ]
    return BarChart(f"Who spent the most, net, in {asked.currency}", marks)


TOP_SPENDERS = Report(
    function=top_spenders,
    title="Top spenders",
    sketch="bars",
    question="Who spent the most, and what was their largest payment?",
    shows="Raw SQL: LATERAL and FETCH FIRST WITH TIES",
    form=SpendersForm,
    columns=(
        Column("person", "Who"),
        Column("place", "Rank", "count"),
        Column("spent", "Spent", "money", _spent),
        Column("given_back", "Given back", "money", _refunded),
        Column("net", "Net", "money", _spent_net),
        Column("payments", "Payments", "count", _spent),
        Column("average", "Average payment", "money"),
        Column("largest", "Largest", "money", _largest),
    ),
    finding=_top_finding,
    basis=_top_basis,
    chart=_top_chart,
    bank_only=True,
)
