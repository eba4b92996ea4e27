"""Parses a payment file line by line. The format is CSV in UTF-8, with a heading, and with commas
or semicolons between the cells.

A file that cannot be read as a whole raises `UnreadableFile`. The module `storage` checks single
lines.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from ledger.text.csv_records import CsvRecords, RecordTooLong
from ledger.text.lines import shortened, tidy_line

COLUMNS = ("to", "name", "amount", "description", "reference")
NEEDED = ("to", "amount")
MAX_LINES = 50_000
MAX_BYTES = 32 * 1024 * 1024
MAX_RAW_LINES = 20 * MAX_LINES  # maximum number, with empty lines and lines inside quotes
LONGEST_LINE = 20_000  # maximum number of characters
LONGEST_CELL = 1000  # maximum number of characters that are kept; all columns allow fewer
HEADING = ",".join(COLUMNS)
EXAMPLE = (
    f"{HEADING}\r\n"
    "4821 0937 5557,Mara Lindt,950.00,Rent for November,R-11\r\n"
    '1730 5526 1809,Jo Wolf,"1,240.50","Invoice 7, paid in full",INV-7\r\n'
)
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # the first bytes of .xlsx, .ods and .xls
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class UnreadableFile(Exception):
    """Raised if a file cannot be read as a whole. The message contains the reason and a next step
    for the person.
    """


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line with tidied cells. `extra` is the number of cells after the last column of the
    heading.

    In the amount, only ordinary spaces are tidied. Other invisible characters stay, so that the
    line is refused later.
    """

    number: int
    to: str
    amount: str
    description: str
    reference: str
    name: str = ""
    extra: int = 0


def rows_of(source: IO[bytes]) -> Iterator[FileRow]:
    """Yields the payments of a file, from its beginning.

    Raises: UnreadableFile if the file cannot be read as a whole.
    """
    _refuse_other_formats(source)
    source.seek(0)
    text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
    number = 0
    try:
        reader = _reader(text)
        names: list[str] = []
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _heading(cells)
                continue
            yield _row(number, names, cells)
    except UnicodeDecodeError:
        where = f"After line {number}" if number else "In one of the first lines"
        raise UnreadableFile(
            f"{where} there is a character that is not UTF-8. Save the file as "
            "\u201cCSV UTF-8\u201d and choose it again."
        ) from None
    except RecordTooLong:
        raise UnreadableFile(
            f"From line {number + 1} on, a payment has more than {LONGEST_LINE:,} characters, far "
            "more than it needs. Was a quote opened and not closed?"
        ) from None
    except csv.Error as error:
        raise UnreadableFile(_about_quotes(number + 1, error)) from None
    finally:
        text.detach()  # does not close the file


def measure(source: IO[bytes]) -> tuple[str, int]:
    """Returns a digest of all payments in the file, and the number of payments.

    The digest does not depend on the separator and on the names of recipients. So a file that pays
    the same accounts again has the same digest, even if it has another separator or other names.

    Raises: UnreadableFile if the file contains no payments, or too many.
    """
    digest, count = hashlib.sha256(), 0
    for row in rows_of(source):
        count += 1
        if count > MAX_LINES:
            raise UnreadableFile(
                f"The file has more than {MAX_LINES:,} payments. Split it into smaller files."
            )
        for cell in (row.to, row.amount, row.description, row.reference, str(row.extra)):
            digest.update(cell.encode() + b"\x1f")
    if not count:
        raise UnreadableFile("The file has a heading, but no payments below it.")
    return digest.hexdigest(), count


def _refuse_other_formats(source: IO[bytes]) -> None:
    source.seek(0, io.SEEK_END)
    size = source.tell()
    source.seek(0)
    start = source.read(4096)
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise UnreadableFile("The file is empty. Its first line names the columns: " + HEADING)
    if size > MAX_BYTES:
        raise UnreadableFile(
            f"The file has more than {MAX_BYTES // 1024**2} MB. Split it into smaller files."
        )
    if start.startswith(SPREADSHEETS):
        raise UnreadableFile(
            "This is a spreadsheet. Open it and save it as \u201cCSV UTF-8\u201d, then choose "
            "that file."
        )
    if start.startswith(UTF_16) or b"\x00" in start:
        raise UnreadableFile(
            "This is not UTF-8 text. Save the file as \u201cCSV UTF-8\u201d and choose it again."
        )


