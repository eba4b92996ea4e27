"""The class of the lines that every reader of a file yields, and functions that all readers use for
limits, encodings, dates and numbers.
"""

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import IO, TypeVar
from weakref import WeakKeyDictionary

from banking.outside.models import DESCRIPTION_LIMIT, ID_LIMIT, OTHER_LIMIT, REFERENCE_LIMIT
from ledger.text.currencies import LARGEST_AMOUNT, decimals_of, minor_units
from ledger.text.lines import shortened, tidy_line

MAX_LINES = 50_000
MAX_PARTS = 4 * MAX_LINES  # maximum number of rows, records, fields or entries
MAX_RAW_LINES = 20 * MAX_LINES  # in some formats, a long text of one payment has many lines
MAX_TAGS = 40 * MAX_LINES  # maximum number of tags in OFX 1, or of elements in XML
MAX_STATEMENTS = 10_000  # maximum per file: one statement per day for 27 years
MAX_BYTES = 32 * 1024 * 1024
LONGEST_LINE = 20_000  # maximum number of characters
CHUNK_SIZE = 64 * 1024  # in bytes
EARLIEST, LATEST = date(1970, 1, 1), date(2100, 1, 1)
UTF_8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
CUT = "Was the file cut off? Download it again."
WRONG_ENCODING = (
    "The file has letters that are neither UTF-8 nor Windows-1252. Open the file in an editor, "
    "save it as UTF-8, and upload the saved file. If the file is damaged, download it again."
)


class UnreadableStatement(Exception):
    """Raised if a file cannot be read. The message contains the reason and a next step for the
    person. `lines_read` is the number of lines before the error.
    """

    lines_read = 0


class TooManyLines(UnreadableStatement):
    """Raised if a file is longer than the limits allow."""

    def __init__(self, most: int, what: str = "lines") -> None:
        super().__init__(
            f"The file has more than {most:,} {what}. Download fewer months at a time."
        )


Part = TypeVar("Part")


def bounded(parts: Iterable[Part]) -> Iterator[Part]:
    """Yields `parts`, the rows, records, fields or entries of a file. The limit is higher than the
    limit of lines, because some parts do not become lines.

    Raises: TooManyLines after MAX_PARTS parts.
    """
    for count, part in enumerate(parts, start=1):
        if count > MAX_PARTS:
            raise TooManyLines(MAX_PARTS)
        yield part


@dataclass(frozen=True, slots=True)
class OutsideLine:
    """One payment on the account. Its texts are tidied, and the amount of money out is negative."""

    number: int
    booked_on: date
    amount: Decimal
    description: str = ""
    other: str = ""
    reference: str = ""
    outside_id: str = ""


@dataclass(slots=True)
class StatementFacts:
    """Properties of a file, such as its currency and its balances. They are complete only after the
    last line was read.
    """

    currency: str = ""
    opening: Decimal | None = None
    closing: Decimal | None = None
    closing_on: date | None = None  # the day of the closing balance, if the file contains it
    unbooked: int = 0  # number of skipped lines: pending lines, and lines that moved no money
    account_currency: str = ""  # the expected currency of the lines, if known

    def is_in(self, currency: str) -> None:
        """Records the currency of an amount.

        Raises: UnreadableStatement if an earlier amount had a different currency.
        """
        code = currency.strip().upper()
        if code and self.currency and code != self.currency:
            raise UnreadableStatement(
                f"The file has amounts in {self.currency} and in {shortened(code)}. "
                "Download a separate file for each account."
            )
        self.currency = code or self.currency


Balance = tuple[Decimal, str]  # the amount and its day


