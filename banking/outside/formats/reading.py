"""Determines the format of a file, and reads its lines."""

import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any

from banking.outside.formats.camt import camt_lines
from banking.outside.formats.lines import (
    CHUNK_SIZE,
    IN_ANOTHER,
    MAX_LINES,
    OutsideLine,
    StatementFacts,
    TooManyLines,
    UnreadableStatement,
    fitting,
    fitting_balance,
)
from banking.outside.formats.mt940 import mt940_lines
from banking.outside.formats.ofx import ofx1_lines, ofx2_lines
from banking.outside.formats.qif import qif_lines
from banking.outside.formats.sheet_lines import sheet_lines
from banking.outside.models import OutsideImport

Format = OutsideImport.Format
START = 4096  # number of bytes that are read to determine the format
PACKED = {
    b"PK\x03\x04": "a zip archive or a spreadsheet. Unpack it, or save the spreadsheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet. Save it as CSV",
    b"\x1f\x8b": "packed with gzip. Unpack it",
    b"BZh": "packed with bzip2. Unpack it",
    b"7z\xbc\xaf": "packed with 7-Zip. Unpack it",
    b"Rar!": "packed with RAR. Unpack it",
    b"%PDF": "a PDF. Download the statement as CSV, OFX, QIF, camt.053 or MT940",
    b"\xff\xfe": "UTF-16 text. Save it as UTF-8",
    b"\xfe\xff": "UTF-16 text. Save it as UTF-8",
}

Reader = Callable[[IO[bytes], StatementFacts], Generator[OutsideLine, None, None]]
READERS: dict[str, Reader] = {
    Format.OFX1: ofx1_lines,
    Format.OFX2: ofx2_lines,
    Format.CAMT: camt_lines,
    Format.MT940: mt940_lines,
}


@dataclass(slots=True)
class Measured:
    """The properties of a file that are known after it was read once: the number of lines, the
    first and the last day, the order of the lines, and the properties in `facts`.
    """

    count: int = 0
    first_on: date | None = None
    last_on: date | None = None
    is_newest_first: bool = False
    facts: StatementFacts = field(default_factory=StatementFacts)


def format_of(source: IO[bytes]) -> Format:
    """Returns the format of the file. Reads only the first START bytes. The format is CSV if no
    other format is recognised.

    Raises: UnreadableStatement if the file is empty, or if it is a packed file, a spreadsheet, a
    PDF or UTF-16 text.
    """
    source.seek(0)
    start = source.read(START).removeprefix(b"\xef\xbb\xbf")
    for sign, what in PACKED.items():
        if start.startswith(sign):
            raise UnreadableStatement(f"This is {what}, then choose that file.")
    if not start.strip():
        raise UnreadableStatement("The file is empty.")
    if start.lstrip().startswith(b"<"):
        return _format_of_markup(start)
    if start.lstrip()[:10].upper() == b"OFXHEADER:":
        return Format.OFX1
    if re.match(rb"\s*!(type|account|option|clear)", start, re.IGNORECASE):
        return Format.QIF
    if re.search(rb"(^|\n|\{4:\s*):20:", start) and re.search(rb"\n:(25|28C?|60[FM]):", start):
        return Format.MT940
    return Format.CSV


def _format_of_markup(start: bytes) -> Format:
    """Returns the format of a file that begins with "<".

    OFX 1 is SGML, but some banks write it without a header or with the header of OFX 2. All XML
    that is not OFX is treated as camt.053. The reader of camt.053 then refuses other formats.
    """
    if re.search(rb"<OFX>.*<CODE>[^<]*<(?!/CODE>)", start, re.IGNORECASE | re.DOTALL):
        return Format.OFX1
    if b"OFXHEADER=" in start:
        return Format.OFX2
    if re.match(rb"\s*<OFX>", start, re.IGNORECASE):
        return Format.OFX1
    return Format.OFX2 if b"<OFX>" in start else Format.CAMT


def digest_of(source: IO[bytes]) -> str:
    """Returns the SHA-256 of the file, as hexadecimal digits."""
    digest = hashlib.sha256()
    source.seek(0)
    while part := source.read(CHUNK_SIZE):
        digest.update(part)
    return digest.hexdigest()


def lines_of(
    source: IO[bytes], format: str, mapping: Mapping[str, Any] | None, facts: StatementFacts
) -> Generator[OutsideLine, None, None]:
    """Yields the lines of a file in this format, and sets `facts`. `mapping` is the meaning of the
    columns for CSV, or the chosen order of dates for QIF.

    Raises: UnreadableStatement if the file cannot be read.
    """
    if format == Format.QIF:
        return qif_lines(source, facts, (mapping or {}).get("order", ""))
    read = READERS.get(format)
    return read(source, facts) if read else sheet_lines(source, mapping or {}, facts)


def measure(
    source: IO[bytes], format: str, mapping: Mapping[str, Any] | None, currency: str
) -> Measured:
    """Reads the whole file once and returns its number of lines, its period and its balances.
    Stores no lines, so that a file with an error leaves no lines behind.

    Raises: UnreadableStatement if the file cannot be read, has no lines or too many lines, or has
    another currency than `currency`, the currency of the account.
    """
    found = Measured()
    found.facts.account_currency = currency
    cause = CAUSES_BY_MARK.get((mapping or {}).get("decimal", ""), IN_ANOTHER)
    try:
        with closing(lines_of(source, format, mapping, found.facts)) as lines:
            _count(lines, found, currency, cause)
    except UnreadableStatement as refusal:
        refusal.lines_read = found.count
        raise
    if found.facts.currency not in ("", currency):
        raise UnreadableStatement(
            f"The file is in {found.facts.currency}, not in {currency}. Choose "
            f"{found.facts.currency}, or an account in it."
        )
    if not found.count:
        raise UnreadableStatement("The file contains no payments.")
    for name, balance in (("opening", found.facts.opening), ("closing", found.facts.closing)):
        if balance is not None:
            fitting_balance(name, balance, currency)
    return found


# The possible cause of too many decimals in an amount of a CSV file, by the decimal mark of the
# mapping.
CAUSES_BY_MARK = {
    mark: (
        f"We read the amounts with a {name} before the decimals. Check whether the file has a "
        f"{other} there, or whether the account is in another currency."
    )
    for mark, name, other in ((".", "point", "comma"), (",", "comma", "point"))
}


def _count(lines: Iterable[OutsideLine], found: Measured, currency: str, cause: str) -> None:
    began_on: date | None = None
    for line in lines:
        found.count += 1
        if found.count > MAX_LINES:
            raise TooManyLines(MAX_LINES)
        day = line.booked_on
        fitting(line.number, line.amount, currency, cause)
        began_on = began_on or day
        found.first_on = min(found.first_on or day, day)
        found.last_on = max(found.last_on or day, day)
        found.is_newest_first = day < began_on
