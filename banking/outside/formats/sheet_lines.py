"""CSV: the lines below the names of the columns, see Note [Columns]."""

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
    currency_beside,
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

# Of a figure with a comma, what is before it and behind it: 1 and 250.50, -12 and 50.
BEFORE, AFTER = re.compile(r"[+-]?[0-9]{1,3}"), re.compile(r"[0-9]{3}(?:\.[0-9]+)?|[0-9]{2}")
MOVED = ("amount", "out", "in", "fee")  # roles whose figures are in the account's currency


def sheet_lines(
    source: IO[bytes], mapping: Mapping[str, Any], facts: StatementFacts
) -> Generator[OutsideLine, None, None]:
    """Yields the lines of a file by a mapping, and notes the currency and balances. Raises
    UnreadableStatement.
    """
    sheet = sheet_of(source, is_asked=True)
    rows = array("q")
    if _highest(mapping) >= len(sheet.names):
        raise UnreadableStatement("The file has fewer columns than were named. Name them again.")
    for role in MOVED:
        if mapping.get(role) is not None:
            name = sheet.names[mapping[role]]
            _note_currency(
                f"The column \u201c{shortened(name)}\u201d", currency_beside(name), facts
            )
    ends = _Ends()
    signed, widest = _signed_columns(source, sheet, mapping), _widest(sheet)
    with opened(source) as text:
        for number, cells in cells_of(text, sheet.separator, sheet.after):
            if not sheet.is_named:
                rows.append(hash(tuple(cells)))
            if _names_columns(cells, sheet):
                raise UnreadableStatement(
                    f"Line {number:,} names the columns a second time: the file seems to be in "
                    "there twice. Download it again."
                )
            if _is_left_out(cells, sheet, mapping):
                facts.unbooked += 1
                continue
            line = _line(number, cells, sheet, mapping, signed, widest)
            if line is not None:
                typed = [cell_of(cells, mapping, role) for role in MOVED]
                beside = (currency_beside(each) for each in typed if each.strip("0123456789.,-+ "))
                for code in (cell_of(cells, mapping, "currency"), *beside):
                    _note_currency(f"Line {number:,}", code, facts)
                ends.add(line, _balance(number, cells, mapping))
                yield line
    _refuse_twice(rows)
    ends.note(facts)


def _names_columns(cells: Sequence[str], sheet: Sheet) -> bool:
    """Whether the row is the heading once more."""
    is_whole = len(cells) >= len(sheet.names)
    return is_whole and all(
        name_of(cell) == name for cell, name in zip(cells, sheet.names, strict=False)
    )


def _refuse_twice(rows: "array[int]") -> None:
    """Refuses a file without a heading whose second half is the first one again. `rows` are hashes
    of its lines. Two lines may well be alike.
    """
    half = len(rows) // 2
    if half > 1 and rows[:half] == rows[half:]:
        raise UnreadableStatement("The file seems to be in there twice. Download it again.")


@dataclass(slots=True)
class _Ends:
    """The sum of the lines, and of the first and the last one the day, the amount and the balance.

    Note [Balances of CSV]: banks write the newest or the oldest line first, and sort within a day
    as they like. So the balances are taken only where all lines lead from one to the other.
    """

    sum: Decimal = Decimal(0)
    first: tuple[date, Decimal, Decimal | None] | None = None
    last: tuple[date, Decimal, Decimal | None] | None = None

    def add(self, line: OutsideLine, balance: Decimal | None) -> None:
        """Notes a line."""
        self.sum += line.amount
        self.last = (line.booked_on, line.amount, balance)
        self.first = self.first or self.last

    def note(self, facts: StatementFacts) -> None:
        """Notes the balances before the oldest and after the newest line, if they are certain."""
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
    """The balance after the line; None without a figure."""
    with suppress(UnreadableStatement):
        return read_figure(number, cell_of(cells, mapping, "balance"), mapping["decimal"])
    return None


