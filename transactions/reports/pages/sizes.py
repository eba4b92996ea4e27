"""The pages of the reports about the amounts of payments."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from ledger.charts.geometry import BarChart, ColumnChart, Mark
from ledger.text.currencies import LARGEST_AMOUNT, minor_units
from ledger.text.money import figure, money
from transactions.reports import amount_distribution, amount_percentiles
from transactions.reports.forms import DirectionForm, FewMonthsForm
from transactions.reports.queries.aggregates import (
    Mode,
    PercentileCont,
    PercentileDisc,
    WithinGroup,
)
from transactions.reports.queries.sizes import EDGES, WidthBucket
from transactions.reports.report import (
    Column,
    Comparison,
    Report,
    ReportParameters,
    Row,
    after_period,
    rounded,
)
from transactions.reports.wording import (
    OWN_FLOWS,
    category_column,
    category_name,
    category_term,
    flows_query,
    joined_terms,
)

DRAWN = 12


class UsualForm(DirectionForm, FewMonthsForm):
    """A form with a direction and a period. The default period for the whole bank is short."""


def _went(params: ReportParameters) -> str:
    return "went out" if params.values["direction"] == "out" else "came in"


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    if params.scope.is_bank:
        return "Deposits and withdrawals. Transfers between the bank's accounts do not count."
    return OWN_FLOWS


def bounds(bucket: int, currency: str) -> tuple[Decimal, Decimal]:
    """Returns the smallest and the largest amount of a bucket, to the currency's smallest unit."""
    smallest = Decimal(1).scaleb(-minor_units(currency))
    if bucket == len(EDGES):
        return EDGES[-1], LARGEST_AMOUNT.quantize(smallest, ROUND_DOWN)
    return EDGES[bucket - 1], EDGES[bucket] - smallest


def _size(row: Row, params: ReportParameters) -> str:
    least, most = (figure(edge, params.currency) for edge in bounds(row["bucket"], params.currency))
    return least if least == most else f"{least} to {most}"


def digits(amount: Decimal) -> str:
    """Returns an amount for a search query, such as "90" or "4.99"."""
    return f"{amount.normalize():f}"


def _of_size(bucket: int, params: ReportParameters) -> str:
    least, most = bounds(bucket, params.currency)
    amount = digits(least) if least == most else f"{digits(least)}..{digits(most)}"
    return f"{flows_query(params)} amount:{amount}"


def _distribution(rows: Sequence[Row], params: ReportParameters) -> str:
    half = next(row for row in rows if row["up_to"] >= Decimal("0.5"))
    frequent = max(rows, key=lambda row: row["payments"])
    most = money(bounds(half["bucket"], params.currency)[1], params.currency)
    if len(rows) == 1:
        return f"All payments that {_went(params)} were of one size: {_size(frequent, params)}."
    share = f"{Decimal(half['up_to']) * 100:.0f}\N{NO-BREAK SPACE}%"
    return (
        f"{share} of the {half['whole']:,} payments that {_went(params)} were at most {most}. "
        f"The most frequent size was {_size(frequent, params)}."
    )


def short(edge: Decimal) -> str:
    """Returns an edge of a bucket as a label for the axis, such as "0.5", "20", "5k" or "1M"."""
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if edge >= unit:
            return f"{edge / unit:.0f}{letter}"
    return f"{edge.normalize():f}"


def _histogram(rows: Sequence[Row], params: ReportParameters) -> ColumnChart:
    found = {row["bucket"]: row for row in rows}
    marks = []
    for bucket in range(min(found), max(found) + 1):
        payments = found[bucket]["payments"] if bucket in found else 0
        marks.append(
            Mark(
                label=short(EDGES[bucket - 1]),
                title=f"{_size({'bucket': bucket}, params)} {params.currency}",
                value=Decimal(payments),
                value_label=f"{payments:,}",
                url=params.search_page(_of_size(bucket, params)) if payments else "",
            )
        )
    return ColumnChart(f"How many payments of each size, in {params.currency}", marks)


