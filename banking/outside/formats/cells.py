"""Reads single cells of a CSV file in the formats of banks: dates, numbers, currencies, statuses
and directions (money in or money out).
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone

from banking.outside.formats.lines import (
    UnreadableStatement,
    full_year,
    made_day,
    not_an_amount,
)
from ledger.text.currencies import ISO_CURRENCIES
from ledger.text.lines import shortened, tidy_line

_DIGITS = re.compile(r"(\d{1,4})[./ -](\d{1,2})[./ -](\d{1,4})(?:\.|[T ,].*)?", re.ASCII)
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_WORDED = re.compile(r"(\d{1,2})[. -]+([A-Za-z]{3,9})[., -]+(\d{2,4})", re.ASCII)
_WORD_FIRST = re.compile(r"([A-Za-z]{3,9})[. -]+(\d{1,2})[., -]+(\d{2,4})", re.ASCII)
# English names, and names in other languages that begin differently. The text may contain only the
# first three or more letters.
MONTHS = tuple(
    tuple(names.split())
    for names in (
        "january januar januari janvier", "february februar februari",
        "march mars marts marzo marco", "april aprile", "may mayo", "june juni junio",
        "july juli julio", "august augusti augustus", "september septembre septiembre",
        "october octobre octubre", "november novembre novembro noviembre", "december",
    )
)  # fmt: skip


def read_day(number: int, typed: str, order: str) -> date:
    """Returns the date in a cell of a CSV file. `order` is the order of day, month and year: "dmy",
    "mdy" or "ymd". It is used only if the text contains no name of a month. `number` is the line
    number for the error message.

    Raises: UnreadableStatement if the text is not a date.
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
        if found and (month := _month(found[places[1]].lower())):
            return made_day(number, full_year(found[places[0]]), month, int(found[places[2]]))
    raise UnreadableStatement(
        f"Line {number:,}: \u201c{shortened(tidy_line(typed))}\u201d is not a valid date."
    )


def _month(word: str) -> int:
    """Returns the number of the month (1 to 12) whose name begins with `word`. Returns 0 if there
    is no such month, for example for "marraskuu" (November in Finnish), or if `word` has less than
    three letters.
    """
    for month, names in enumerate(MONTHS, 1):
        if any(name.startswith(word) for name in names):
            return month
    return 0


def is_day(typed: str) -> bool:
    """Returns whether the text is a date in any order of day, month and year."""
    for order in ("dmy", "mdy", "ymd"):
        with suppress(UnreadableStatement):
            read_day(0, typed, order)
            return True
    return False


_DIGIT = re.compile("[0-9]")
# Matches a currency or other letters before or after a number, and a currency sign within a number.
_CURRENCY_AROUND = re.compile(r"^[A-Z]{3}\s|\s?[A-Z]{3}$|[\u20ac$\u00a3]")
_WITHIN = re.compile(r"[0-9][^0-9\u20ac$\u00a3]*[\u20ac$\u00a3][^0-9]*[0-9]")
# A thousands separator follows a digit from 1 to 9, because "0.500" may mean a half. A number has
# only one kind of thousands separator.
_INDIAN = r"[1-9][0-9]?(?:,[0-9]{2}){1,5},[0-9]{3}(?:\.[0-9]{0,4})?"  # for example 1,00,007.00
_UNSIGNED = {
    mark: re.compile(
        rf"(?:[0-9]{{1,15}}|[1-9][0-9]{{0,2}}([{other} '\u2019\u00a0\u202f])[0-9]{{3}}"
        rf"(?:\1[0-9]{{3}}){{0,3}})"
        rf"(?:[{mark}][0-9]{{0,4}})?|[{mark}][0-9]{{1,4}}{more}"
    )
    for mark, other, more in ((",", ".", ""), (".", ",", rf"|{_INDIAN}"))
}


def read_figure(number: int, typed: str, mark: str) -> Decimal:
    """Returns the number in a cell. `mark` is the decimal mark, "." or ",". A sign can be before or
    after the digits. A number in brackets is negative.

    Raises: UnreadableStatement if the text is not a number with this decimal mark.
    """
    text, is_negative = _without_sign(typed)
    if not _UNSIGNED[mark].fullmatch(text):
        raise UnreadableStatement(_not_a_figure(number, typed, text, mark))
    value = Decimal(re.sub(rf"[^0-9{re.escape(mark)}]", "", text).replace(",", ".").rstrip("."))
    return -value if is_negative else value


