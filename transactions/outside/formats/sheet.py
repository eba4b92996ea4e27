"""CSV: the line of column names, and what the columns mean.

Note [Columns]: every bank names its columns differently. A mapping says what they mean; it is
guessed from the names and the first lines, corrected by the person, and remembered by the digest of
the names (`OutsideImport.heading`).
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

from ledger.text.lines import tidy_line
from transactions.outside.formats.cells import (
    decimal_of,
    has_sign,
    is_currency_code,
    is_figure,
    is_side,
    order_of,
)
from transactions.outside.formats.lines import CUT, UnreadableStatement, opened, text_lines

SEPARATORS = ";\t,|"
BEFORE_HEADING = 30  # lines that a bank may write above the names of the columns
SAMPLES = 20
MOST_COLUMNS = 100
ROLES = (
    "date", "amount", "side", "out", "in", "balance", "currency", "other", "reference", "id",
)  # fmt: skip
# Those whose values are looked at come first: "Soll/Haben" has words of three roles.
GUESSED = (
    "date", "currency", "side", "balance", "amount", "out", "in", "other", "reference", "id",
)  # fmt: skip
OF_ANOTHER_AMOUNT = frozenset({"foreign", "original", "source", "target"})
# Words of column names by what they mean, in the languages of banks near us.
WORDS = {
    "date": "date datum fecha data dato buchungstag buchungsdatum päivä posted",
    "amount": "amount betrag importe montant importo valor bedrag belopp beløb umsatz summe value",
    "side": "soll haben s h sh debit credit d c dc dr cr af bij sign vorzeichen indicator direction"
    " kennzeichen type typ sens",
    "balance": "balance saldo kontostand solde",
    "currency": "currency ccy währung waehrung devise moneda divisa valuta valute moeda munt",
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
                rows = cells_of(text, separator, place + 1)
                first = tuple(tuple(cells) for _, cells in islice(rows, SAMPLES))
            return Sheet(_with_side(names, first), separator, place + 1, first)
    raise UnreadableStatement(
        "No line names at least a date and an amount. The file is not CSV with a heading, nor "
        "OFX, QIF, camt.053 or MT940."
    )


def guess(sheet: Sheet) -> dict[str, Any]:
    """What the columns seem to mean, as a mapping; a column that is not found is left out."""
    found: dict[str, Any] = {}
    for role in GUESSED:
        for place, name in enumerate(sheet.names):
            is_free = place not in found.values()
            if is_free and _says(name, role) and _can_be(role, _column(sheet, place)):
                found[role] = place
                break
    if "amount" in found:
        found.pop("out", None), found.pop("in", None)
    amounts = _column(sheet, found.get("amount"))
    if not amounts or any(has_sign(cell) for cell in amounts):
        found.pop("side", None)
    taken = set(found.values())
    found["texts"] = [
        place
        for place, name in enumerate(sheet.names)
        if place not in taken and _says(name, "text")
    ]
    found["order"] = order_of(_column(sheet, found.get("date")))
    figures = [cell for role in ("amount", "out", "in") for cell in _column(sheet, found.get(role))]
    found["decimal"] = decimal_of(figures)
    found["flip"] = False
    return found


def completed(sheet: Sheet, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A remembered mapping with a guess for roles that it does not know, being older than they."""
    found = guess(sheet)
    if mapping.get("amount") is None:
        found.pop("side", None)
    return {role: found.get(role) for role in ROLES} | dict(mapping)


def _heading(line: str, separator: str) -> tuple[str, ...]:
    """The names, if the line has those of a day and of an amount."""
    try:
        names = tuple(name_of(cell) for cell in next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return ()
    while names and not names[-1]:
        names = names[:-1]
    is_dated = any(_says(name, "date") for name in names)
    has_figure = any(_says(name, role) for name in names for role in ("amount", "out", "in"))
    if not (is_dated and has_figure and len(names) <= MOST_COLUMNS):
        return ()
    return names


def _with_side(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names, and an empty one if the cells beyond them say S or H: some banks leave it so."""
    last = [row[len(names)] for row in rows if len(row) == len(names) + 1]
    is_nameless = len(last) == len(rows) and _can_be("side", last)
    return (*names, "") if is_nameless else names


def name_of(cell: str) -> str:
    return tidy_line(cell)[:100]


def _says(name: str, role: str) -> bool:
    words = set(re.split(r"[^\w]+", name.lower()))
    if role == "date":
        return any(word.endswith(("date", "datum")) for word in words) or not words.isdisjoint(
            WORDS[role].split()
        )
    if role == "side" and re.fullmatch(r"|[+-] ?/ ?[+-]", name):
        return True
    if role == "currency" and not words.isdisjoint(OF_ANOTHER_AMOUNT):
        return False
    return not words.isdisjoint(WORDS[role].split())


def _can_be(role: str, values: Sequence[str]) -> bool:
    """Whether a column with these values can mean it."""
    if role == "currency":
        return all(is_currency_code(typed) for typed in values)
    if role == "side":
        return bool(values) and all(is_side(typed) for typed in values)
    if role == "balance":
        return bool(values) and all(is_figure(typed) for typed in values)
    return True


def cells_of(text: io.TextIOWrapper, separator: str, after: int) -> Iterator[tuple[int, list[str]]]:
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


def _column(sheet: Sheet, place: int | None) -> list[str]:
    if place is None:
        return []
    return [row[place].strip() for row in sheet.rows if place < len(row) and row[place].strip()]
