"""Checks an answer: runs the answer in a session of the explorer, and compares its rows with the
rows of the solution.

Note [The role of an answer]: an answer does not run as the cookbook's role. This role cannot sign
in, so its session belongs to the web role, and RESET ROLE in an answer would return to the web
role. So an answer runs as the explorer's role, with its limits: see Note [The wall] in
`explorer.running.session`.

Note [Equal rows]: the answer is right if it has the same rows as the solution, each as often. The
order counts only if the exercise asks for an order. The names of columns do not count, but their
order does. Numbers are compared by value, rounded to four decimals. A date is equal to the time
00:00 (UTC) of this date. All other values are compared as text.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from cookbook.exercises.exercise import Exercise
from cookbook.practice.readiness import SCHEMA
from cookbook.practice.role import SECONDS
from explorer.access import QueryReader
from explorer.pages.result import ShownResult
from explorer.running.anywhere import run_anywhere
from explorer.running.run import QueryRequest, QueryResult, ResultColumn

MAX_ROWS, MEGABYTES = 200, 1
ZERO_TIME = re.compile(r"(?: 00:00:00)?(?:\+00)?$")
Row = tuple[str | None, ...]


class PracticeReader(QueryReader):
    """A reader of the practice bank, which contains no rows of real people."""

    schema = SCHEMA
    time_zone = "UTC"


@dataclass(frozen=True, slots=True)
class RowDifference:
    """The first difference between an answer and the solution: a sentence, and the two rows that
    differ. A row is None if there is no such row. `lacks_index` is True if the rows are right, but
    the plan does not use the index of the exercise.
    """

    sentence: str
    answered: Row | None = None
    expected: Row | None = None
    lacks_index: bool = False


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer with its result. `difference` is None if the rows are right or were not read."""

    sql: str
    result: QueryResult
    difference: RowDifference | None = None

    @property
    def is_right(self) -> bool:
        return self.result.was_run and self.difference is None

    @property
    def compared(self) -> list[tuple[str, Row]]:
        """The two rows that differ, with their headings. A missing row is empty."""
        if self.difference is None:
            return []
        rows = (self.difference.answered, self.difference.expected)
        return [(name, row or ()) for name, row in zip(("Your row", "Solution"), rows, strict=True)]

    @property
    def shown(self) -> ShownResult:
        return ShownResult(self.result, self.sql, MAX_ROWS)


def check(exercise: Exercise, sql: str) -> CheckedAnswer:
    """Runs the answer and the solution, and returns the checked answer.

    Raises: NotSetUp; ExplorerBusy; OperationalError if no server responds.
    """
    result = _run(sql, plan="estimate")
    if not result.was_run:
        return CheckedAnswer(sql, result)
    solution = _run(exercise.read_only_sql)
    if not solution.was_run:
        return CheckedAnswer(sql, solution)
    difference = difference_between(result, solution, is_ordered=exercise.is_ordered)
    if difference is None and exercise.index and not _uses_index(exercise, result.plan):
        kind = "an Index Only Scan on" if exercise.is_index_only else "the index"
        sentence = f"The rows are right, but the plan does not use {kind} {exercise.index}."
        return CheckedAnswer(sql, result, RowDifference(sentence, lacks_index=True))
    return CheckedAnswer(sql, result, difference)


def _run(sql: str, plan: str = "") -> QueryResult:
    query_request = QueryRequest(sql, {}, MAX_ROWS, SECONDS, plan, MEGABYTES)
    return run_anywhere(query_request, PracticeReader())


def _uses_index(exercise: Exercise, plan: str) -> bool:
    scan = "Index Only Scan" if exercise.is_index_only else r"Index (?:Only )?Scan"
    return re.search(rf"{scan}(?: Backward)? (?:using|on) {exercise.index}\b", plan) is not None


def difference_between(
    answer: QueryResult, solution: QueryResult, *, is_ordered: bool
) -> RowDifference | None:
    """Returns the first difference between two results, or None: see Note [Equal rows]."""
    width, expected_width = len(answer.columns), len(solution.columns)
    if width != expected_width:
        return RowDifference(
            f"The number of columns differs: the answer has {width}, and the solution has"
            f" {expected_width}."
        )
    pairs = list(zip(answer.columns, solution.columns, strict=True))
    rows, expected = _comparable(answer.rows, pairs), _comparable(solution.rows, pairs)
    extra = _first_without(rows, Counter(expected))
    missing = _first_without(expected, Counter(rows))
    if len(rows) != len(expected) or answer.has_more:
        sentence = (
            f"The number of rows differs: the answer has {'more than ' * answer.has_more}"
            f"{len(rows)}, and the solution has {len(expected)}."
        )
    elif extra is not None:
        sentence = f"Row {extra + 1} is not in the solution."
    elif is_ordered and rows != expected:
        extra = missing = next(n for n, row in enumerate(rows) if row != expected[n])
        sentence = f"The rows are right, but the order is not: row {extra + 1} differs."
    else:
        return None
    return RowDifference(
        sentence,
        None if extra is None else answer.rows[extra],
        None if missing is None else solution.rows[missing],
    )


def _first_without(rows: Sequence[object], others: "Counter[object]") -> int | None:
    """Returns the position of the first row that `others` does not contain, or None."""
    for position, row in enumerate(rows):
        if not others[row]:
            return position
        others[row] -= 1
    return None


def _comparable(
    rows: Sequence[Row], pairs: Sequence[tuple[ResultColumn, ResultColumn]]
) -> list[object]:
    return [
        tuple(_value(text, pair) for text, pair in zip(row, pairs, strict=True)) for row in rows
    ]


def _value(text: str | None, pair: tuple[ResultColumn, ResultColumn]) -> object:
    """Returns a value of a column in a form that is equal for equal values. `pair` are the columns
    of the answer and of the solution.
    """
    if text is None:
        return None
    if all(column.is_number for column in pair):
        return _number(text)
    if all(column.kind in ("date", "time") for column in pair):
        return ZERO_TIME.sub("", text)
    return text


def _number(text: str) -> Decimal | str:
    try:
        number = Decimal(text)
        return round(number, 4) if number.is_finite() else text
    except InvalidOperation:  # not a number, or too many digits to round
        return text
