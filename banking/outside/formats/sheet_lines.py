"""Reads the rows below the heading of a CSV file. See Note [Columns]."""

import re
import sys
from array import array
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import IO, Any

from banking.outside.formats.cells import (
    currency_in,
    currency_of,
    is_figure,
    is_out,
    is_short_unbooked,
    is_unbooked,
    read_day,
    read_figure,
    without_mark,
)
from banking.outside.formats.columns import ROLES, cell_of
from banking.outside.formats.lines import (
    CUT,
    OutsideLine,
    StatementFacts,
    UnreadableStatement,
    made_line,
    opened,
)
from banking.outside.formats.sheet import Sheet, cells_of, is_row, name_of, sheet_of
from ledger.text.lines import shortened, tidy_line

# The parts before and after a comma inside a number, for example 1 and 250.50, or -12 and 50.
BEFORE, AFTER = re.compile(r"[+-]?[0-9]{1,3}"), re.compile(r"[0-9]{3}(?:\.[0-9]+)?|[0-9]{2}")
MOVED = ("amount", "out", "in", "fee")  # roles with numbers in the account's currency


def sheet_lines(
    source: IO[bytes], mapping: Mapping[str, Any], facts: StatementFacts
) -> Generator[OutsideLine, None, None]:
    """Yields the lines of a CSV file according to `mapping`, the meaning of the columns. Sets the
    currency and the balances in `facts`.

    Raises: UnreadableStatement if the file cannot be read.
    """
    sheet = sheet_of(source, allow_unknown=True)
    rows = array("q")
    if _highest(mapping) >= len(sheet.names):
        raise UnreadableStatement(
            "The file has fewer columns than you chose. Choose the columns again."
        )
    for role in MOVED:
        if mapping.get(role) is not None:
            name = sheet.names[mapping[role]]
            _record_currency(f"The column \u201c{shortened(name)}\u201d", currency_in(name), facts)
    ends = _Ends()
    signed, widest = _signed_columns(source, sheet, mapping), _widest(sheet)
    with opened(source) as text:
        for number, cells in cells_of(text, sheet.separator, sheet.after):
            if not sheet.is_named:
                rows.append(hash(tuple(cells)))
            if _names_columns(cells, sheet):
                raise UnreadableStatement(
                    f"Line {number:,} repeats the heading: the file seems to contain its lines "
                    "twice. Download it again."
                )
            if _is_left_out(cells, sheet, mapping):
                facts.unbooked += 1
                continue
            line = _line(number, cells, sheet, mapping, signed, widest)
            if line is not None:
                typed = [cell_of(cells, mapping, role) for role in MOVED]
                others = (currency_in(each) for each in typed if each.strip("0123456789.,-+ "))
                for code in (cell_of(cells, mapping, "currency"), *others):
                    _record_currency(f"Line {number:,}", code, facts)
                ends.add(line, _balance(number, cells, mapping))
                yield line
    _refuse_twice(rows)
    ends.note(facts)


def _names_columns(cells: Sequence[str], sheet: Sheet) -> bool:
    """Returns whether the row is a copy of the heading."""
    is_whole = len(cells) >= len(sheet.names)
    return is_whole and all(
        name_of(cell) == name for cell, name in zip(cells, sheet.names, strict=False)
    )


def _refuse_twice(rows: "array[int]") -> None:
    """Raises UnreadableStatement if the second half of a file without a heading repeats the first
    half. Accepts a file that contains only two rows, even if they are equal. `rows` contains a hash
    of each row.
    """
    half = len(rows) // 2
    if half > 1 and rows[:half] == rows[half:]:
        raise UnreadableStatement("The file seems to contain its lines twice. Download it again.")