AMOUNT_DISTRIBUTION = Report(
    function=amount_distribution,
    title="Payment sizes",
    sketch="columns",
    question="How large are payments, and how many are there of each size?",
    shows="width_bucket over an array of edges, running totals over groups",
    form=DirectionForm,
    columns=(
        Column("bucket", "Amount", text=_size),
        Column(
            "payments",
            "Payments",
            "count",
            lambda row, params: _of_size(row["bucket"], params),
        ),
        Column("total", "Total", "money"),
        Column("share", "Share", "percent"),
        Column("up_to", "Cumulative share", "percent"),
    ),
    finding=_distribution,
    basis=_basis,
    chart=_histogram,
    parts=(WidthBucket,),
    final_from=after_period,
    comparison=Comparison(
        ("payments",), lambda row, _place, _params: row["bucket"], is_in_order=True
    ),
)


def _of_category(row: Row, params: ReportParameters) -> str:
    return joined_terms(flows_query(params), category_term(row["paid_for"]))


def _of_amount(row: Row, params: ReportParameters, amount: str) -> str:
    return joined_terms(_of_category(row, params), f"amount:{amount}")


def _usual(rows: Sequence[Row], params: ReportParameters) -> str:
    first = rows[0]
    category = first["paid_for"]
    what = f"{category} payments" if category else "payments without a category"
    median = money(rounded(first["median"], params.currency), params.currency)
    if first["payments"] == 1:
        of = f" for {category}" if category else " without a category"
        return f"One payment{of} {_went(params)}, of {median}."
    return (
        f"Half of the {first['payments']:,} {what} that {_went(params)} were at most {median}, "
        f"90\N{NO-BREAK SPACE}% at most {money(first['p90'], params.currency)}."
    )


def _usual_basis(rows: Sequence[Row], params: ReportParameters) -> str:
    sentence = _basis(rows, params)
    if not params.scope.is_bank:
        return sentence
    return f"{sentence} The default period is short, because percentiles sort every payment."


def _bars(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=category_name(row["paid_for"]),
            value=row["median"],
            value_label=figure(rounded(row["median"], params.currency), params.currency),
            url=params.search_page(_of_category(row, params)) if _of_category(row, params) else "",
            comparison=row["p90"],
            comparison_label=f"90\N{NO-BREAK SPACE}% at most {figure(row['p90'], params.currency)}",
        )
        for row in rows[:DRAWN]
    ]
    caption = f"In {params.currency}. Bar: median. Marker: 90\N{NO-BREAK SPACE}% are at most this."
    if len(rows) > DRAWN:
        caption += f" The chart shows the {DRAWN} categories with the most payments."
    return BarChart(f"Typical amounts by category, in {params.currency}", marks, caption)


AMOUNT_PERCENTILES = Report(
    function=amount_percentiles,
    title="Typical amounts by category",
    sketch="bars",
    question="How much is a typical payment of each category?",
    shows="Ordered-set aggregates: percentile_cont and mode",
    form=UsualForm,
    columns=(
        category_column("paid_for"),
        Column("payments", "Payments", "count", _of_category),
        Column("median", "Median", "money"),
        Column(
            "p90", "90\N{NO-BREAK SPACE}% at most", "money",
            lambda row, params: _of_amount(row, params, f">={digits(row['p90'])}"),
        ),
        Column(
            "p99", "99\N{NO-BREAK SPACE}% at most", "money",
            lambda row, params: _of_amount(row, params, f">={digits(row['p99'])}"),
        ),
        Column(
            "usual", "Most frequent", "money",
            lambda row, params: _of_amount(row, params, digits(row["usual"])),
        ),
    ),
    finding=_usual,
    basis=_usual_basis,
    chart=_bars,
    parts=(WithinGroup, PercentileDisc, PercentileCont, Mode),
    page_rows=30,
    final_from=after_period,
    comparison=Comparison(
        ("median",), lambda row, _place, _params: row["paid_for"], adds_up=False
    ),
)  # fmt: skip
