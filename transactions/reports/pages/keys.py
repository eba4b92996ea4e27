"""The page about metadata."""

from collections.abc import Sequence
from decimal import Decimal

from ledger.charts.geometry import BarChart, Mark
from transactions.reports import metadata_keys
from transactions.reports.forms import ReportForm
from transactions.reports.queries.keys import NEWEST
from transactions.reports.report import Column, Report, ReportParameters, Row
from transactions.search.language.terms import having

DRAWN = 12
TELLS_NOBODY = ("category", "channel")
SHOWN_OF_VALUE = 60  # characters of an example


class KeysForm(ReportForm):
    """Whose rows; metadata has no currency."""

    currency = None  # type: ignore[assignment]


def _having(row: Row, _asked: ReportParameters) -> str:
    """The search for the rows with a key; "" where it cannot be typed."""
    return having(row["path"])


def _example(row: Row, asked: ReportParameters) -> str:
    """The most frequent value; of what may name people, only for who may know names."""
    if not asked.scope.shows_names and row["key"] not in TELLS_NOBODY:
        return ""
    shown: str = row["example"]
    return (
        shown
        if len(shown) <= SHOWN_OF_VALUE
        else f"{shown[: SHOWN_OF_VALUE - 1]}\N{HORIZONTAL ELLIPSIS}"
    )


def _finding(rows: Sequence[Row], _asked: ReportParameters) -> str:
    first = rows[0]
    if len(rows) == 1:
        return f"One key is in use: {first['key']}, on {first['many']:,} rows."
    return f"{len(rows):,} keys are in use; {first['key']} is on the most rows, {first['many']:,}."


def _basis(_rows: Sequence[Row], asked: ReportParameters) -> str:
    whose = "the bank's" if asked.scope.is_bank else "your"
    return (
        f"From {whose} newest {NEWEST:,} transactions, holds among them, or all if there are "
        "fewer: what is written now is what one can search for next, however long the history."
    )


def _chart(rows: Sequence[Row], asked: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=row["key"],
            value=Decimal(row["many"]),
            said=f"{row['many']:,}",
            url=asked.rows_behind(_having(row, asked)) if _having(row, asked) else "",
        )
        for row in rows[:DRAWN]
    ]
    return BarChart("How many rows have each key", marks)


METADATA_KEYS = Report(
    function=metadata_keys,
    title="Metadata keys",
    sketch="bars",
    question="Which keys does the metadata of transactions have, and how often?",
    shows="WITH RECURSIVE and jsonb_each around a queryset",
    form=KeysForm,
    columns=(
        Column("key", "Key", behind=_having),
        Column("many", "Rows", "count"),
        Column("different", "Values", "count"),
        Column("kinds", "Kind"),
        Column("example", "Most often", words=_example),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
)