@dataclass(slots=True)
class _Ends:
    """The values from which the balances of a CSV file are calculated: the sum of all lines, and
    the first and the last line with day, amount and balance.

    Note [Balances of CSV]: some banks write the newest line first, and other banks write the oldest
    line first. Within a day, the lines can be in any order. Therefore the balances are used only if
    they match the lines: the balance before the oldest line plus all lines must be the balance
    after the newest line.
    """

    sum: Decimal = Decimal(0)
    first: tuple[date, Decimal, Decimal | None] | None = None
    last: tuple[date, Decimal, Decimal | None] | None = None

    def add(self, line: OutsideLine, balance: Decimal | None) -> None:
        """Adds a line. `balance` is the balance after this line, if it is known."""
        self.sum += line.amount
        self.last = (line.booked_on, line.amount, balance)
        self.first = self.first or self.last

    def note(self, facts: StatementFacts) -> None:
        """Sets the opening and the closing balance in `facts` if they match the lines: see Note
        [Balances of CSV].
        """
        found = set()
        for oldest, newest in ((self.first, self.last), (self.last, self.first)):
            if oldest is None or newest is None or oldest[0] > newest[0]:
                continue
            if oldest[2] is None or newest[2] is None:
                continue
            opening = oldest[2] - oldest[1]
            if opening + self.sum == newest[2]:
                found.add((opening, newest[2]))
        if len(found) == 1:
            ((facts.opening, facts.closing),) = found


def _balance(number: int, cells: Sequence[str], mapping: Mapping[str, Any]) -> Decimal | None:
    """Returns the balance after this line, or None if the cell contains no number."""
    with suppress(UnreadableStatement):
        return read_figure(number, cell_of(cells, mapping, "balance"), mapping["decimal"])
    return None


def _is_left_out(cells: Sequence[str], sheet: Sheet, mapping: Mapping[str, Any]) -> bool:
    """Returns whether the row must not be imported. There are two kinds of such rows: a row with a
    balance but no amount, and a row whose status means "not booked". Some banks write this status
    in place of the date.
    """
    day, status = (cell_of(cells, mapping, role) for role in ("date", "status"))
    return is_unbooked(status) or is_short_unbooked(day) or _has_only_balance(cells, sheet, mapping)


def _has_only_balance(cells: Sequence[str], sheet: Sheet, mapping: Mapping[str, Any]) -> bool:
    """Returns whether the row has a balance but no other number, for example "Beginning balance" in
    files of Bank of America. Returns False if a column without a role may contain money in or out.
    """
    if any(cell_of(cells, mapping, role) for role in MOVED):
        return False
    is_whole = mapping.get("amount") is not None or None not in map(mapping.get, ("out", "in"))
    known = {mapping.get(role) for role in ROLES}
    others = (cell for place, cell in enumerate(cells) if place not in known)
    return (
        is_whole
        and len(cells) >= len(sheet.names)
        and is_figure(cell_of(cells, mapping, "balance"))
        and not any(map(is_figure, others))
    )


def _record_currency(place: str, typed: str, facts: StatementFacts) -> None:
    """Records the currency of a line or a column. `place` is the name of the line or column for the
    error message.

    Raises: UnreadableStatement if the currency differs from the currency of the account or of
    earlier lines.
    """
    code = currency_of(typed, facts.account_currency)
    if code and facts.account_currency and code != facts.account_currency:
        raise UnreadableStatement(
            f"{place} is in {shortened(tidy_line(code))}, but this account is in "
            f"{facts.account_currency}. Import each currency into a separate account."
        )
    facts.is_in(code)


def _signed_columns(source: IO[bytes], sheet: Sheet, mapping: Mapping[str, Any]) -> frozenset[str]:
    """Returns the directions of money ("out", "in" or both) in which most numbers have a minus.
    Some banks write a minus before each amount of a direction, although the column already states
    the direction. Returns an empty set if the file has a column for amounts but no column for the
    direction.

    In a returned direction, a number without a minus means money in the opposite direction. In all
    other directions, a number with a minus means money in the opposite direction.
    """
    has_amount, has_side = (mapping.get(role) is not None for role in ("amount", "side"))
    if has_amount and not has_side:
        return frozenset()
    signs = Counter[str]()
    with opened(source) as text:
        for number, cells in cells_of(text, sheet.separator, sheet.after):
            for role in ("amount",) if has_amount else ("out", "in"):
                with suppress(UnreadableStatement):  # raised later, when the line is read
                    figure = read_figure(number, cell_of(cells, mapping, role), mapping["decimal"])
                    way = _way(number, cell_of(cells, mapping, "side")) if has_amount else role
                    signs[way] += (figure > 0) - (figure < 0)
    return frozenset(role for role, sign in signs.items() if sign < 0)


