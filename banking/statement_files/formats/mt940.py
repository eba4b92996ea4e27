"""Writes SWIFT MT940, the customer statement message, which bookkeeping programs read."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from textwrap import wrap

from banking.statement_files.document import StatementDocument, StatementLine
from banking.statement_files.formats.texts import plain, swift

WIDTH, MAX_LINES = 65, 6  # characters and lines of field 86
REFERENCE = 16  # characters of the references in field 61
END = "\r\n"
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2069, 12, 31)  # because a year has only two digits
NOT_ALL = "Not all entries between the account's balances"
_SUBFIELDS = re.compile(r"\s*[0-9]{3}\s*\?", re.ASCII)
_CODES = re.compile(r"/(?=[A-Z]{3,5}/)", re.ASCII)  # codes of the Dutch format


def mt940(document: StatementDocument) -> Iterator[str]:
    """Yields the parts of an MT940 message. Letters outside SWIFT's character set lose their
    accents or become "?".

    The format requires an opening and a closing balance. For chosen entries, the file contains the
    account's balances, and a text that explains them.
    """
    number = document.number if document.number is not None else 1
    yield (
        f":20:{document.short_id}{END}:25:{document.account_number}{END}:28C:{number:05}/00001{END}"
    )
    yield f":60F:{_balance(document.opening, document.first_day, document.currency)}{END}"
    for line in document.lines:
        yield _entry(line, document.currency)
    yield f":62F:{_balance(document.closing, document.last_day, document.currency)}{END}"
    words = f"{document.title}, {document.period}"
    if document.selection:
        words += f". {NOT_ALL}, a selection: {document.selection}"
    yield from _information(swift(words))
    yield f"-{END}"


def _balance(amount: Decimal, day: date, currency: str) -> str:
    day = min(max(day, FIRST_DAY), LAST_DAY)  # no account has entries outside these years
    return f"{_mark(amount)}{day:%y%m%d}{currency}{_amount(amount, currency)}"


def _entry(line: StatementLine, currency: str) -> str:
    reference = swift(line.reference)[:REFERENCE].strip("/ ").replace("//", "-") or "NONREF"
    own = line.id.hex[-REFERENCE:].upper()
    head = (
        f":61:{line.value_date:%y%m%d}{line.booked_on:%m%d}{_mark(line.amount)}"
        f"{_amount(line.amount, currency)}NTRF{reference}//{own}{END}"
    )
    words = " ".join(filter(None, (line.title, line.number, line.words)))
    return head + "".join(_information(swift(words)))


def _information(words: str) -> Iterator[str]:
    """Yields field 86 with this text. No line begins with a colon or a hyphen, because these
    characters would end the field.

    Codes of subfields, such as "123?20" or "/NAME/", are changed, so that a text cannot imitate the
    name of the other side.
    """
    words = _CODES.sub("-", words)
    if _SUBFIELDS.match(words):
        words = f".{words.replace('?', '.')}"
    rows = [f".{row}" if row[0] in ":-" else row for row in wrap(words, WIDTH - 1)]
    rows = rows[:MAX_LINES] or ["."]
    yield f":86:{END.join(rows)}{END}"


def _mark(amount: Decimal) -> str:
    return "D" if amount < 0 else "C"


def _amount(amount: Decimal, currency: str) -> str:
    text = plain(abs(amount), currency).replace(".", ",")
    return text if "," in text else f"{text},"