def _not_a_figure(number: int, typed: str, text: str, mark: str) -> str:
    """Returns the error message for a cell that is not a number. If the cell is a number with the
    other decimal mark, the message contains a hint.
    """
    other, name = (".", "comma") if mark == "," else (",", "point")
    message = not_an_amount(number, typed)
    if _UNSIGNED[other].fullmatch(text):
        return f"{message} The other amounts in the file have a {name} before their decimals."
    return message


def _without_sign(typed: str) -> tuple[str, bool]:
    """Returns two values: the text of a number without its sign and its currency, and True if the
    number is negative.
    """
    if _WITHIN.search(typed):  # in 12€50 and 20$00 (Cape Verde), the sign replaces the point
        return typed, False
    text = _CURRENCY_AROUND.sub(
        _without_currency, typed.replace("\N{MINUS SIGN}", "-").strip()
    ).strip()
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), True
    if text[:1] in ("-", "+"):
        return text[1:].strip(), text[0] == "-"
    if text[-1:] in ("-", "+"):
        return text[:-1].strip(), text[-1] == "-"
    return text, False


def _without_currency(found: re.Match[str]) -> str:
    """Returns "" if the letters before or after a number are a currency. Otherwise returns the
    letters unchanged, such as "D" for debit. The text is then not a number, and the caller refuses
    the line.
    """
    code = found[0].strip()
    return "" if len(code) == 1 or code in ISO_CURRENCIES else found[0]


ORDERS = ("dmy", "mdy", "ymd")
YEARS_OF_A_FILE = timedelta(days=4 * 365)


class DayOrder(NamedTuple):
    """The most probable order of some dates ("dmy", "mdy" or "ymd"), and all orders that are
    possible.
    """

    order: str
    possible: tuple[str, ...]


@dataclass(slots=True)
class _DaysInOrder:
    """The number and the period of a file's valid dates, if all dates are read in one order of day,
    month and year.
    """

    order: str
    count: int = 0
    first: date = date.max
    last: date = date.min
    digest: int = 0  # two orders have the same period if all dates are equal

    def add(self, typed: str) -> None:
        with suppress(UnreadableStatement):
            day = read_day(0, typed, self.order)
            self.count += 1
            self.first, self.last = min(self.first, day), max(self.last, day)
            self.digest = hash((self.digest, day))

    @property
    def span(self) -> timedelta:
        return self.last - self.first if self.count else timedelta(0)


def day_order(days: Iterable[str]) -> DayOrder:
    """Returns the most probable order of day, month and year in these dates, and all possible
    orders. A date that begins with a year of four digits decides immediately. Dates with dots
    follow the rules of `_order_with_dots`.

    In all other cases, an order is better if more dates are valid in it. A date is invalid in an
    order if its month would be above 12. Among equally good orders, the order with the shortest
    period from the first to the last date is the most probable, because a file usually covers a few
    weeks.

    Year first is possible only if no other order has a shorter period, because nearly every date
    with a two-digit year is also valid with the year first.
    """
    readings = [_DaysInOrder(order) for order in ORDERS]
    has_dots = False
    for typed in days:
        found = _DIGITS.fullmatch(typed)
        # After a date with dots, a date with a four-digit year does not decide: every order reads
        # such a date with the year first.
        if found and len(found[1]) == 4 and not has_dots:
            return DayOrder("ymd", ("ymd",))
        has_dots = has_dots or (found is not None and "." in typed[: found.end(2) + 1])
        for reading in readings:
            reading.add(typed)
    if has_dots:
        return _order_with_dots(*readings)
    most = max(reading.count for reading in readings)
    fitting = [reading for reading in readings if reading.count == most]
    likeliest = min(fitting, key=lambda reading: reading.span)
    others = {
        reading.digest: reading.order
        for reading in reversed(fitting)
        if reading.digest != likeliest.digest
        and (reading.order != "ymd" or reading.span == likeliest.span)
    }
    return DayOrder(likeliest.order, (likeliest.order, *others.values()))


