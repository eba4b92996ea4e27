"""Reads OFX. Version 1 is SGML, and its values have no closing tags. Version 2 is XML."""

import html
import io
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import IO

from banking.outside.formats.lines import (
    CUT,
    LONGEST_LINE,
    MAX_TAGS,
    OutsideLine,
    StatementFacts,
    TooManyLines,
    UnreadableStatement,
    bounded,
    leading_day,
    made_line,
    not_an_amount,
    opened,
    plain_figure,
    read_compact_day,
)
from banking.outside.formats.xml import elements, plain_name
from ledger.text.currencies import minor_units
from ledger.text.lines import shortened, tidy_line

MAX_VALUES = 200  # maximum per aggregate; an aggregate such as a payment has about 20
CHUNK_SIZE = 64 * 1024  # in characters
STANDALONE = frozenset({"CURDEF", "DTEND"})  # tags of values outside the wanted aggregates
WANTED = STANDALONE | {"STMTTRN", "LEDGERBAL", "BANKACCTFROM", "CCACCTFROM", "INVTRAN"}
LATER = timedelta(days=3)  # how much later the balance may be than the lines
_TAG = re.compile(r"<(/?)([A-Za-z0-9._]{1,40})>([^<]*)", re.ASCII)
THREE_DECIMALS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}", re.ASCII)
Aggregate = tuple[str, dict[str, str]]


def ofx1_lines(source: IO[bytes], facts: StatementFacts) -> Generator[OutsideLine, None, None]:
    """Yields the lines of an OFX 1 file, and sets the currency and balances in `facts`.

    Raises: UnreadableStatement if the file cannot be read.
    """
    with opened(source) as text:
        yield from _lines(_from_sgml(text), facts)


def ofx2_lines(source: IO[bytes], facts: StatementFacts) -> Generator[OutsideLine, None, None]:
    """Yields the lines of an OFX 2 file, and sets the currency and balances in `facts`.

    Raises: UnreadableStatement if the file cannot be read.
    """
    yield from _lines(_from_xml(source), facts)


@dataclass(slots=True)
class _Total:
    """The account number, the sum of the lines and the balance, as far as the file was read."""

    account: str = ""
    sum: Decimal = Decimal(0)
    closing: Decimal | None = None
    balances: int = 0  # number of balances in the file
    ends: str = ""  # the end of the period, as the file states it
    balance_of: str = ""  # the day of the balance, as the file states it
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))


def _lines(
    aggregates: Iterator[Aggregate], facts: StatementFacts
) -> Generator[OutsideLine, None, None]:
    """Yields the lines, and sets the opening and closing balance in `facts`.

    Note [Opening of OFX]: an OFX file contains only one balance, from the day of the download. The
    opening balance is this balance minus all lines. If the file was downloaded after the end of its
    period, both balances could be wrong, so the opening and closing balances are not set.
    """
    total = _Total()
    for name, values in bounded(aggregates):
        if name == "STMTTRN":
            line = _line(next(total.numbers), values, facts)
            total.sum += line.amount
            yield line
        elif name == "INVTRAN":
            raise UnreadableStatement(
                "The file is from an investment account. We do not read purchases and sales. "
                "Only statements of bank and card accounts can be imported."
            )
        elif name == "CURDEF":
            facts.is_in(values.get("CURDEF", ""))
        elif name == "DTEND":
            total.ends = values.get("DTEND", "")[:8]
        elif name == "LEDGERBAL":
            balance = values.get("BALAMT", "")  # some banks leave this value empty
            total.closing = _figure(0, balance, facts) if balance else None
            total.balances += 1
            total.balance_of = values.get("DTASOF", "")[:8]
        else:
            _note_account(total, values.get("ACCTID", ""))
    # Two balances in a file may be from two months in any order, so neither balance is used.
    if total.closing is not None and total.balances == 1 and not _is_of_later(total):
        facts.closing, facts.opening = total.closing, total.closing - total.sum
        days = (leading_day(day) for day in (total.ends, total.balance_of))
        facts.closing_on = min((day for day in days if day), default=None)


def _is_of_later(total: _Total) -> bool:
    """Returns whether the day of the balance is more than LATER after the end of the file's period.
    Lines of the days in between may be missing.
    """
    try:
        ends, balance_of = (read_compact_day(0, day) for day in (total.ends, total.balance_of))
    except UnreadableStatement:
        return False  # some banks do not write these days
    return balance_of > ends + LATER


def _note_account(total: _Total, account: str) -> None:
    if total.account not in ("", account):
        raise UnreadableStatement(
            "The file has statements of several accounts. Download a file for each account."
        )
    total.account = account


