"""The page of the report about metadata keys."""

from collections.abc import Sequence
from decimal import Decimal

from ledger.charts.geometry import BarChart, Mark
from ledger.text.lines import cut, shortened, visible
from transactions.reports import metadata_keys
from transactions.reports.forms import ReportForm
from transactions.reports.queries.keys import NEWEST
from transactions.reports.report import Column, Report, ReportParameters, Row
from transactions.search.language.query import KEYS_WITHOUT_NAMES
from transactions.search.language.terms import having

DRAWN = 12
LONGEST_KEY = 200  # maximum length of a shown key, in characters
EXAMPLE_CHARACTERS = 60  # maximum length of a shown example value, in characters


class KeysForm(ReportForm):
    """A form that has only the scope, because metadata keys have no currency."""

    currency = None  # type: ignore[assignment]


def _having(row: Row, _params: ReportParameters) -> str:
    """Returns the search query for the rows that have the key. Returns "" if the query language
    cannot express the key.
    """
    return having(row["path"])


def _example(row: Row, params: ReportParameters) -> str:
    """Returns the most frequent value of the key. Returns "" if the key may contain names and the
    reader may not see names.
    """
    if not params.scope.shows_names and row["key"] not in KEYS_WITHOUT_NAMES:
        return ""
    return cut(visible(row["example"]), EXAMPLE_CHARACTERS)


def _key(row: Row, _params: ReportParameters | None = None) -> str:
    return shortened(visible(row["key"]), LONGEST_KEY)


def _finding(rows: Sequence[Row], _params: ReportParameters) -> str:
    first = rows[0]
    if len(rows) == 1:
        return f"One key is in use: {_key(first)}, on {first['row_count']:,} rows."
    rows_with_key = f"{_key(first)} is on the most rows, {first['row_count']:,}"
    return f"{len(rows):,} keys are in use; {rows_with_key}."


def _basis(_rows: Sequence[Row], params: ReportParameters) -> str:
    owner = "the bank's" if params.scope.is_bank else "your"
    return (
        f"From {owner} newest {NEWEST:,} transactions, holds included, or all if there are fewer."
    )


def _chart(rows: Sequence[Row], params: ReportParameters) -> BarChart:
    marks = [
        Mark(
            label=_key(row),
            value=Decimal(row["row_count"]),
            value_label=f"{row['row_count']:,}",
            url=params.search_page(_having(row, params)) if _having(row, params) else "",
        )
        for row in rows[:DRAWN]
    ]
    return BarChart("Rows with each key", marks)


METADATA_KEYS = Report(
    function=metadata_keys,
    title="Metadata keys",
    sketch="bars",
    question="Which keys does the metadata of transactions have, and how often?",
    shows="WITH RECURSIVE and jsonb_each around a queryset",
    form=KeysForm,
    columns=(
        Column("key", "Key", query=_having, text=_key, file_text=lambda row, _params: row["key"]),
        Column("row_count", "Rows", "count"),
        Column("distinct_values", "Values", "count"),
        Column("types", "Kind"),
        Column("example", "Most frequent", text=_example),
    ),
    finding=_finding,
    basis=_basis,
    chart=_chart,
)
