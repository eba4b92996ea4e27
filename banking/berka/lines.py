"""Reads the lines of the bank's files and the values in the lines. A line that cannot be read
becomes a `Refusal`.
"""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

COLUMNS = {
    "client.asc": ("client_id", "birth_number"),
    "account.asc": ("account_id", "date"),
    "disp.asc": ("client_id", "account_id", "type"),
    "trans.asc": (
        *("trans_id", "account_id", "date", "type", "operation", "amount", "balance"),
        *("k_symbol", "bank", "account"),
    ),
}
MAY_BE_EMPTY = {"operation", "k_symbol", "bank", "account"}
IDENTIFIER = re.compile(r"[0-9]{1,10}", re.ASCII)
DAY = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})", re.ASCII)
MONEY = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
PARTNER = re.compile(r"[0-9A-Za-z-]{0,34}", re.ASCII)


class UnreadableSource(Exception):
    """Raised if a file cannot be read. The message contains the path of the file."""


class BrokenLine(ValueError):
    """Raised if a row cannot be imported. The message contains the reason."""


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A line that was not imported, and the reason."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.reason}."


@contextmanager
def refused(refusals: list[Refusal], file: str, line: int) -> Iterator[None]:
    """Catches a BrokenLine that the `with` block raises, and adds a refusal of this line to
    `refusals`.
    """
    try:
        yield
    except BrokenLine as broken:
        refusals.append(Refusal(file, line, str(broken)))


def rows(directory: Path, file: str, refusals: list[Refusal]) -> Iterator[tuple[int, list[str]]]:
    """Yields the line number and the wanted fields of each line. Adds the lines that cannot be read
    to `refusals`.

    Parses each line separately, so that a missing quotation mark does not affect the next line.
    """
    path = directory / file
    try:
        with path.open(encoding="latin-1", newline="") as lines:
            header = next(csv.reader([next(lines, "")], delimiter=";"), [])
            places = _places(path, header)
            for number, line in enumerate(lines, start=2):
                if not line.strip():
                    continue
                fields = None
                with refused(refusals, file, number):
                    fields = _fields(line, len(header), places)
                if fields is not None:
                    yield number, fields
    except csv.Error:
        raise UnreadableSource(f"The first line of {path} does not name its columns.") from None
    except FileNotFoundError:
        raise UnreadableSource(f"There is no file {path}.") from None
    except OSError as error:
        raise UnreadableSource(f"The file {path} cannot be read: {error.strerror}.") from None


def _places(path: Path, header: list[str]) -> dict[str, int]:
    """Returns a dict from the name of each wanted column to its position in a line.

    Raises: UnreadableSource if a column is missing.
    """
    wanted = COLUMNS[path.name]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise UnreadableSource(f"The first line of {path} names no column {', '.join(missing)}.")
    return {name: header.index(name) for name in wanted}


def _fields(line: str, width: int, places: dict[str, int]) -> list[str]:
    try:
        fields = next(csv.reader([line], delimiter=";", strict=True))
    except csv.Error:
        raise BrokenLine("its quotation marks do not match") from None
    if len(fields) != width:
        raise BrokenLine(f"{len(fields)} fields where the first line names {width}")
    wanted = [fields[place].strip() for place in places.values()]
    for name, value in zip(places, wanted, strict=True):
        if not value and name not in MAY_BE_EMPTY:
            raise BrokenLine(f"the field {name} is empty")
    return wanted


def identifier(column: str, value: str) -> int:
    if not IDENTIFIER.fullmatch(value):
        raise BrokenLine(f"the {column} {value!r} is not a number of up to ten digits")
    return int(value)


def day(column: str, value: str) -> date:
    """Returns the date in a text of the form YYMMDD. The years are 1900 to 1999.

    Raises: BrokenLine if the text is not a date.
    """
    match = DAY.fullmatch(value)
    try:
        if match:
            return date(1900 + int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        pass
    raise BrokenLine(f"the {column} {value!r} is not a day as YYMMDD")


def birthday(value: str) -> date:
    """Returns the date of birth in a birth number. A birth number is YYMMDD, and 50 is added to the
    month for women.

    Raises: BrokenLine if the text is not a date.
    """
    month = value[2:4]
    if month.isdecimal() and int(month) > 50:
        value = f"{value[:2]}{int(month) - 50:02}{value[4:]}"
    return day("birth_number", value)


def money(column: str, value: str) -> Decimal:
    if not MONEY.fullmatch(value):
        raise BrokenLine(f"the {column} {value!r} is not an amount like 700.00")
    return Decimal(value)


def partner(column: str, value: str) -> str:
    """Returns the code of the other bank or account. Returns "" for "0": there is no other bank or
    account.

    Raises: BrokenLine if the text has an invalid character.
    """
    if not PARTNER.fullmatch(value):
        raise BrokenLine(f"the partner's {column} {value!r} has an invalid character")
    return "" if value == "0" else value