def _is_left_out(cells: Sequence[str], sheet: Sheet, mapping: Mapping[str, Any]) -> bool:
    """Whether the line is not booked, as its status says or a word in place of its day, or has a
    balance and no amount.
    """
    day, status = (cell_of(cells, mapping, role) for role in ("date", "status"))
    return is_unbooked(status) or is_short_unbooked(day) or _is_balance_alone(cells, sheet, mapping)


def _is_balance_alone(cells: Sequence[str], sheet: Sheet, mapping: Mapping[str, Any]) -> bool:
    """Whether a row has a balance and no other figure, as "Beginning balance" of Bank of America.
    Where money in or out may be in a column that is not known, it is no such row.
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


def _note_currency(place: str, typed: str, facts: StatementFacts) -> None:
    """Raises UnreadableStatement for another currency than the account's or the lines' above."""
    code = currency_of(typed, facts.account_currency)
    if code and facts.account_currency and code != facts.account_currency:
        raise UnreadableStatement(
            f"{place} is in {shortened(tidy_line(code))}; this account is in "
            f"{facts.account_currency}. Import each currency into an account of its own."
        )
    facts.is_in(code)


def _signed_columns(source: IO[bytes], sheet: Sheet, mapping: Mapping[str, Any]) -> frozenset[str]:
    """Of money out and money in, each in a column of its own or beside a word for its side, which
    has a minus in most of its figures: some banks write it in each. Elsewhere a figure with a minus
    went the other way, as does one without in these.
    """
    has_amount, has_side = (mapping.get(role) is not None for role in ("amount", "side"))
    if has_amount and not has_side:
        return frozenset()
    signs = Counter[str]()
    with opened(source) as text:
        for number, cells in cells_of(text, sheet.separator, sheet.after):
            for role in ("amount",) if has_amount else ("out", "in"):
                with suppress(UnreadableStatement):  # which the line itself will tell
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
    """The line; None for one without day and amount, such as a sum or a text below the table."""

    def cell(role: str) -> str:
        return cell_of(cells, mapping, role)

    figures = [cell(role) for role in ("amount", "out", "in")]
    if not any(figures) and not any(letter.isdigit() for letter in cell("date")):
        return None
    if len(cells) < len(sheet.names) and len(cells) <= _highest(mapping):
        raise UnreadableStatement(
            f"Line {number:,} has {len(cells)} cells, and the heading {len(sheet.names)}. {CUT}"
        )
    if any(extra.strip() for extra in cells[sheet.width :]) or _is_split(cells, widest):
        raise UnreadableStatement(
            f"Line {number:,} has {len(cells)} cells, and the heading {sheet.width}, so it is not "
            "certain which of them is the amount. Does a figure have commas? Download the file in "
            "another format."
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
    """The most cells of a row that no comma within a figure has split: those of the heading, or of
    the shortest payment of the beginning.
    """
    if sheet.separator != ",":
        return sys.maxsize
    return max(sheet.width, min((len(row) for row in sheet.rows if is_row(row)), default=0))


def _is_split(cells: Sequence[str], widest: int) -> bool:
    """Whether a comma within a figure may have made one cell more, before empty ones: the row has
    more than `widest`, and two cells that may be one figure, as with `Shop,1,250.50,` below
    `Shop,12.00,`.
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
    """The signed amount. A minus beside a word for the side, or in a column of one, is money that
    went back, unless most figures of the side have one: then it is the same once more.
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
            f"Line {number:,} has a day and no amount. Is the amount in another column? Then "
            "change the columns. Or was the file cut off? Then download it again."
        )
    gone = read_figure(number, out, mark) if out else Decimal(0)
    come = read_figure(number, into, mark) if into else Decimal(0)
    return (-come if "in" in signed else come) - (-gone if "out" in signed else gone)


def _highest(mapping: Mapping[str, Any]) -> int:
    places = [mapping.get(role) for role in ROLES] + list(mapping["texts"])
    return max(int(place) for place in places if place is not None)
