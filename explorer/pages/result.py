"""The parts of a result on the page: the headline, the table, the chart, and the position of an
error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from explorer.running.run import MAX_CHARACTERS, TOO_LONG, Problem, QueryResult
from ledger.charts.geometry import BarChart, Chart, ColumnChart, Mark
from ledger.text.lines import counted, shortened, visible
from ledger.text.money import NOTHING, figure

MAX_MARKS = 24
LONGEST_LABEL = 40
LONG_CELL = 48  # characters; a longer value may wrap
FOLDED_CELL = 240  # characters; a longer value is collapsed


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """The line of a query with an error, in three parts: the text before the word with the error,
    this word, and the text after it.
    """

    number: int
    before: str
    word: str
    after: str


@dataclass(frozen=True, slots=True)
class ResultCell:
    """A value in the table of the result. None stands for NULL."""

    value: str | None
    is_number: bool

    @property
    def css(self) -> str:
        if self.value is None:
            return "explorer__null"
        return "num" if self.is_number else "cell--long" if len(self.value) > LONG_CELL else ""

    @property
    def start(self) -> str:
        """The beginning of a value that would make its row too high, or "" for a shorter value."""
        if self.is_number or self.value is None or len(self.value) <= FOLDED_CELL:
            return ""
        return shortened(self.value, FOLDED_CELL // 2)


@dataclass(frozen=True, slots=True)
class ShownResult:
    """A result with the attributes that the template needs. `limit` is the maximum number of
    rows.
    """

    result: QueryResult
    sql: str
    limit: int

    @property
    def sentence(self) -> str:
        if self.result.problem:
            return self._why_not(self.result.problem)
        if self.result.missing:
            return "This query needs values"
        if self.result.has_more:
            return f"The first {self.limit:,} rows"
        return counted(len(self.result.rows), "row") if self.result.rows else "No rows"

    def _why_not(self, problem: Problem) -> str:
        if problem.state == TOO_LONG:
            return "That took too long"
        return "Postgres refused this query" if problem.state else "This cannot be shown"

    @property
    def marked(self) -> MarkedLine | None:
        """The line with the error, or None if Postgres reported no position."""
        problem = self.result.problem
        if problem is None or problem.place is None:
            return None
        return marked_line(self.sql, problem.place)

    @property
    def rows(self) -> Iterator[list["ResultCell"]]:
        """Yields the cells of each row."""
        numbers = [column.is_number for column in self.result.columns]
        for row in self.result.rows:
            yield [
                ResultCell(value and visible(value), is_number)
                for value, is_number in zip(row, numbers, strict=True)
            ]

    @property
    def chart(self) -> Chart | None:
        return chart_of(self.result)

    @property
    def is_cut(self) -> bool:
        """Whether one of the values was too long and was cut off."""
        return any(len(v) > MAX_CHARACTERS for row in self.result.rows for v in row if v)


def marked_line(sql: str, place: int) -> MarkedLine:
    """Returns the line of the query at the position `place`, split around the word at this
    position. Returns the last line for a position after the end.
    """
    place = min(place, len(sql))
    start = sql.rfind("\n", 0, place) + 1
    end = sql.find("\n", place)
    line = sql[start : end if end >= 0 else len(sql)]
    at = place - start
    stop = at
    while stop < len(line) and (line[stop].isalnum() or line[stop] in "_."):
        stop += 1
    stop = max(stop, min(at + 1, len(line)))
    return MarkedLine(sql.count("\n", 0, start) + 1, line[:at], line[at:stop], line[stop:])


def chart_of(result: QueryResult) -> Chart | None:
    """Returns a chart of the numbers in the second column. The first column contains the labels.
    The chart has columns if the labels are dates, otherwise bars. Returns None if the second column
    is not a column of numbers, or if the number of rows is not between 2 and MAX_MARKS.
    """
    columns, rows = result.columns, result.rows
    if len(columns) < 2 or not columns[1].is_number or not 2 <= len(rows) <= MAX_MARKS:
        return None
    marks = _marks(rows)
    if len(marks) != len(rows):
        return None
    name = f"{columns[1].name} by {columns[0].name}"
    return ColumnChart(name, marks) if columns[0].kind == "date" else BarChart(name, marks)


def _marks(rows: Sequence[Sequence[str | None]]) -> list[Mark]:
    marks = []
    for row in rows:
        value = _number(row[1])
        if value is None:
            break
        label = visible(row[0] or NOTHING)
        rounded = value if value == value.to_integral() else value.quantize(Decimal("0.01"))
        marks.append(Mark(shortened(label, LONGEST_LABEL), value, figure(rounded), title=label))
    return marks


def _number(text: str | None) -> Decimal | None:
    try:
        value = Decimal(text or "")
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < Decimal(10) ** 25 else None
