"""The pages of the reports about spending."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.charts.geometry import BarChart, Mark
from ledger.text.dates import long_date
from ledger.text.lines import counted
from ledger.text.money import figure, money
from transactions.reports import spending_by_category, top_spenders
from transactions.reports.forms import (
    COMPARISONS,
    NOTHING,
    PERIOD_BEFORE,
    YEAR_BEFORE,
    Choice,
    PeriodForm,
)
from transactions.reports.queries.spending import PUT_ASIDE, TOP, days_before
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    after_period,
)
from transactions.reports.wording import (
    booked_query,
    category_column,
    category_name,
    category_term,
    joined_terms,
    period,
    period_text,
)

DRAWN = 12  # maximum number of bars in the chart; the table has all rows
KEPT = f"Money in the category {category_name(PUT_ASIDE)} is put aside, not spent."


class SpendingForm(PeriodForm):
    """A form with a period. The default is the current month until today.

    The report always has columns that compare the period with the previous period, even without a
    chosen comparison.
    """

    compare = Choice(
        label="Compare with",
        choices=[
            (NOTHING, COMPARISONS[PERIOD_BEFORE]),
            (PERIOD_BEFORE, f"{COMPARISONS[PERIOD_BEFORE]}, in percent too"),
            (YEAR_BEFORE, COMPARISONS[YEAR_BEFORE]),
        ],
    )

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        return {"since": today.replace(day=1).isoformat(), "until": today.isoformat()}


def _days_before(params: ReportParameters) -> tuple[Any, Any]:
    return days_before(params.values["since"], params.values["until"])


def _paid(row: Row, days: str) -> str:
    return joined_terms(f"is:out -is:refund {days}", category_term(row["spent_on"]))


def _given_back(row: Row, days: str) -> str:
    """Returns the search query for refunds in a category. Most refunds have no category, so the
    query uses the category of the refunded payment.
    """
    return joined_terms(f"is:in {days}", category_term(row["spent_on"], "refunds"))


def _both(row: Row, days: str) -> str:
    paid, back = _paid(row, days), _given_back(row, days)
    return f"{paid} or {back}" if paid and back else ""


def _now(params: ReportParameters) -> str:
    return booked_query(params.values["since"], params.values["until"])


def _net(row: Row, params: ReportParameters) -> str:
    """Returns the search query for the payments of a category, and for its refunds if there are
    any.
    """
    return (_both if row["given_back"] else _paid)(row, _now(params))


def _finding(rows: Sequence[Row], params: ReportParameters) -> str:
    spent = sum((row["net"] for row in rows), Decimal(0))
    more = spent - sum((row["before"] for row in rows), Decimal(0))
    then = period(*_days_before(params))
    if spent < 0:
        return (
            f"Refunds exceeded spending by {money(-spent, params.currency)} {period_text(params)}."
        )
    if not spent:
        return f"Nothing was spent {period_text(params)}."
    sentence = f"{money(spent, params.currency)} spent {period_text(params)}"
    why_not = ""
    if not params.goes_back and params.compare != YEAR_BEFORE:
        first_day = long_date(_days_before(params)[0])
        why_not = f" Nothing was booked by {first_day}, so there is nothing to compare."
    elif more:
        than = "more" if more > 0 else "less"
        sentence += f", {figure(abs(more), params.currency)} {than} than {then}"
    else:
        sentence += f", as much as {then}"
    most = rows[0]["spent_on"]
    return f"{sentence}; the largest category is {category_name(most)}.{why_not}"


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    what = (
        "Withdrawals: money that left the bank."
        if params.scope.is_bank
        else (
            "Payments to others. Transfers between your own accounts do not count. Your own "
            "categories replace the categories of the payments."
        )
    )
    before = period(*_days_before(params)).removeprefix("from ").removeprefix("in ")
    return (
        f"{what} {KEPT} Refunds are subtracted from the category of the refunded payment. "
        f"The period before is {before}."
    )


def _chart(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    now, then = period_text(params), period(*_days_before(params))
    marks = [
        Mark(
            label=category_name(row["spent_on"]),
            value=row["net"],
            value_label=figure(row["net"], params.currency),
            url=params.search_page(_net(row, params)) if _net(row, params) else "",
            comparison=row["before"],
            comparison_label=f"{then} {figure(row['before'], params.currency)}",
        )
        for row in rows[:DRAWN]
    ]
    caption = f"Net, in {params.currency}. Bar: {now}. Marker: {then}."
    return BarChart(f"Spending by category, in {params.currency}", marks, caption)


SPENDING_BY_CATEGORY = Report(
    function=spending_by_category,
    title="Spending by category",
    sketch="bars",
    question="What was money spent on, compared with the period before?",
    shows="Two periods in one query: Sum with FILTER, the share by a window",
    form=SpendingForm,
    columns=(
        category_column("spent_on"),
        Column("spent", "Spent", "money", lambda row, params: _paid(row, _now(params))),
        Column(
            "given_back", "Refunded", "money", lambda row, params: _given_back(row, _now(params))
        ),
        Column("net", "Net", "money", _net),
        Column(
            "before", "Net before", "money",
            lambda row, params: _both(row, booked_query(*_days_before(params))),
        ),
        Column("change", "Change", "change"),
        Column("share", "Share", "percent"),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
    parts=(days_before,),
    page_rows=33,
    final_from=after_period,
    comparison=Comparison(
        ("net",), lambda row, _place, _params: row["spent_on"], instead_of=("before", "change")
    ),
)  # fmt: skip


class SpendersForm(PeriodForm):
    """A form with a period. The default is the last thirty days."""

    def defaults(self) -> dict[str, Any]:
        today = timezone.localdate()
        return {"since": (today - timedelta(days=29)).isoformat(), "until": today.isoformat()}


def _largest(row: Row, _params: ReportParameters) -> str:
    return f"id:{row['ids'][0]}"


def _spent(row: Row, params: ReportParameters) -> str:
    return f"account:{row['holder']} is:out -is:refund -category:{PUT_ASIDE} {_now(params)}"


def _refunded(row: Row, params: ReportParameters) -> str:
    return f"account:{row['holder']} is:in is:refund -refunds:{PUT_ASIDE} {_now(params)}"


def _spent_net(row: Row, params: ReportParameters) -> str:
    spent, back = _spent(row, params), _refunded(row, params)
    return f"{spent} or {back}" if row["given_back"] else spent


def _top_finding(rows: Sequence[Row], params: ReportParameters) -> str:
    first = rows[0]
    return (
        f"{first['person']} spent the most {period_text(params)}: "
        f"{money(first['net'], params.currency)} in {counted(first['payments'], 'payment')}."
    )


def _top_basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    who = (
        ""
        if params.scope.shows_names
        else " Account numbers replace the names that you may not see."
    )
    return (
        f"The {TOP} customers who paid most to others, minus refunds. Transfers between their "
        f"own accounts do not count. {KEPT}{who}"
    )


def _top_chart(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=row["person"],
            value=row["net"],
            value_label=figure(row["net"], params.currency),
            url=params.search_page(_spent_net(row, params)),
        )
        for row in rows[:DRAWN]
    ]
    return BarChart(f"Top spenders, net, in {params.currency}", marks)


TOP_SPENDERS = Report(
    function=top_spenders,
    title="Top spenders",
    sketch="bars",
    question="Who spent the most, and what was their largest payment?",
    shows="Raw SQL: LATERAL and FETCH FIRST WITH TIES",
    form=SpendersForm,
    columns=(
        Column("person", "Customer"),
        Column("place", "Rank", "count"),
        Column("spent", "Spent", "money", _spent),
        Column("given_back", "Refunded", "money", _refunded),
        Column("net", "Net", "money", _spent_net),
        Column("payments", "Payments", "count", _spent),
        Column("average", "Average payment", "money"),
        Column("largest", "Largest", "money", _largest),
    ),
    finding=_top_finding,
    basis=_top_basis,
    chart=_top_chart,
    bank_only=True,
    comparison=Comparison(("net",), lambda row, _place, _params: row["holder"], adds_up=False),
)