def _order_with_dots(
    day_first: _DaysInOrder, month_first: _DaysInOrder, year_first: _DaysInOrder
) -> DayOrder:
    """Returns the order of dates that have dots. Dots are common in Europe, so the day is first,
    unless more dates are valid with the month first.

    If the dates cover a shorter period with the year first than with the day first, both orders are
    possible. Year first is then the more probable order if three conditions are true. With the day
    first, the period is longer than four years. With the year first, the last date is not in the
    future. With the year first, the last date is not earlier than with the day first.
    """
    if month_first.count > max(day_first.count, year_first.count):
        return DayOrder("mdy", ("mdy",))
    if year_first.count < day_first.count or year_first.span >= day_first.span:
        return DayOrder("dmy", ("dmy",))
    is_of_today = day_first.last <= year_first.last <= timezone.localdate()
    if day_first.span > YEARS_OF_A_FILE and is_of_today:
        return DayOrder("ymd", ("ymd", "dmy"))
    return DayOrder("dmy", ("dmy", "ymd"))


# Matches a number with three digits after a mark that cannot be a thousands separator: ".500",
# "0.500", "1234.500".
_THREE_DECIMALS = re.compile(r"[^0-9]*(?:0[0-9]*|[0-9]{4,}|)[.,][0-9]{3}\D*", re.ASCII)


def decimal_of(figures: Iterable[str], decimals: int = 2) -> str:
    """Returns the decimal mark of these numbers, "." or ",", or "" if no number has a mark. The
    first unambiguous number decides.

    A mark before three digits is usually a thousands separator, and the other mark is then the
    decimal mark. For a currency with three decimals, it is the decimal mark.
    """
    other = ""
    for typed in figures:
        found = re.search(r"([.,])([0-9]+)\D*$", typed)
        if not found:
            continue
        if len(found[2]) != 3 or decimals == 3 or _THREE_DECIMALS.fullmatch(typed):
            return found[1]
        other = "," if found[1] == "." else "."
    return other


def is_figure(typed: str) -> bool:
    """Returns whether the text is a number with a decimal point or a decimal comma."""
    if not _DIGIT.search(typed):  # most cells have no digit
        return False
    text, _is_negative = _without_sign(typed)
    return any(unsigned.fullmatch(text) for unsigned in _UNSIGNED.values())


SIGNS = {"\u20ac": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "USD", "\u00a3": "GBP"}
# Other currencies that use the same sign.
CURRENCIES_OF_SIGN = {
    "$": frozenset(
        "ARS AUD BBD BMD BND BRL BSD BZD CAD CLP COP CUP CVE DOP FJD GYD HKD JMD KYD LRD MOP MXN"
        " NAD NIO NZD SBD SGD SRD TOP TTD TWD UYU WST XCD ZWG".split()
    ),
    "\u00a3": frozenset("EGP FKP GIP LBP SDG SHP SSP SYP".split()),
}  # fmt: skip


def currency_of(typed: str, expected: str = "") -> str:
    """Returns the code of a currency. `typed` is its code or its sign. If several currencies have
    the sign, returns `expected` if it is one of them.
    """
    code = typed.strip().upper()
    return expected if expected in CURRENCIES_OF_SIGN.get(code, ()) else SIGNS.get(code, code)


_CODE = re.compile(r"(?<![^\W\d_])[A-Z]{3}(?![^\W\d_])")


def currency_in(typed: str) -> str:
    """Returns the code or the sign of the currency in a text (a cell with a number, or a column
    name). Returns "" if the text contains no currency or several currencies.
    """
    codes = {code for code in _CODE.findall(typed) if code in ISO_CURRENCIES}
    found = codes or {sign for sign in "\u20ac$\u00a3" if sign in typed}
    return found.pop() if len(found) == 1 else ""


def is_currency_code(typed: str) -> bool:
    """Returns whether the text can be a currency: three letters, or a currency sign."""
    return re.fullmatch(r"[A-Z]{3}", currency_of(typed), re.ASCII) is not None


OUT = frozenset("s soll d dr debit dbit debet d\u00e9bit af out - \u2212".split())
IN = frozenset("h haben c cr credit crdt cr\u00e9dit bij in +".split())


def is_side(typed: str) -> bool:
    """Returns whether the text is a known word for money in or money out, such as "credit" or
    "debit".
    """
    return typed.strip().lower() in OUT | IN


def is_out(number: int, typed: str) -> bool:
    """Returns True if the text means money out, and False if it means money in.

    Raises: UnreadableStatement if the word is not known.
    """
    if not is_side(typed):
        raise UnreadableStatement(
            f"Line {number:,}: \u201c{shortened(tidy_line(typed))}\u201d does not show whether "
            "money came in or went out. We know S and H, D and C, DR and CR, Af and Bij, - and +."
        )
    return typed.strip().lower() in OUT