@dataclass(slots=True)
class StatementBalances:
    """A check of the statements in a file. The opening balance plus all lines must be the closing
    balance, so that no line is missing. The file must not contain a statement twice.

    The check also records the opening balance of the earliest day and the closing balance of the
    latest day. The statements and their pages can be in any order.
    """

    facts: StatementFacts
    _opening: Balance | None = None
    _closing: Balance | None = None
    # The day of a balance in the notation of the format (its text order is the order in time), and
    # whether the balance belongs to the beginning or end of a page.
    _first: tuple[str, bool] | None = None
    _last: tuple[str, bool] = ("", False)
    _sum: Decimal = Decimal(0)
    _count: int = 0
    _texts: int = 0  # the hash is equal for equal lines
    _statements: int = 0
    _seen: set[tuple[Balance, Balance, int, int]] = field(default_factory=set)

    def open(self, amount: Decimal, day: str, *, is_page: bool = False) -> None:
        """Records an opening balance. `is_page` is true if the statement began on an earlier
        page.
        """
        self._opening = (amount, day)
        if self._first is None or (day, is_page) < self._first:
            self.facts.opening, self._first = amount, (day, is_page)

    def close(self, amount: Decimal, day: str, *, is_page: bool = False) -> None:
        """Records a closing balance. `is_page` is true if the statement continues on a later
        page.
        """
        self._closing = (amount, day)
        if (day, not is_page) >= self._last:
            self.facts.closing, self._last = amount, (day, not is_page)
            self.facts.closing_on = leading_day(day)

    def note(self) -> None:
        """Sets `opening` and `closing` in `facts`: the balances of the whole file. Must be called
        after the whole file was read.

        If a day has several statements, the closing balance of each statement is the opening
        balance of the next one. So the file's opening balance is the only opening balance that is
        not also a closing balance. The file's closing balance is the only closing balance that is
        not also an opening balance.
        """
        begun = Counter(each[0] for each in self._seen)
        ended = Counter(each[1] for each in self._seen)
        starts = {it[0] for it in begun - ended if self._first and it[1] == self._first[0]}
        ends = {it[0] for it in ended - begun if it[1] == self._last[0]}
        if len(starts) == 1:
            (self.facts.opening,) = starts
        if len(ends) == 1:
            (self.facts.closing,) = ends

    def add(self, amount: Decimal) -> None:
        """Adds the amount of a line to the sum of the statement."""
        self._sum += amount
        self._count += 1

    def note_texts(self, line: OutsideLine) -> None:
        """Includes the texts of a line in the comparison of statements. Two different statements of
        the same day can have the same amounts and differ only in their texts.
        """
        self._texts = hash((self._texts, replace(line, number=0)))

    def end(self) -> None:
        """Ends the current statement of the file, and checks its balances.

        Raises: UnreadableStatement if the opening balance plus the lines is not the closing
        balance, or if the file contains the statement twice; TooManyLines after MAX_STATEMENTS.
        """
        self._statements += 1
        if self._statements > MAX_STATEMENTS:
            raise TooManyLines(MAX_STATEMENTS, "statements")
        begun, ended, sum, count = self._opening, self._closing, self._sum, self._count
        texts, self._texts = self._texts, 0
        self._opening, self._closing, self._sum, self._count = None, None, Decimal(0), 0
        if begun is None or ended is None:
            return
        if begun[0] + sum != ended[0]:
            raise UnreadableStatement(
                f"The lines do not add up: the opening balance {begun[0]:f} and all lines give "
                f"{begun[0] + sum:f}, but the closing balance is {ended[0]:f}. {CUT}"
            )
        facts = (begun, ended, count, texts)
        if count and facts in self._seen:
            raise UnreadableStatement("A statement is in the file twice. Download the file again.")
        self._seen.add(facts)


# Texts that banks write if a payment has no reference or no id.
NO_ID = frozenset(
    ("nonref", "notprovided", "not provided", "notavailable", "nicht angegeben", "none", "n/a", "0")
)


def is_no_id(text: str) -> bool:
    """Returns whether the text is empty or is a placeholder for a missing id or reference."""
    return not text.strip() or text.strip().lower() in NO_ID


def made_line(
    number: int,
    day: date,
    amount: Decimal,
    *,
    description: str = "",
    other: str = "",
    reference: str = "",
    outside_id: str = "",
) -> OutsideLine:
    """Returns a line with tidied and shortened texts.

    Raises: UnreadableStatement if a text is a spreadsheet formula.
    """
    ids = ("" if is_no_id(text) else text for text in (reference, outside_id))
    texts = [_tidy(text) for text in (description, other, *ids)]
    for text in texts:
        if text.startswith("="):
            raise UnreadableStatement(
                f"Line {number:,} has the text \u201c{shortened(text)}\u201d, which a spreadsheet "
                "would read as a formula. Remove it, or download the file again."
            )
    limits = (DESCRIPTION_LIMIT, OTHER_LIMIT, REFERENCE_LIMIT, ID_LIMIT)
    cut = [text[:most] for text, most in zip(texts, limits, strict=True)]
    return OutsideLine(number, day, amount, *cut)


def _tidy(text: str) -> str:
    plain = text.isascii() and text.isprintable()
    return " ".join(text.split()) if plain else tidy_line(text)


