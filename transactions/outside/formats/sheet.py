"""CSV: the line of column names, and what the columns mean.

Note [Columns]: every bank names its columns differently. A mapping says what they mean; it is
guessed from the names and the first lines, corrected by the person, and remembered by the digest of
the names (`OutsideImport.heading`).
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Any

from ledger.text.currencies import ISO_CURRENCIES
from ledger.text.lines import tidy_line
from transactions.outside.formats.cells import (
    decimal_of,
    has_sign,
    is_currency_code,
    is_day,
    is_figure,
    is_side,
    is_status,
    order_of,
)
from transactions.outside.formats.lines import CUT, UnreadableStatement, opened, text_lines

SEPARATORS = ";\t,|"
BEFORE_HEADING = 30  # lines that a bank may write above the names of the columns
SAMPLES = 20
NO_HEADING = (
    "No line names at least a date and an amount. The file is not CSV with a heading, nor "
    "OFX, QIF, camt.053 or MT940."
)
NO_TABLE = (
    "No line names at least a date and an amount, and no line has both. The file is not CSV, nor "
    "OFX, QIF, camt.053 or MT940."
)
MOST_COLUMNS = 100
ROLES = (
    "date", "amount", "side", "fee", "out", "in", "balance", "currency", "status", "other",
    "reference", "id",
)  # fmt: skip
# Those whose values are looked at come first: "Soll/Haben" has words of three roles.
GUESSED = (
    "date", "currency", "side", "status", "balance", "amount", "fee", "out", "in", "other",
    "reference", "id",
)  # fmt: skip
OF_ANOTHER_AMOUNT = frozenset({"foreign", "original", "source", "target"})
OF_A_PARTY = frozenset({"glaeubiger", "gläubiger", "creditor", "mandate", "customer", "account"})
# Words of column names by what they mean, in the languages of banks near us.
WORDS = {
    "date": "date datum fecha data dato buchungstag buchungsdatum päivä posted",
    "amount": "amount betrag importe montant importo valor bedrag belopp beløb umsatz summe value",
    "side": "soll haben s h sh debit credit d c dc dr cr af bij sign vorzeichen indicator direction"
    " kennzeichen type typ sens",
    "balance": "balance saldo kontostand solde",
    "currency": "currency ccy währung waehrung devise moneda divisa valuta valute moeda munt",
    "fee": "fee",
    "status": "status state zustand buchungsstatus estado stato statut",
    "out": "debit out withdrawal soll ausgang ausgaben débit paid-out cargo",
    "in": "credit in deposit haben eingang einnahmen crédit paid-in abono",
    "other": "payee name counterparty beneficiary auftraggeber empfänger beguenstigter begünstigter"
    " zahlungspflichtiger zahlungsempfänger naam merchant counter who",
    "reference": "reference referenz referencia référence kundenreferenz",
    "id": "id transaction-id fitid transaktionsnummer",
    "net": "net netto nett",
    "text": "description text memo verwendungszweck buchungstext details concepto libellé narrative"
    " omschrijving descripción purpose note mededelingen",
}
# What each value of a column has to be. "State" may be that of a country.
EACH_VALUE = {
    "currency": is_currency_code, "side": is_side, "status": is_status, "balance": is_figure,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """The beginning of a CSV file. `after` is how many lines come before the first row."""

    names: tuple[str, ...]
    separator: str
    after: int
    rows: tuple[tuple[str, ...], ...]
    is_known: bool = True  # the names say at least a day and an amount
    is_named: bool = True  # False without a heading: the names are only numbers

    @property
    def digest(self) -> str:
        """Of the names of the columns, by which a mapping is remembered."""
        return hashlib.sha256("\x1f".join(self.names).encode()).hexdigest()

    def column(self, place: int | None) -> list[str]:
        """The first cells of a column that are not empty."""
        if place is None:
            return []
        return [row[place].strip() for row in self.rows if place < len(row) and row[place].strip()]


def sheet_of(source: IO[bytes], *, is_asked: bool = False) -> Sheet:
    """Reads the names of the columns and the first lines. Raises UnreadableStatement.

    If a person is asked what the columns mean, the names may be unknown, or there may be none.
    """
    with opened(source) as text:
        top = list(islice(text_lines(text), BEFORE_HEADING))
    separator = max(SEPARATORS, key=lambda mark: max((line.count(mark) for line in top), default=0))
    for place, line in enumerate(top):
        names = _heading(line, separator)
        if names:
            rows = _first_rows(source, separator, place + 1)
            return Sheet(_with_side(names, rows), separator, place + 1, rows)
    found = _table(top, separator) if is_asked else None
    if found is None:
        raise UnreadableStatement(NO_TABLE if is_asked else NO_HEADING)
    names, after = found
    rows = _first_rows(source, separator, after)
    if names:
        return Sheet(_with_side(names, rows), separator, after, rows, is_known=False)
    names = tuple(f"column {number}" for number in range(1, max(map(len, rows)) + 1))
    return Sheet(names, separator, after, rows, is_known=False, is_named=False)


def _first_rows(source: IO[bytes], separator: str, after: int) -> tuple[tuple[str, ...], ...]:
    with opened(source) as text:
        rows = islice(cells_of(text, separator, after), SAMPLES)
        return tuple(tuple(cells) for _, cells in rows)


def guess(sheet: Sheet) -> dict[str, Any]:
    """What the columns seem to mean, as a mapping; a column that is not found is left out."""
    found: dict[str, Any] = {}
    for role in GUESSED:
        for place, name in enumerate(sheet.names):
            is_free = place not in found.values()
            if is_free and _says(name, role) and _can_be(role, sheet.column(place)):
                found[role] = place
                break
    if not sheet.is_known:
        _guess_by_values(sheet, found)
    if "amount" in found:
        found.pop("out", None), found.pop("in", None)
    amounts = sheet.column(found.get("amount"))
    if not amounts or any(_says(name, "net") for name in sheet.names):
        found.pop("fee", None)  # which is in the other amounts
    if not amounts or any(has_sign(cell) for cell in amounts):
        found.pop("side", None)
    taken = set(found.values())
    found["texts"] = [
        place
        for place, name in enumerate(sheet.names)
        if place not in taken and (_says(name, "text") or _is_text(sheet, place))
    ]
    found["order"] = order_of(sheet.column(found.get("date")))
    figures = [cell for role in ("amount", "out", "in") for cell in sheet.column(found.get(role))]
    found["decimal"] = decimal_of(figures)
    found["flip"] = False
    return found


def _guess_by_values(sheet: Sheet, found: dict[str, Any]) -> None:
    """Adds the roles that unknown names do not tell; a sum below the table has no say."""
    rows = tuple(row for row in sheet.rows if _is_row(row))
    table = replace(sheet, rows=rows)

    def first(fits: Callable[[str], bool], least: Callable[[str], bool] = bool) -> int | None:
        for place in range(len(sheet.names)):
            values = table.column(place)
            if place not in found.values() and all(map(fits, values)) and any(map(least, values)):
                return place
        return None

    def add(role: str, place: int | None) -> None:
        if place is not None:
            found.setdefault(role, place)

    add("date", first(is_day))
    add("currency", first(lambda typed: typed in ISO_CURRENCIES))
    add("side", first(is_side))
    if found.keys().isdisjoint(("amount", "out", "in")):
        add("amount", first(is_figure, lambda typed: any(mark in typed for mark in "-\u2212(.,")))
        add("amount", first(is_figure))


def _is_text(sheet: Sheet, place: int) -> bool:
    """Whether a column under an unknown name has words."""
    values = sheet.column(place)
    return not sheet.is_known and any(c.isalpha() for typed in values for c in typed)


def completed(sheet: Sheet, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A remembered mapping with a guess for roles that it does not know, being older than they."""
    found = guess(sheet)
    if mapping.get("amount") is None:
        found.pop("side", None), found.pop("fee", None)
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