def _line(number: int, values: dict[str, str], facts: StatementFacts) -> OutsideLine:
    symbol = values.get("CURSYM", "").upper()
    # ORIGCURRENCY is the original currency of an amount that the bank has converted.
    if "CURRENCY" in values and symbol != (facts.currency or facts.account_currency):
        raise UnreadableStatement(
            f"Line {number:,} has an amount in {shortened(tidy_line(symbol))} that the file does "
            "not convert. Download the file in another format."
        )
    day = values.get("DTPOSTED", "")[:8]
    return made_line(
        number,
        read_compact_day(number, day),
        _figure(number, values.get("TRNAMT", ""), facts),
        description=values.get("MEMO", ""),
        other=values.get("NAME", ""),
        reference=values.get("REFNUM", "") or values.get("CHECKNUM", ""),
        outside_id=values.get("FITID", ""),
    )


def _figure(number: int, text: str, facts: StatementFacts) -> Decimal:
    """Returns the number in a text. A point or a comma is a decimal mark.

    Raises: UnreadableStatement if the text is not a number, or if the mark may be a thousands
    separator, as in "1,500". In a currency with three decimals, "1,500" has a decimal mark.
    """
    currency = facts.account_currency
    if THREE_DECIMALS.fullmatch(text.strip()) and currency and minor_units(currency) < 3:
        raise UnreadableStatement(
            f"{not_an_amount(number, text)} Are these thousands? Download the file in another "
            "format."
        )
    return plain_figure(number, text)


def _from_xml(source: IO[bytes]) -> Iterator[Aggregate]:
    for name, element in elements(source, WANTED, MAX_VALUES):
        if name.startswith("root "):
            if name != "root OFX":
                raise UnreadableStatement(
                    "The file is XML of a different type. Download it as OFX."
                )
            continue
        yield name, {plain_name(found): (found.text or "").strip() for found in element.iter()}


def _from_sgml(text: io.TextIOWrapper) -> Iterator[Aggregate]:
    """Yields the name and the values of each wanted aggregate, after its closing tag."""
    name, values = "", dict[str, str]()
    for count, (closing, tag, value) in enumerate(_within_ofx(text)):
        if count > MAX_TAGS:
            raise TooManyLines(MAX_TAGS, "tags")
        if closing:
            if tag == name:
                yield name, values
                name = ""
        elif tag in STANDALONE:
            yield tag, {tag: value}
        elif tag in WANTED:
            if name:
                raise UnreadableStatement(f"The end of a part of the file is missing. {CUT}")
            name, values = tag, {}
        elif name and (value or tag == "CURRENCY"):
            values.setdefault(tag, value)
            if len(values) > MAX_VALUES:
                raise UnreadableStatement(
                    f"A part of the file has more than {MAX_VALUES} kinds of values, far more "
                    f"than OFX has. {CUT}"
                )


def _within_ofx(text: io.TextIOWrapper) -> Iterator[tuple[str, str, str]]:
    """Yields the tags between <OFX> and </OFX>.

    Raises: UnreadableStatement if <OFX> occurs twice or </OFX> is missing.
    """
    begun = ended = 0
    for closing, tag, value in _tags(text):
        if tag != "OFX":
            yield closing, tag, value
            continue
        begun, ended = begun + (not closing), ended + bool(closing)
        if begun > 1:
            raise UnreadableStatement(
                "The file contains a second copy of itself. Download it again."
            )
    if not ended:
        raise UnreadableStatement(f"The end of the file is missing. {CUT}")


def _tags(text: io.TextIOWrapper) -> Iterator[tuple[str, str, str]]:
    """Yields each tag with the text after it. Reads the file in chunks, because many banks write
    the whole file as one line.
    """
    rest = ""
    while piece := text.read(CHUNK_SIZE):
        rest += piece
        last = rest.rfind("<")
        whole, rest = (rest[:last], rest[last:]) if last >= 0 else ("", rest)
        yield from _tags_in(whole)
        if len(rest) > LONGEST_LINE:
            raise UnreadableStatement(
                f"A value of the file has more than {LONGEST_LINE:,} characters."
            )
    yield from _tags_in(rest)


def _tags_in(text: str) -> Iterator[tuple[str, str, str]]:
    for found in _TAG.finditer(text):
        yield found[1], found[2].upper(), _unescaped(found[3]).strip()


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # for a character reference with thousands of digits
        raise UnreadableStatement(
            f"\u201c{shortened(tidy_line(text))}\u201d has an invalid character number."
        ) from None