def _way(number: int, side: str) -> str:
    return "out" if is_out(number, side) else "in"


def _line(
    number: int,
    cells: Sequence[str],
    sheet: Sheet,
    mapping: Mapping[str, Any],
    signed: frozenset[str],
    widest: int,
) -> OutsideLine | None:
    """Returns the line of this row, or None if the row has no date and no amount. For example, a
    text below the table is such a row.
    """

    def cell(role: str) -> str:
        return cell_of(cells, mapping, role)

    figures = [cell(role) for role in ("amount", "out", "in")]
    if not any(figures) and not any(letter.isdigit() for letter in cell("date")):
        return None
    if len(cells) < len(sheet.names) and len(cells) <= _highest(mapping):
        raise UnreadableStatement(
            f"Line {number:,} has {len(cells)} cells, but the heading has {len(sheet.names)}. {CUT}"
        )
    if any(extra.strip() for extra in cells[sheet.width :]) or _is_split(cells, widest):
        raise UnreadableStatement(
            f"Line {number:,} has {len(cells)} cells, but the heading has {sheet.width}. So we "
            "do not know which cell is the amount. Does a number have commas? Download the "
            "file in another format."
        )
    day = read_day(number, cell("date"), mapping["order"])
    amount = _amount(number, figures, cell("side"), mapping, signed)
    if fee := cell("fee"):
        amount -= read_figure(number, fee, mapping["decimal"])
    texts = (without_mark(cells[place]) for place in mapping["texts"] if place < len(cells))
    return made_line(
        number, day, amount,
        description=" \u00b7 ".join(text for text in texts if text),
        other=without_mark(cell("other")), reference=without_mark(cell("reference")),
        outside_id=without_mark(cell("id")),
    )  # fmt: skip


def _widest(sheet: Sheet) -> int:
    """Returns the maximum number of cells in a row without a comma inside a number. This is the
    number of cells of the heading, or of the shortest of the first payments, whichever is higher.
    If the separator is not a comma, there is no maximum.
    """
    if sheet.separator != ",":
        return sys.maxsize
    return max(sheet.width, min((len(row) for row in sheet.rows if is_row(row)), default=0))


def _is_split(cells: Sequence[str], widest: int) -> bool:
    """Returns whether a comma inside a number may have split the number into two cells, as in
    `Shop,1,250.50,` below `Shop,12.00,`. The row then has more than `widest` cells, and two
    neighbouring cells could be one number.
    """
    if len(cells) <= widest:
        return False
    typed = [cell.strip() for cell in cells]
    return any(BEFORE.fullmatch(one) and AFTER.fullmatch(two) for one, two in pairwise(typed))


def _amount(
    number: int,
    figures: Sequence[str],
    side: str,
    mapping: Mapping[str, Any],
    signed: frozenset[str],
) -> Decimal:
    """Returns the amount of the row. Money out is negative.

    If the row states the direction of the money (in a column for the direction, or by two columns
    for amounts), a minus before the number means the opposite direction. For a direction in
    `signed`, the meaning is reversed: a number without a minus means the opposite direction.
    """
    amount, out, into = figures
    mark = mapping["decimal"]
    if mapping.get("amount") is not None:
        value = read_figure(number, amount, mark)
        if mapping.get("side") is not None:
            way = _way(number, side)
            return -value if (way == "out") != (way in signed) else value
        return -value if mapping["flip"] else value
    if not out and not into:
        raise UnreadableStatement(
            f"Line {number:,} has a date but no amount. If the amount is in another column, "
            "change the columns. If the file was cut off, download it again."
        )
    money_out = read_figure(number, out, mark) if out else Decimal(0)
    money_in = read_figure(number, into, mark) if into else Decimal(0)
    return (-money_in if "in" in signed else money_in) - (
        -money_out if "out" in signed else money_out
    )


def _highest(mapping: Mapping[str, Any]) -> int:
    places = [mapping.get(role) for role in ROLES] + list(mapping["texts"])
    return max(int(place) for place in places if place is not None)