def _reader(text: io.TextIOWrapper) -> Iterable[list[str]]:
    """Yields the cells of each line. The separator is a comma or a semicolon, whichever is more
    frequent in the heading.
    """
    first = next((line for line in _lines(text) if line.strip()), "")
    separator = ";" if first.count(";") > first.count(",") else ","
    text.seek(0)
    return CsvRecords(_lines(text), separator=separator, longest=LONGEST_LINE)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yields the lines of the file.

    Raises: UnreadableFile if a line is longer than LONGEST_LINE, or if there are more than
    MAX_RAW_LINES lines.
    """
    count = 0
    while line := text.readline(LONGEST_LINE + 1):
        count += 1
        if count > MAX_RAW_LINES:
            raise UnreadableFile(
                f"The file has more than {MAX_RAW_LINES:,} lines, and most of them are empty. "
                "Remove the empty lines, or split the file."
            )
        if len(line) > LONGEST_LINE:
            raise UnreadableFile(
                f"A line of the file has more than {LONGEST_LINE:,} characters, far more than a "
                "payment needs. Was a quote opened and not closed, or is it another file?"
            )
        yield line


def _heading(cells: Iterable[str]) -> list[str]:
    """Returns the column names in the heading, in lower case.

    Raises: UnreadableFile if a name is unknown or occurs twice, or if a required name is missing.
    """
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not set(names) & set(COLUMNS):
        raise UnreadableFile(
            f"The first line does not name the columns. Begin the file with {HEADING}"
        )
    for name in names:
        if name not in COLUMNS:
            quoted = shortened(tidy_line(name))
            column = f"the column \u201c{quoted}\u201d" if name else "a column without a name"
            raise UnreadableFile(
                f"The heading has {column}, which payments do not have. "
                f"The columns are {', '.join(COLUMNS)}."
            )
    for name in COLUMNS:
        if names.count(name) > 1:
            raise UnreadableFile(
                f"The heading has the column “{name}” twice. Keep only one of these columns."
            )
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise UnreadableFile(
            f"The heading has no column \u201c{missing[0]}\u201d. Payments need "
            f"{' and '.join(NEEDED)}; name, description and reference may be left out."
        )
    return names


def _row(number: int, names: list[str], cells: list[str]) -> FileRow:
    extra = sum(1 for cell in cells[len(names) :] if cell.strip())
    texts = {
        name: (_spaced if name == "amount" else _tidy)(cell)
        for name, cell in zip(names, cells, strict=False)
    }
    typed = {name: texts.get(name, "") for name in COLUMNS}
    return FileRow(number=number, extra=extra, **typed)


def _tidy(cell: str) -> str:
    """Returns the result of `tidy_line`, cut to LONGEST_CELL. Is faster than `tidy_line` for cells
    that contain only ordinary spaces.
    """
    plain = cell.isascii() and cell.isprintable()
    return (" ".join(cell.split()) if plain else tidy_line(cell))[:LONGEST_CELL]


def _spaced(cell: str) -> str:
    """Returns the cell, cut to LONGEST_CELL. Replaces several ordinary spaces by one, and does not
    change other characters.
    """
    return " ".join(part for part in cell.strip(" \t\r\n").split(" ") if part)[:LONGEST_CELL]


def _about_quotes(number: int, error: csv.Error) -> str:
    if "expected after" in str(error):
        return (
            f"In line {number}, there is text after a closing quote. Write a quote within text "
            "twice, like \u201cthe \u201d\u201dold\u201d\u201d house\u201d."
        )
    return (
        f"From line {number} on, a quote is opened and not closed. Close it, or write a quote "
        "within text twice."
    )
