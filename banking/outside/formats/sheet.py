"""Reads the heading and the first rows of a CSV file.

Note [Columns]: every bank names its columns differently. A mapping defines what the columns mean.
We guess the mapping from the names and the first rows, and the person can correct it. The mapping
is stored for later files with the same column names: `OutsideImport.heading` is the digest of these
names.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO

from banking.outside.formats.cells import is_day, is_figure
from banking.outside.formats.columns import can_be, may_mean
from banking.outside.formats.lines import (
    CUT,
    LONGEST_LINE,
    MAX_LINES,
    TooManyLines,
    UnreadableStatement,
    bounded,
    opened,
    text_lines,
)
from ledger.text.csv_records import CsvRecords, RecordTooLong
from ledger.text.lines import tidy_line

MAX_COLUMNS = 100
MAX_CELLS = 50 * MAX_LINES  # maximum number of cells in a file
LETTER_OR_DIGIT = re.compile(r"[^\W_]")
SEPARATORS = ";\t,|"
BEFORE_HEADING = 30  # maximum number of lines above the heading
SAMPLES = 20
MAX_SAMPLED_ROWS = 1000  # maximum number of rows that are searched for samples
NO_HEADING = (
    "No line contains the names of a date and an amount column. The file is neither CSV with a "
    "heading nor OFX, QIF, camt.053 or MT940."
)
NO_TABLE = (
    "No line contains the names of a date and an amount column, and no line has both values. The "
    "file is neither CSV nor OFX, QIF, camt.053 or MT940."
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The heading and the first rows of a CSV file. `after` is the number of lines above the first
    row.
    """

    names: tuple[str, ...]
    separator: str
    after: int
    rows: tuple[tuple[str, ...], ...]
    width: int = MAX_COLUMNS  # number of cells in the heading, including cells without a name
    is_known: bool = True  # whether the names include at least a date and an amount
    is_named: bool = True  # false if there is no heading; the names are then only numbers

    @property
    def digest(self) -> str:
        """The SHA-256 of the column names. A mapping is stored with this digest, and is used for
        later files with the same digest.
        """
        return hashlib.sha256("\x1f".join(self.names).encode()).hexdigest()

    def column(self, place: int | None) -> list[str]:
        """Returns the cells of a column in the first rows, without empty cells. Returns an empty
        list if `place` is None.
        """
        if place is None:
            return []
        return [row[place].strip() for row in self.rows if place < len(row) and row[place].strip()]


def sheet_of(source: IO[bytes], *, allow_unknown: bool = False, is_checked: bool = False) -> Sheet:
    """Reads and returns the heading and the first rows of a CSV file.

    `allow_unknown` allows unknown or missing column names, because a person can choose the columns
    on a page. `is_checked` means that the whole file was checked before, so only its beginning is
    read.

    Raises: UnreadableStatement if there is no heading or table.
    """
    with opened(source, is_checked=is_checked) as text:
        top = list(islice(text_lines(text), BEFORE_HEADING))
    if known := _most_even(top, _first_heading):
        names, after, separator = known
        rows = _first_rows(source, separator, after, is_checked=is_checked)
        return _named(names, separator, after, rows, top)
    found = _most_even(top, _table) if allow_unknown else None
    if found is None:
        raise UnreadableStatement(NO_TABLE if allow_unknown else NO_HEADING)
    names, after, separator = found
    rows = _first_rows(source, separator, after, is_checked=is_checked)
    if names:
        return replace(_named(names, separator, after, rows, top), is_known=False)
    names = tuple(f"column {number}" for number in range(1, max(map(len, rows)) + 1))
    return Sheet(names, separator, after, rows, is_known=False, is_named=False)


def _named(
    names: tuple[str, ...],
    separator: str,
    after: int,
    rows: tuple[tuple[str, ...], ...],
    top: Sequence[str],
) -> Sheet:
    with_side = _with_side(names, rows)
    heading = next(csv.reader([top[after - 1]], delimiter=separator), [])
    return Sheet(with_side, separator, after, rows, max(len(heading), len(with_side)))


def _first_rows(
    source: IO[bytes], separator: str, after: int, *, is_checked: bool
) -> tuple[tuple[str, ...], ...]:
    with opened(source, is_checked=is_checked) as text:
        rows = filter(_has_text, islice(_all_rows(text, separator, after), MAX_SAMPLED_ROWS))
        return tuple(tuple(cells) for _, cells in islice(rows, SAMPLES))


Beginning = tuple[tuple[str, ...], int]  # the names, and the number of lines above the first row


def _most_even(
    top: Sequence[str], beginning: Callable[[Sequence[str], str], Beginning | None]
) -> tuple[tuple[str, ...], int, str] | None:
    """Chooses the separator for which most rows have as many cells as the heading. Returns the
    column names, the number of lines above the first row, and this separator. Returns None if no
    separator fits.
    """
    found = []
    for separator in SEPARATORS:
        if begins := beginning(top, separator):
            names, after = begins
            widths = [len(cells) for _, cells in _rows_with_places(top[after:], separator)]
            width = len(names) or widths[0]
            found.append((widths.count(width), width, (names, after, separator)))
    return max(found, key=lambda each: each[:2])[2] if found else None


def _first_heading(top: Sequence[str], separator: str) -> Beginning | None:
    for place, line in enumerate(top):
        if names := _heading(line, separator):
            return names, place + 1
    return None