# Words in the status of a line that has not moved money, or will not move money. "reversed" is not
# in the list, because the bank books both a payment and its reversal.
UNBOOKED = frozenset(
    "pending reverted declined failed cancelled canceled denied rejected refused expired void"
    " voided processing authorised authorized vorgemerkt storniert abgelehnt ausstehend offen"
    " rückgängig pendiente pendente attente sospeso behandeling venter väntande odottaa oczekująca"
    " oczekujące bekliyor unposted unbooked uncleared unsettled ungebucht scheduled progress"
    " process queued awaiting incomplete uncompleted initiated unsuccessful unpaid geplant"
    " bearbeitung fehlgeschlagen varaus reserverat reserveret reservert".split()
)
BOOKED = frozenset(
    "completed complete booked posted cleared settled executed done success successful succeeded"
    " finished reversed refunded gebucht ausgef\u00fchrt abgeschlossen completado udf\u00f8rt"
    " bokf\u00f6rd sent paid ok erledigt processed contabilizzato contabilizzata".split()
)
NEGATIONS = frozenset("not nicht non niet no não ikke inte".split())
ALWAYS_BOOKED = frozenset({"reversed", "refunded"})  # booked even after "not"

LONGEST_STATUS = 200  # maximum number of characters that are checked
MAX_STATUS_WORDS = 3  # such as "Umsatz vorgemerkt"; a text with more words may not be a status
_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")  # "PENDING_REVIEW", "PaymentFailed"


def may_be_status(typed: str) -> bool:
    """Returns whether the text can be the status of a line: it contains a letter. A text without a
    letter is a number and not a status.
    """
    return any(map(str.isalpha, typed))


def is_status(typed: str) -> bool:
    """Returns whether the text contains a known word for the status of a line, such as
    "pending".
    """
    return bool(_verdicts(_words_of_status(typed)))


def is_short_status(typed: str) -> bool:
    """Returns whether the text is a known status of at most MAX_STATUS_WORDS words."""
    return len(_words_of_status(typed)) <= MAX_STATUS_WORDS and is_status(typed)


def is_unbooked(typed: str) -> bool:
    """Returns whether the status means that the payment was not booked: it has not moved money. In
    a status of at most MAX_STATUS_WORDS words, one word that means "not booked" is enough. In a
    longer text, only the first word that is a known status decides.
    """
    words = _words_of_status(typed)
    verdicts = _verdicts(words)
    return not all(verdicts if len(words) <= MAX_STATUS_WORDS else verdicts[:1])


def is_short_unbooked(typed: str) -> bool:
    """Returns whether the text is a short status that means "not booked". A bank may write such a
    status in any column, for example instead of a date.
    """
    return len(_words_of_status(typed)) <= MAX_STATUS_WORDS and is_unbooked(typed)


def _words_of_status(typed: str) -> list[str]:
    return [word.lower() for word in _BETWEEN_WORDS.split(typed[:LONGEST_STATUS]) if word]


def _verdicts(words: Sequence[str]) -> list[bool]:
    """Returns a bool for each word that is a known status: True if the word means "booked", and
    False if it means "not booked".

    "not" can negate only the next two words. It negates "completed" in "Not yet completed", but
    does not negate "declined" in "Declined: not enough funds".
    """
    found = []
    for place, word in enumerate(words):
        is_negated = not NEGATIONS.isdisjoint(words[max(place - 2, 0) : place])
        if word in UNBOOKED:
            found.append(is_negated)
        elif word in BOOKED:
            found.append(not is_negated or word in ALWAYS_BOOKED)
    return found


_MARKED = re.compile(r"'(?=[0-9A-Z]{2})", re.ASCII)  # does not match "'t Hooft" and "'S-GRAVENHAGE"


def without_mark(typed: str) -> str:
    """Returns the text of a cell without a leading apostrophe. Some banks write an apostrophe
    before a value, so that spreadsheets read the value as text. If a leading apostrophe is removed,
    an apostrophe at the end is removed too.
    """
    text = typed.strip()
    return text[1:].removesuffix("'") if _MARKED.match(text) else text


def by_side(number: int, value: Decimal, side: str) -> Decimal:
    """Returns the amount: negative if `side` means money out, and positive if `side` means money
    in. Ignores the sign of `value`.

    Raises: UnreadableStatement if the word in `side` is not known.
    """
    return -abs(value) if is_out(number, side) else abs(value)


def has_sign(typed: str) -> bool:
    """Returns whether the number in the text has a sign for "negative": a minus or an opening
    bracket.
    """
    return any(mark in typed for mark in "-\u2212(")