def _table(top: Sequence[str], separator: str) -> tuple[tuple[str, ...], int] | None:
    """Finds lines that look like a table below unknown names: a day, a figure, and as many cells as
    the next. Returns the names, none if there are none, and how many lines are above the first.
    """
    rows = _rows_with_places(top, separator)
    skipped = set[int]()
    for place, (after, cells) in enumerate(rows):
        below = rows[place + 1 :]
        if not _is_row(cells):
            continue
        if below and len(below[0][1]) != len(cells):
            skipped.add(len(cells))  # a day and a figure above the table, such as a balance
            continue
        if len(cells) in skipped:
            return None  # a row of the table would be lost
        before, above = rows[place - 1] if place else (0, [])
        if len(above) != len(cells):
            return (), after
        if any(is_day(cell.strip()) for cell in above):
            return (), before
        names = tuple(name_of(cell) for cell in above)
        return (names, after) if sum(map(bool, names)) > 1 else ((), after)
    return None


def _rows_with_places(top: Sequence[str], separator: str) -> list[tuple[int, list[str]]]:
    """The cells of each line that has some, with the number of lines above it."""
    reader = csv.reader(top, delimiter=separator)
    rows, after = [], 0
    with suppress(csv.Error):
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((after, cells))
            after = reader.line_num
    return rows


def _is_row(cells: Sequence[str]) -> bool:
    """Whether a cell is a day and another one a figure."""
    days = {place for place, cell in enumerate(cells) if is_day(cell.strip())}
    figures = {place for place, cell in enumerate(cells) if is_figure(cell)}
    return bool(days and figures and len(days | figures) > 1) and len(cells) <= MOST_COLUMNS


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
    if role == "id" and not words.isdisjoint(OF_A_PARTY):
        return False  # the same for each payment of theirs
    if role == "id" and name.lower() == "transaction":
        return True  # as in Ledger's own files
    if role == "currency" and not words.isdisjoint(OF_ANOTHER_AMOUNT):
        return False
    return not words.isdisjoint(WORDS[role].split())


def _can_be(role: str, values: Sequence[str]) -> bool:
    """Whether a column with these values can mean it."""
    if role == "fee":  # elsewhere a fee with a minus is to be added
        return bool(values) and all(is_figure(it) and not has_sign(it) for it in values)
    if role in EACH_VALUE:
        return all(map(EACH_VALUE[role], values)) and (bool(values) or role == "currency")
    if role == "id":  # other banks write under "Transaction" what it is for
        return not any(" " in typed for typed in values)
    if role in ("amount", "out", "in"):  # "Value date" has a word of an amount
        return not values or any(is_figure(typed) for typed in values)
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