def full_year(text: str) -> int:
    """Returns the year as a number. A year of two digits is read as a year from 1970 to 2069."""
    year = int(text)
    if len(text) != 2:
        return year
    return year + (2000 if year < 70 else 1900)


def made_day(number: int, year: int, month: int, day: int) -> date:
    """Returns the date. `number` is the line number for the error message.

    Raises: UnreadableStatement if the date does not exist, or is not from 1970 to 2099.
    """
    try:
        found = date(year, month, day)
    except ValueError:
        found = date.min
    if not EARLIEST <= found < LATEST:
        typed = f"{year:04}-{month:02}-{day:02}"
        raise UnreadableStatement(f"Line {number:,}: {typed} is not a valid date.")
    return found


def read_compact_day(number: int, text: str) -> date:
    """Returns the date at the beginning of a text such as "20261130". `number` is the line number
    for the error message.

    Raises: UnreadableStatement if there is no such date.
    """
    if not re.fullmatch(r"[0-9]{8}", text[:8]):
        raise UnreadableStatement(
            f"Line {number:,}: \u201c{shortened(tidy_line(text))}\u201d is not a valid date."
        )
    return made_day(number, int(text[:4]), int(text[4:6]), int(text[6:8]))


def leading_day(text: str) -> date | None:
    """Returns the date at the beginning of a text such as "2026-11-30", "20261130" or "261130".
    Returns None if there is no date.
    """
    digits = text[:10].replace("-", "")[:8]
    if len(digits) == 6 and digits.isdecimal():
        digits = f"{full_year(digits[:2])}{digits[2:]}"
    with suppress(UnreadableStatement):
        return read_compact_day(0, digits)
    return None


_PLAIN = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{0,4})?|[+-]?[.,][0-9]{1,4}")


def plain_figure(number: int, text: str) -> Decimal:
    """Returns the number in `text`. The decimal mark can be a point or a comma, and thousands
    separators are not allowed (as in file formats for programs). `number` is the line number for
    the error message.

    Raises: UnreadableStatement if the text is not a number.
    """
    typed = text.strip()
    if not _PLAIN.fullmatch(typed):
        raise UnreadableStatement(not_an_amount(number, text))
    return Decimal(typed.replace(",", "."))


def not_an_amount(number: int, text: str) -> str:
    """Returns the error message for a text that is not an amount. `number` is the line number."""
    return f"Line {number:,}: \u201c{shortened(tidy_line(text))}\u201d is not an amount."


IN_ANOTHER = "Is the account in another currency?"


def fitting(number: int, amount: Decimal, currency: str, cause: str = IN_ANOTHER) -> Decimal:
    """Checks that an account can have the amount, and returns the amount unchanged.

    Raises: UnreadableStatement if the amount is too large for an account, or has more decimals than
    the currency. In the second case, the message contains `cause` as the possible reason.
    """
    if decimals_of(amount) > minor_units(currency):
        raise UnreadableStatement(
            f"Line {number:,}: {amount:f} has more decimals than {currency} has. {cause}"
        )
    if abs(amount) > LARGEST_AMOUNT:  # for example two numbers that were joined
        raise UnreadableStatement(
            f"Line {number:,}: the amount {amount:f} is too large. Check your choice of columns, "
            "or download the file again."
        )
    return amount


def fitting_balance(name: str, balance: Decimal, currency: str) -> None:
    """Raises UnreadableStatement if the balance has more decimals than the currency, or is larger
    than any account can have. `name` is "opening" or "closing".
    """
    subject = f"The {name} balance of the file, {balance:f},"
    if decimals_of(balance) > minor_units(currency):
        raise UnreadableStatement(f"{subject} has more decimals than {currency} has. {IN_ANOTHER}")
    if abs(balance) > LARGEST_AMOUNT:
        raise UnreadableStatement(f"{subject} is too large for an account. {CUT}")


def encoding_of(source: IO[bytes]) -> str:
    """Returns the name of the file's encoding: "utf-8-sig" or "cp1252" (Windows-1252). The first
    call reads the whole file, and later calls return the same result. Valid UTF-8 letters next to
    an invalid byte mean a damaged UTF-8 file, not Windows-1252.

    Raises: UnreadableStatement for other encodings, for NUL characters, and for more than
    MAX_BYTES; TooManyLines for more than MAX_RAW_LINES lines.
    """
    if source not in _encodings:
        _encodings[source] = _find_encoding(source)
    return _encodings[source]


