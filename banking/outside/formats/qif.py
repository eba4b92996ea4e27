"""Reads QIF, the format of Quicken. Each line begins with a letter (the type of the line), and each
record ends with `^`.
"""

import re
from collections.abc import Generator, Iterator
from datetime import date
from typing import IO, NamedTuple

from banking.outside.formats.cells import decimal_of, read_figure
from banking.outside.formats.lines import (
    CUT,
    OutsideLine,
    StatementFacts,
    UnreadableStatement,
    bounded,
    full_year,
    made_day,
    made_line,
    opened,
    text_lines,
)
from ledger.text.currencies import minor_units
from ledger.text.lines import shortened, tidy_line

KINDS = ("bank", "cash", "ccard", "oth a", "oth l")
# Lists that Quicken also writes into a file. They contain no payments.
LISTS = ("cat", "class", "memorized", "security", "prices", "budget", "invitem", "template")
# A payment has only one line of each of these types: the date (D) and the amount (T, U).
ONCE = frozenset("DTU")
MAX_LETTERS = 40  # maximum number of different first letters in a record
OPENING = "opening balance"
Record = tuple[int, dict[str, str]]
_DAY = re.compile(r"(\d{1,4})[/.\- ]+(\d{1,2})[/.\-' ]+(\d{1,4})", re.ASCII)


def qif_lines(
    source: IO[bytes], facts: StatementFacts, order: str = ""
) -> Generator[OutsideLine, None, None]:
    """Yields a line for each payment of a QIF file. `order` is "dmy" (day first) or "mdy" (month
    first) if a person has chosen the order. Otherwise `qif_order` determines the order.

    Raises: UnreadableStatement if the file cannot be read.
    """
    order = order or qif_order(source).order
    mark = _mark(source, facts.account_currency)
    for number, record in bounded(_records(source)):
        day = _day(number, record.get("D", ""), order)
        amount = read_figure(number, _figure_of(record), mark)
        other = record.get("P", "")
        if tidy_line(other).lower() == OPENING and facts.opening is None:
            facts.opening = amount
            continue
        yield made_line(
            number, day, amount,
            description=record.get("M", ""), other=other, reference=record.get("N", ""),
        )  # fmt: skip


def _records(source: IO[bytes]) -> Iterator[Record]:
    """Yields each record with the line number of its first line."""
    kinds = 0
    began, record = 0, dict[str, str]()
    is_list = False
    with opened(source) as text:
        for number, typed in enumerate(text_lines(text), start=1):
            line = typed.strip("\r\n")
            if not line.strip():
                continue
            if line[0] == "!":
                if record and not is_list:
                    raise UnreadableStatement(_no_end(began, number))
                began, record = 0, {}
                is_list = line.lower().startswith("!account") or _kind_of(line) in LISTS
                kinds += _counts(line)
                if kinds > 1:
                    raise UnreadableStatement(
                        f"In line {number:,} the file begins again, or has a second account. "
                        "Download a separate file for each account."
                    )
            elif line[0] == "^":
                if record and not is_list:
                    yield began, record
                began, record = 0, {}
            else:
                began = began or number
                is_begun = line[0].upper() in ONCE & record.keys()
                # A line without digits may be the next line of a memo.
                if is_begun and not is_list and any(map(str.isdigit, line)):
                    raise UnreadableStatement(_no_end(began, number))
                _add(line, record, began)
    if record:
        raise UnreadableStatement(f"The end of the last record in the file is missing. {CUT}")


def _add(line: str, record: dict[str, str], began: int) -> None:
    record.setdefault(line[0].upper(), line[1:].strip())
    if len(record) > MAX_LETTERS:
        raise UnreadableStatement(
            f"The record that begins in line {began:,} has more than {MAX_LETTERS} kinds of lines, "
            f"more than QIF has. {CUT}"
        )


def _no_end(began: int, number: int) -> str:
    return f"The record that begins in line {began:,} has no end before line {number:,}. {CUT}"


def _counts(line: str) -> int:
    """Returns the number of accounts whose payments begin at this line: 1 or 0.

    Raises: UnreadableStatement if the line begins records of another kind, which we do not read.
    """
    kind = _kind_of(line)
    if kind is None or kind in LISTS:
        return 0
    if kind not in KINDS:
        raise UnreadableStatement(
            f"The file has records of the kind \u201c{shortened(tidy_line(kind))}\u201d. "
            "Download the payments of a bank or card account."
        )
    return 1


def _kind_of(line: str) -> str | None:
    """Returns the kind of the next records in lower case, if the line declares a kind (`!Type:`).
    Otherwise returns None.
    """
    begin, _, kind = line.lower().partition(":")
    return kind.strip() if begin == "!type" else None


class QifOrder(NamedTuple):
    """The order of the dates in a file. `is_open` is true if this order is only a guess, because
    the dates would be different but also valid in the other order.
    """

    order: str
    is_open: bool


def qif_order(source: IO[bytes]) -> QifOrder:
    """Returns the order of the dates in the file: "dmy" (day first) or "mdy" (month first).

    If all dates are valid in both orders, these rules apply in turn: an order that the file
    declares, such as `!Option:MDY`; day first for dates with dots, which are European; the order
    with the shorter period.

    Raises: UnreadableStatement if the file cannot be read.
    """
    is_dotted, is_same = True, True
    spans: dict[str, tuple[date, date] | None] = {"mdy": None, "dmy": None}
    impossible: set[str] = set()
    for number, record in bounded(_records(source)):
        typed = record.get("D", "")
        is_dotted = is_dotted and "." in typed
        read = set[date]()
        for order, span in spans.items():
            try:
                day = _day(number, typed, order)
            except UnreadableStatement:
                impossible.add(order)
                continue
            read.add(day)
            first, last = span or (day, day)
            spans[order] = (min(first, day), max(last, day))
        is_same = is_same and len(read) < 2
    if len(impossible) == 1:
        return QifOrder("dmy" if "mdy" in impossible else "mdy", is_open=False)
    if declared := _declared_order(source):
        return QifOrder(declared, is_open=False)
    if is_dotted:
        return QifOrder("dmy", is_open=False)
    lengths = {order: span[1] - span[0] for order, span in spans.items() if span}
    likelier = min(lengths, key=lambda order: lengths[order], default="mdy")
    return QifOrder(likelier, is_open=not impossible and not is_same)


def _declared_order(source: IO[bytes]) -> str:
    """Returns the order of dates that a line above the first record declares, or "" if no line
    declares an order.
    """
    with opened(source) as text:
        for line in text_lines(text):
            if found := re.fullmatch(r"!option:\s*(mdy|dmy)\s*", line.lower()):
                return found[1]
            if line.startswith("^"):
                break
    return ""


def _day(number: int, typed: str, order: str) -> date:
    found = _DAY.fullmatch(typed.strip())
    if not found:
        raise UnreadableStatement(
            f"Line {number:,}: \u201c{shortened(tidy_line(typed))}\u201d is not a valid date."
        )
    first, second, third = found.groups()
    if len(first) == 4:
        return made_day(number, int(first), int(second), int(third))
    month, day = (first, second) if order == "mdy" else (second, first)
    return made_day(number, full_year(third), int(month), int(day))


def _figure_of(record: dict[str, str]) -> str:
    return record.get("T") or record.get("U", "")


def _mark(source: IO[bytes], currency: str) -> str:
    """Returns the decimal mark of the amounts in the file, or "." if no amount has a mark."""
    figures = (_figure_of(record) for _number, record in bounded(_records(source)))
    return decimal_of(figures, minor_units(currency) if currency else 2) or "."