def _heading(line: str, separator: str) -> tuple[str, ...]:
    """Returns the column names in the line. Returns an empty tuple if the line does not contain the
    names of a date column and of an amount column.
    """
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return ()
    while cells and not cells[-1].strip():
        cells.pop()
    if len(cells) > MAX_COLUMNS:
        return ()
    names = tuple(map(name_of, cells))
    while names and not names[-1]:
        names = names[:-1]
    days = {name for name in names if may_mean(name, "date")}
    figures = {
        name for name in names if any(may_mean(name, role) for role in ("amount", "out", "in"))
    }
    is_both = days and figures and len(days | figures) > 1
    return names if is_both else ()


def _table(top: Sequence[str], separator: str) -> Beginning | None:
    """Finds a table whose column names are unknown. Returns its column names, and the number of
    lines above its first row. Returns an empty tuple of names if the table has no heading. Returns
    None if there is no table.

    The table begins at a line that contains a date and a number, and has as many cells as the next
    line.
    """
    rows = _rows_with_places(top, separator)
    skipped = set[int]()
    for place, (after, cells) in enumerate(rows):
        below = rows[place + 1 :]
        if not is_row(cells):
            continue
        if below and len(below[0][1]) != len(cells):
            skipped.add(len(cells))  # this row is above the table, for example a balance
            continue
        if len(cells) in skipped:
            return None  # otherwise a row of the table would be lost
        before, above = rows[place - 1] if place else (0, [])
        if len(above) != len(cells):
            return (), after
        if any(is_day(cell.strip()) for cell in above):
            return (), before
        names = tuple(name_of(cell) for cell in above)
        return (names, after) if sum(map(bool, names)) > 1 else ((), after)
    return None


def _rows_with_places(top: Sequence[str], separator: str) -> list[tuple[int, list[str]]]:
    """Returns a tuple for each row that is not empty: the number of lines above the row, and the
    cells of the row.
    """
    reader = csv.reader(top, delimiter=separator)
    rows, after = [], 0
    with suppress(csv.Error):
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((after, cells))
            after = reader.line_num
    return rows


def is_row(cells: Sequence[str]) -> bool:
    """Returns whether these cells can be a row of a statement: one cell is a date, and another cell
    is a number.
    """
    if len(cells) > MAX_COLUMNS:
        return False
    days = {place for place, cell in enumerate(cells) if is_day(cell.strip())}
    figures = {place for place, cell in enumerate(cells) if is_figure(cell)}
    return bool(days and figures and len(days | figures) > 1)


def _with_side(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Returns the column names. Some banks give no name to the last column, which contains the
    direction of the money, such as S or H. If each row has such an additional cell, adds an empty
    name.
    """
    last = [row[len(names)] for row in rows if len(row) == len(names) + 1]
    is_nameless = len(last) == len(rows) and can_be("side", last)
    return (*names, "") if is_nameless else names


def name_of(cell: str) -> str:
    return tidy_line(cell)[:100]


def cells_of(text: io.TextIOWrapper, separator: str, after: int) -> Iterator[tuple[int, list[str]]]:
    """Yields the line number and the cells of each row below the heading. Skips rows without a
    letter or a digit, such as a row of dashes.

    Raises: UnreadableStatement if a row cannot be read.
    """
    return filter(_has_text, _all_rows(text, separator, after))


def _has_text(row: tuple[int, list[str]]) -> bool:
    return any(map(LETTER_OR_DIGIT.search, row[1]))


def _all_rows(
    text: io.TextIOWrapper, separator: str, after: int
) -> Iterator[tuple[int, list[str]]]:
    lines = text_lines(text)
    for _ in range(after):
        next(lines, "")
    reader = CsvRecords(lines, separator=separator, longest=LONGEST_LINE)
    rows, count = bounded(reader), 0
    while True:
        try:
            cells = next(rows, None)
        except RecordTooLong:
            raise UnreadableStatement(
                f"Near line {reader.line_num + after:,}, a row has more than {LONGEST_LINE:,} "
                "characters, far more than a statement needs. Is a closing quote missing?"
            ) from None
        except csv.Error:
            raise UnreadableStatement(
                f"Near line {reader.line_num + after:,}, a closing quote is missing, or there is "
                f"text after it. {CUT}"
            ) from None
        if cells is None:
            return
        count += len(cells)
        if len(cells) > MAX_COLUMNS:
            raise UnreadableStatement(
                f"Line {reader.line_num + after:,} has {len(cells):,} cells. The limit is "
                f"{MAX_COLUMNS}. {CUT}"
            )
        if count > MAX_CELLS:
            raise TooManyLines(MAX_CELLS, "cells")
        yield reader.line_num + after, cells


def cells_under(
    source: IO[bytes], sheet: Sheet, places: Sequence[int | None]
) -> Generator[str, None, None]:
    """Yields the cells in the columns `places` in all rows of the file, without empty cells.
    Ignores each None in `places`. Stops before a row that cannot be read.

    Raises: TooManyLines if the file has too many rows or cells.
    """
    columns = [place for place in places if place is not None]
    with _until_unreadable(), opened(source) as text:
        for _, cells in cells_of(text, sheet.separator, sheet.after):
            for place in columns:
                if place < len(cells) and (typed := cells[place].strip()):
                    yield typed


def refuse_too_many_rows(source: IO[bytes], sheet: Sheet) -> None:
    """Raises TooManyLines if the file has too many rows or cells. Must be called before a person
    chooses the columns of the file.
    """
    with _until_unreadable(), opened(source) as text:
        for _ in cells_of(text, sheet.separator, sheet.after):
            pass


@contextmanager
def _until_unreadable() -> Iterator[None]:
    """Ends the `with` block without an error if a part of the file cannot be read. The reader of
    the lines later raises this error.

    Raises: TooManyLines if the block raises it.
    """
    try:
        yield
    except TooManyLines:
        raise
    except UnreadableStatement:
        return