_encodings = WeakKeyDictionary[IO[bytes], str]()


def _find_encoding(source: IO[bytes]) -> str:
    decoders = {code: codecs.getincrementaldecoder(code)() for code in ("utf-8", "cp1252")}
    has_letters, size, lines, before = False, 0, 0, b""
    source.seek(0)
    while part := source.read(CHUNK_SIZE):
        size += len(part)
        _refuse_size(size)
        lines += part.count(b"\n") + part.count(b"\r") - part.count(b"\r\n")
        if lines > MAX_RAW_LINES:
            raise TooManyLines(MAX_RAW_LINES)
        if b"\x00" in part:
            raise UnreadableStatement(
                "We cannot read this file. Choose the CSV, OFX, QIF, camt.053 or MT940 file that "
                "you downloaded from your bank. If you saved it in a spreadsheet program, save it "
                "again as CSV (UTF-8)."
            )
        has_letters = has_letters or UTF_8_LETTER.search(before[-2:] + part) is not None
        before = part
        decoders = {code: decoder for code, decoder in decoders.items() if _reads(decoder, part)}
    if "utf-8" in decoders and _reads(decoders["utf-8"], b"", final=True):
        return "utf-8-sig"
    if "cp1252" in decoders and not has_letters and not _has_odd_words(source):
        return "cp1252"
    raise UnreadableStatement(WRONG_ENCODING)


# Sequences that do not occur in the words of Western Europe. Texts in other encodings contain such
# sequences if they are read as Windows-1252: four letters with accents in a row (Cyrillic, Greek),
# a sign between two letters (Polish, DOS), a capital Y with two dots after a small letter (Mac), or
# a Czech letter next to a Danish letter.
_ODD_WORDS = re.compile(
    "[\xc0-\xff]{4}"
    "|[^\\W\\d_][\xa1-\xa9\xac\xaf\xb1\xb6\xb8\xb9\xbc-\xbf\u201a\u201e\u2020\u2021\u02c6\u02dc\u2030][^\\W\\d_]"
    "|[^\\W\\d_m][\xb2\xb3][^\\W\\d_]"
    "|[a-z\xe0-\xff]\u0178"
    "|\xf8[\xec\xed\xf9\xe8]|[\xec\xf9\xe8]\xf8"
)


def _has_odd_words(source: IO[bytes]) -> bool:
    """Returns whether the file, read as Windows-1252, contains words that no language has."""
    source.seek(0)
    before = ""
    while part := source.read(CHUNK_SIZE):
        text = before + part.decode("cp1252")
        if _ODD_WORDS.search(text):
            return True
        before = text[-4:]
    return False


def windows_1252_sample(source: IO[bytes]) -> str:
    """Returns the first line that has letters outside ASCII, or "" if the encoding of the file is
    not Windows-1252.
    """
    if encoding_of(source) != "cp1252":
        return ""
    with opened(source) as text:
        return next((tidy_line(line) for line in text_lines(text) if not line.isascii()), "")


def _refuse_size(size: int) -> None:
    if size > MAX_BYTES:
        raise UnreadableStatement(
            f"The file has more than {MAX_BYTES // 1024**2} MB. Download fewer months at a time."
        )


def _reads(decoder: codecs.IncrementalDecoder, part: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(part, final)
    except UnicodeDecodeError:
        return False
    return True


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("as_windows_1252", _as_windows_1252)


@contextmanager
def opened(source: IO[bytes], *, is_checked: bool = False) -> Iterator[io.TextIOWrapper]:
    """Opens the file as text, from its beginning. Does not close `source` at the end.

    `is_checked` means that `encoding_of` has accepted the file before, so the file is not checked
    again. Each byte that is not valid UTF-8 is then read as Windows-1252.
    """
    encoding, errors = "utf-8-sig", "as_windows_1252"
    if not is_checked:
        encoding, errors = encoding_of(source), "strict"
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=encoding, errors=errors, newline="")
    try:
        yield text
    finally:
        if not source.closed:  # a reader that was stopped may have closed the file
            text.detach()


def text_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yields the lines of the text, each with its line ending.

    Raises: UnreadableStatement if a line is longer than LONGEST_LINE.
    """
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise UnreadableStatement(
                f"A line of the file has more than {LONGEST_LINE:,} characters, far more than a "
                "statement needs. Is a closing quote missing, or is it another file?"
            )
        yield line
