"""Pages about how large payments are."""

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
    Report,
    ReportParameters,
    Row,
    after_period,
    rounded,
)
from transactions.reports.wording import (
    OWN_FLOWS,
    category_column,
    category_term,
    flows,
    named,
    together,
)

DRAWN = 12


class UsualForm(DirectionForm, FewMonthsForm):
    """Which way, and a period that is short for the whole bank."""


def _went(asked: ReportParameters) -> str:
    return "went out" if asked.values["direction"] == "out" else "came in"


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    if asked.scope.is_bank:
        return "Deposits and withdrawals; what moved between the bank's accounts is not counted."
    return OWN_FLOWS


def bounds(bucket: int, currency: str) -> tuple[Decimal, Decimal]:
    """The least and the largest amount of a size."""
    smallest = Decimal(1).scaleb(-minor_units(currency))
    if bucket == len(EDGES):
        return EDGES[-1], LARGEST_AMOUNT.quantize(smallest, ROUND_DOWN)
    return EDGES[bucket - 1], EDGES[bucket] - smallest


def _size(row: Row, asked: ReportParameters) -> str:
    least, most = (figure(edge, asked.currency) for edge in bounds(row["bucket"], asked.currency))
    return least if least == most else f"{least} to {most}"


def digits(amount: Decimal) -> str:
    """An amount as it is searched for: "90", "4.99"."""
    return f"{amount.normalize():f}"


def _of_size(bucket: int, asked: ReportParameters) -> str:
    least, most = bounds(bucket, asked.currency)
    amount = digits(least) if least == most else f"{digits(least)}..{digits(most)}"
    return f"{flows(asked)} amount:{amount}"


def _distribution(rows: Sequence[Row], asked: ReportParameters) -> str:
    half = next(row for row in rows if row["up_to"] >= Decimal("0.5"))
    frequent = max(rows, key=lambda row: row["payments"])
    most = money(bounds(half["bucket"], asked.currency)[1], asked.currency)
    if len(rows) == 1:
        return f"All that {_went(asked)} was of one size: {_size(frequent, asked)}."
    share = f"{Decimal(half['up_to']) * 100:.0f}\N{NO-BREAK SPACE}%"
    return (
        f"{share} of the {half['whole']:,} payments that "
        f"{_went(asked)} came to {most} at most; {_size(frequent, asked)} was the most frequent "
        "size."
    )


def short(edge: Decimal) -> str:
    """An edge at the axis: "0.5", "20", "5k", "1M"."""
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if edge >= unit:
            return f"{edge / unit:.0f}{letter}"
    return f"{edge.normalize():f}"


def _histogram(rows: Sequence[Row], asked: ReportParameters) -> ColumnChart:
    found = {row["bucket"]: row for row in rows}
    marks = []
    for bucket in range(min(found), max(found) + 1):
        payments = found[bucket]["payments"] if bucket in found else 0
        marks.append(
            Mark(
                label=short(EDGES[bucket - 1]),
                title=f"{_size({'bucket': bucket}, asked)} {asked.currency}",
                value=Decimal(payments),
                said=f"{payments:,}",
                url=asked.rows_behind(_of_size(bucket, asked)) if payments else "",
            )
        )
    return ColumnChart(f"How many payments of each size, in {asked.currency}", marks)


AMOUNT_DISTRIBUTION = Report(
    function=amount_distribution,
    title="Payment sizes",
    sketch="columns",
    question="How large are payments, and how many are there of each size?",
    shows="width_bucket over an array of edges, running totals over groups",
    form=DirectionForm,
    columns=(
        Column("bucket", "Amount", words=_size),
        Column("payments", "Payments", "count", lambda row, asked: _of_size(row["bucket"], asked)),
        Column("total", "Together", "money"),
        Column("share", "Share", "percent"),
        Column("up_to", "This and smaller", "percent"),
    ),
    finding=_distribution,
    basis=_basis,
    chart=_histogram,
    parts=(WidthBucket,),
    final_from=after_period,
)


def _of_category(row: Row, asked: ReportParameters) -> str:
    return together(flows(asked), category_term(row["paid_for"]))


def _of_amount(row: Row, asked: ReportParameters, amount: str) -> str:
    return together(_of_category(row, asked), f"amount:{amount}")


def _usual(rows: Sequence[Row], asked: ReportParameters) -> str:
    first = rows[0]
    what = f"for {first['paid_for']}" if first["paid_for"] else "without a category"
    median = money(rounded(first["median"], asked.currency), asked.currency)
    if first["payments"] == 1:
        return f"One payment {what} {_went(asked)}, of {median}."
    return (
        f"Half of the {first['payments']:,} payments {what} that {_went(asked)} were at most "
        f"{median}, nine in ten at most {money(first['p90'], asked.currency)}."
    )


def _usual_basis(rows: Sequence[Row], asked: ReportParameters) -> str:
    said = _basis(rows, asked)
    if not asked.scope.is_bank:
        return said
    return (
        f"{said} Of the last months unless you ask for more: percentiles put every payment in "
        "order, and a few months have enough of each category."
    )


def _bars(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=named(row["paid_for"]),
            value=row["median"],
            said=figure(rounded(row["median"], asked.currency), asked.currency),
            url=asked.rows_behind(_of_category(row, asked)) if _of_category(row, asked) else "",
            against=row["p90"],
            against_said=f"nine in ten at most {figure(row['p90'], asked.currency)}",
        )
        for row in rows[:DRAWN]
    ]
    caption = (
        f"In {asked.currency}. Half of the payments come to no more than the bar, nine in ten to "
        "no more than the thin line."
    )
    return BarChart(f"What payments usually come to, in {asked.currency}", marks, caption)


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
        Column("median", "Half at most", "money"),
        Column(
            "p90", "Nine in ten at most", "money",
            lambda row, asked: _of_amount(row, asked, f">={digits(row['p90'])}"),
        ),
        Column(
            "p99", "99 in 100 at most", "money",
            lambda row, asked: _of_amount(row, asked, f">={digits(row['p99'])}"),
        ),
        Column(
            "usual", "Most often", "money",
            lambda row, asked: _of_amount(row, asked, digits(row["usual"])),
        ),
    ),
    finding=_usual,
    basis=_usual_basis,
    chart=_bars,
    parts=(WithinGroup, PercentileDisc, PercentileCont, Mode),
    shown=30,
    final_from=after_period,
)  # fmt: skip
