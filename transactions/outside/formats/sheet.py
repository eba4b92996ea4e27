"""CSV: the line of column names, what they mean, and the lines below.

Note [Columns]: every bank names its columns differently. A mapping says what they mean; it is
guessed from the names and the first lines, corrected by the person, and remembered by the digest of
the names (`OutsideImport.heading`).
"""

import csv
import hashlib
import io
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from ledger.text.lines import shortened, tidy_line
from transactions.outside.formats.lines import (
    CUT,
    OutsideLine,
    UnreadableStatement,
    full_year,
    made_day,
    made_line,
    not_an_amount,
    opened,
    text_lines,
)

SEPARATORS = ";\t,|"
BEFORE_HEADING = 30  # lines that a bank may write above the names of the columns
SAMPLES = 20
MOST_COLUMNS = 100
ROLES = ("date", "amount", "out", "in", "other", "reference", "id")
ORDERS = ("dmy", "mdy", "ymd")
# Words of column names by what they mean, in the languages of banks near us.
WORDS = {
    "date": "date datum fecha data dato buchungstag buchungsdatum päivä posted",
    "amount": "amount betrag importe montant importo valor bedrag belopp beløb umsatz summe value",
    "out": "debit out withdrawal soll ausgang ausgaben débit paid-out cargo",
    "in": "credit in deposit haben eingang einnahmen crédit paid-in abono",
    "other": "payee name counterparty beneficiary auftraggeber empfänger beguenstigter begünstigter"
    " zahlungspflichtiger zahlungsempfänger naam merchant counter",
    "reference": "reference referenz referencia référence kundenreferenz",
    "id": "id transaction-id fitid transaktionsnummer",
    "text": "description text memo verwendungszweck buchungstext details concepto libellé narrative"
    " omschrijving descripción purpose note",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The beginning of a CSV file. `after` is how many lines come before the first row."""

    names: tuple[str, ...]
    separator: str
    after: int
    rows: tuple[tuple[str, ...], ...]

    @property
    def digest(self) -> str:
        """Of the names of the columns, by which a mapping is remembered."""
        return hashlib.sha256("\x1f".join(self.names).encode()).hexdigest()


def sheet_of(source: IO[bytes]) -> Sheet:
    """Reads the names of the columns and the first lines. Raises UnreadableStatement."""
    with opened(source) as text:
        top = list(islice(text_lines(text), BEFORE_HEADING))
    separator = max(SEPARATORS, key=lambda mark: max((line.count(mark) for line in top), default=0))
    for place, line in enumerate(top):
        names = _heading(line, separator)
        if names:
            with opened(source) as text:
                rows = _cells(text, separator, place + 1)
                first = tuple(tuple(cells) for _, cells in islice(rows, SAMPLES))
            return Sheet(names, separator, place + 1, first)
    raise UnreadableStatement(
        "No line names at least a date and an amount. The file is not CSV with a heading, nor "
        "OFX, QIF, camt.053 or MT940."
    )


def guess(sheet: Sheet) -> dict[str, Any]:
    """What the columns seem to mean, as a mapping; a column that is not found is left out."""
    found: dict[str, Any] = {}
    for role in ROLES:
        for place, name in enumerate(sheet.names):
            if place not in found.values() and _says(name, role):
                found[role] = place
                break
    if "amount" in found:
        found.pop("out", None), found.pop("in", None)
    taken = set(found.values())
    found["texts"] = [
        place
        for place, name in enumerate(sheet.names)
        if place not in taken and _says(name, "text")
    ]
    found["order"] = _order(_column(sheet, found.get("date")))
    figures = [cell for role in ("amount", "out", "in") for cell in _column(sheet, found.get(role))]
    found["decimal"] = _decimal(figures)
    found["flip"] = False
    return found


def sheet_lines(
    source: IO[bytes], mapping: Mapping[str, Any]
) -> Generator[OutsideLine, None, None]:
    """Yields the lines of a file by a mapping. Raises UnreadableStatement."""
    sheet = sheet_of(source)
    if _highest(mapping) >= len(sheet.names):
        raise UnreadableStatement("The file has fewer columns than were named. Name them again.")
    has_minus = _writes_out_with_minus(source, sheet, mapping)
    with opened(source) as text:
        for number, cells in _cells(text, sheet.separator, sheet.after):
            if tuple(_name(cell) for cell in cells[: len(sheet.names)]) == sheet.names:
                raise UnreadableStatement(
                    f"Line {number:,} names the columns a second time: the file seems to be in "
                    "there twice. Download it again."
                )
            line = _line(number, cells, sheet, mapping, has_minus=has_minus)
            if line is not None:
                yield line


def _heading(line: str, separator: str) -> tuple[str, ...]:
    """The names, if the line has those of a day and of an amount."""
    try:
        names = tuple(_name(cell) for cell in next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return ()
    while names and not names[-1]:
        names = names[:-1]
    is_dated = any(_says(name, "date") for name in names)
    has_figure = any(_says(name, role) for name in names for role in ("amount", "out", "in"))
    if not (is_dated and has_figure and len(names) <= MOST_COLUMNS):
        return ()
    return names


def _name(cell: str) -> str:
    return tidy_line(cell)[:100]


def _says(name: str, role: str) -> bool:
    words = set(re.split(r"[^\w]+", name.lower()))
    if role == "date":
        return any(word.endswith(("date", "datum")) for word in words) or not words.isdisjoint(
            WORDS[role].split()
        )
    return not words.isdisjoint(WORDS[role].split())


def _cells(text: io.TextIOWrapper, separator: str, after: int) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of each line that has some. Raises UnreadableStatement."""
    lines = text_lines(text)
    for _ in range(after):
        next(lines, "")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise UnreadableStatement(
                f"Near line {reader.line_num + after:,}, a quote is opened and not closed, or text "
                f"goes on after it. {CUT}"
            ) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield reader.line_num + after, cells


def _writes_out_with_minus(source: IO[bytes], sheet: Sheet, mapping: Mapping[str, Any]) -> bool:
    """Whether the column of money out has no figure above zero: some banks write each of them with
    a minus. Where others have none, a figure with a minus is money that came back.
    """
    place = mapping.get("out")
    if place is None or mapping.get("amount") is not None:
        return False
    with opened(source) as text:
        for number, cells in _cells(text, sheet.separator, sheet.after):
            typed = cells[place].strip() if place < len(cells) else ""
            with suppress(UnreadableStatement):  # which the line itself will tell
                if typed and read_figure(number, typed, mapping["decimal"]) > 0:
                    return False
    return True


def _line(
    number: int,
    cells: Sequence[str],
    sheet: Sheet,
    mapping: Mapping[str, Any],
    *,
    has_minus: bool,
) -> OutsideLine | None:
    """The line; None for one without day and amount, such as a sum below the table."""

    def cell(role: str) -> str:
        place = mapping.get(role)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    figures = [cell(role) for role in ("amount", "out", "in")]
    if not cell("date") and not any(figures):
        return None
    if len(cells) < len(sheet.names) and len(cells) <= _highest(mapping):
        raise UnreadableStatement(
            f"Line {number:,} has {len(cells)} cells, and the heading {len(sheet.names)}. {CUT}"
        )
    day = read_day(number, cell("date"), mapping["order"])
    amount = _amount(number, figures, mapping, has_minus=has_minus)
    texts = (cells[place].strip() for place in mapping["texts"] if place < len(cells))
    return made_line(
        number, day, amount,
        description=" \u00b7 ".join(text for text in texts if text),
        other=cell("other"), reference=cell("reference"), outside_id=cell("id"),
    )  # fmt: skip


def _amount(
    number: int, figures: Sequence[str], mapping: Mapping[str, Any], *, has_minus: bool
) -> Decimal:
    amount, out, into = figures
    mark = mapping["decimal"]
    if mapping.get("amount") is not None:
        value = read_figure(number, amount, mark)
        return -value if mapping["flip"] else value
    if not out and not into:
        raise UnreadableStatement(f"Line {number:,} has a day and no amount. {CUT}")
    gone = read_figure(number, out, mark) if out else Decimal(0)
    come = read_figure(number, into, mark) if into else Decimal(0)
    return come + gone if has_minus else come - gone


def _highest(mapping: Mapping[str, Any]) -> int:
    places = [mapping.get(role) for role in ROLES] + list(mapping["texts"])
    return max(int(place) for place in places if place is not None)


def _column(sheet: Sheet, place: int | None) -> list[str]:
    if place is None:
        return []
    return [row[place].strip() for row in sheet.rows if place < len(row) and row[place].strip()]


_DIGITS = re.compile(r"(\d{1,4})[./ -](\d{1,2})[./ -](\d{1,4})(?:\.|[T ,].*)?", re.ASCII)
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_WORDED = re.compile(r"(\d{1,2})[. -]+([A-Za-z]{3,9})[., -]+(\d{2,4})", re.ASCII)
_WORD_FIRST = re.compile(r"([A-Za-z]{3,9})[. -]+(\d{1,2})[., -]+(\d{2,4})", re.ASCII)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def read_day(number: int, typed: str, order: str) -> date:
    """A day as banks write it; `order` says what comes first where only figures stand. Raises
    UnreadableStatement.
    """
    if found := _EIGHT.fullmatch(typed):
        return made_day(number, *map(int, found.groups()))
    if found := _DIGITS.fullmatch(typed):
        first, second, third = found.groups()
        if order == "ymd" or len(first) == 4:
            return made_day(number, full_year(first), int(second), int(third))
        month, day = (second, first) if order == "dmy" else (first, second)
        return made_day(number, full_year(third), int(month), int(day))
    for pattern, places in ((_WORDED, (3, 2, 1)), (_WORD_FIRST, (3, 1, 2))):
        found = pattern.fullmatch(typed)
        if found and found[places[1]][:3].lower() in MONTHS:
            month = MONTHS.index(found[places[1]][:3].lower()) + 1
            return made_day(number, full_year(found[places[0]]), month, int(found[places[2]]))
    raise UnreadableStatement(
        f"Line {number:,}: \u201c{shortened(tidy_line(typed))}\u201d is not a day."
    )


_BESIDE = re.compile(r"^[A-Z]{3}\s|\s?[A-Z]{3}$|[\u20ac$\u00a3]")
_UNSIGNED = {
    mark: re.compile(
        rf"(?:[0-9]{{1,15}}|[0-9]{{1,3}}(?:[{other} '\u2019\u00a0\u202f][0-9]{{3}}){{1,4}})"
        rf"(?:[{mark}][0-9]{{0,4}})?|[{mark}][0-9]{{1,4}}"
    )
    for mark, other in ((",", "."), (".", ","))
}


def read_figure(number: int, typed: str, mark: str) -> Decimal:
    """A figure as banks write it, with a sign before or after it, or in brackets. Raises
    UnreadableStatement.
    """
    text = _BESIDE.sub("", typed.replace("\N{MINUS SIGN}", "-").strip()).strip()
    is_negative = False
    if text.startswith("(") and text.endswith(")"):
        is_negative, text = True, text[1:-1].strip()
    elif text[:1] in ("-", "+"):
        is_negative, text = text[0] == "-", text[1:].strip()
    elif text[-1:] in ("-", "+"):
        is_negative, text = text[-1] == "-", text[:-1].strip()
    if not _UNSIGNED[mark].fullmatch(text):
        raise UnreadableStatement(not_an_amount(number, typed))
    value = Decimal(re.sub(rf"[^0-9{re.escape(mark)}]", "", text).replace(",", ".").rstrip("."))
    return -value if is_negative else value


def _order(days: Sequence[str]) -> str:
    """What comes first in these days: a figure above 12 is no month. If both can be, the order by
    which they span less time, because a file has the days of some weeks; dots are European.
    """
    for typed in days:
        found = _DIGITS.fullmatch(typed)
        if not found:
            continue
        if len(found[1]) == 4:
            return "ymd"
        if int(found[1]) > 12 or "." in typed[: found.end(2) + 1]:
            return "dmy"
        if int(found[2]) > 12:
            return "mdy"
    return min(("dmy", "mdy"), key=lambda order: _span(days, order))


def _span(days: Sequence[str], order: str) -> timedelta:
    """From the first to the last of these days in an order."""
    read = []
    for typed in days:
        with suppress(UnreadableStatement):
            read.append(read_day(0, typed, order))
    return max(read) - min(read) if read else timedelta(0)


def _decimal(figures: Sequence[str]) -> str:
    """The mark before the decimals: that of the first figure with one or two digits after it."""
    for typed in figures:
        if found := re.search(r"([.,])[0-9]{1,2}\D*$", typed):
            return found[1]
    return "."
