"""Reads one cell of a CSV file, as banks write it: a date, a number, a currency, a side."""

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
# In English, and names of other languages that begin alike. A text may be cut after three letters.
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
    """Returns a date as banks write it; `order` is the order of its parts if it has only digits.

    Raises: UnreadableStatement.
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
    """Returns the month whose name begins with this word of at least three letters; 0 for none, as
    for "marraskuu", which is November in Finnish.
    """
    for month, names in enumerate(MONTHS, 1):
        if any(name.startswith(word) for name in names):
            return month
    return 0


def is_day(typed: str) -> bool:
    """Returns whether the text is a date in some order."""
    for order in ("dmy", "mdy", "ymd"):
        with suppress(UnreadableStatement):
            read_day(0, typed, order)
            return True
    return False


_DIGIT = re.compile("[0-9]")
# A currency, or other letters, before or after a number; and a currency sign within a number.
_CURRENCY_AROUND = re.compile(r"^[A-Z]{3}\s|\s?[A-Z]{3}$|[\u20ac$\u00a3]")
_WITHIN = re.compile(r"[0-9][^0-9\u20ac$\u00a3]*[\u20ac$\u00a3][^0-9]*[0-9]")
# Thousands begin with 1 to 9 and have one kind of separator: "0.500" may mean a half.
_INDIAN = r"[1-9][0-9]?(?:,[0-9]{2}){1,5},[0-9]{3}(?:\.[0-9]{0,4})?"  # 1,00,007.00
_UNSIGNED = {
    mark: re.compile(
        rf"(?:[0-9]{{1,15}}|[1-9][0-9]{{0,2}}([{other} '\u2019\u00a0\u202f])[0-9]{{3}}"
        rf"(?:\1[0-9]{{3}}){{0,3}})"
        rf"(?:[{mark}][0-9]{{0,4}})?|[{mark}][0-9]{{1,4}}{more}"
    )
    for mark, other, more in ((",", ".", ""), (".", ",", rf"|{_INDIAN}"))
}


def read_figure(number: int, typed: str, mark: str) -> Decimal:
    """Returns a number as banks write it, with a sign before or after it, or in brackets.

    Raises: UnreadableStatement.
    """
    text, is_negative = _without_sign(typed)
    if not _UNSIGNED[mark].fullmatch(text):
        raise UnreadableStatement(_not_a_figure(number, typed, text, mark))
    value = Decimal(re.sub(rf"[^0-9{re.escape(mark)}]", "", text).replace(",", ".").rstrip("."))
    return -value if is_negative else value


def _not_a_figure(number: int, typed: str, text: str, mark: str) -> str:
    """Returns the message for a cell that is not a number, or only one with the other decimal
    mark.
    """
    other, name = (".", "comma") if mark == "," else (",", "point")
    message = not_an_amount(number, typed)
    if _UNSIGNED[other].fullmatch(text):
        return f"{message} The other amounts in the file have a {name} before their decimals."
    return message


def _without_sign(typed: str) -> tuple[str, bool]:
    """Returns the text of a number without its sign and currency, and whether it is negative."""
    if _WITHIN.search(typed):  # 12€50 and Cape Verde's 20$00 have the currency instead of the point
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
    """Removes a currency. Other letters stay, such as the letter of a side: then the text is not a
    number, so its line is refused.
    """
    code = found[0].strip()
    return "" if len(code) == 1 or code in ISO_CURRENCIES else found[0]


ORDERS = ("dmy", "mdy", "ymd")
YEARS_OF_A_FILE = timedelta(days=4 * 365)


class DayOrder(NamedTuple):
    """The likeliest order of some dates, and each order that they may have."""

    order: str
    possible: tuple[str, ...]


@dataclass(slots=True)
class _DaysInOrder:
    """The dates of a file as read in one order."""

    order: str
    count: int = 0
    first: date = date.max
    last: date = date.min
    digest: int = 0  # equal for equal dates

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
    """Returns the order of the parts of these dates: the one in which most of them are valid,
    because a number above 12 is not a month. If several orders fit, the one with the shortest
    period, because a file usually covers some weeks.

    The year is first only if no other order has a shorter period: nearly every date with a year of
    two digits could be read in that order.
    """
    readings = [_DaysInOrder(order) for order in ORDERS]
    has_dots = False
    for typed in days:
        found = _DIGITS.fullmatch(typed)
        # After dates with dots this date does not decide: it reads the same in any order.
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
    """Returns the order of dates with dots. Dots are European, so the day is first, unless more of
    the dates are valid with the month first.

    If the period is shorter with the year first, this order is possible too. It is chosen if the
    period with the day first is longer than four years, and the last date with the year first is
    neither older than the last one with the day first nor in the future.
    """
    if month_first.count > max(day_first.count, year_first.count):
        return DayOrder("mdy", ("mdy",))
    if year_first.count < day_first.count or year_first.span >= day_first.span:
        return DayOrder("dmy", ("dmy",))
    is_of_today = day_first.last <= year_first.last <= timezone.localdate()
    if day_first.span > YEARS_OF_A_FILE and is_of_today:
        return DayOrder("ymd", ("ymd", "dmy"))
    return DayOrder("dmy", ("dmy", "ymd"))


# Three digits after a mark that cannot be before thousands: ".500", "0.500", "1234.500".
_THREE_DECIMALS = re.compile(r"[^0-9]*(?:0[0-9]*|[0-9]{4,}|)[.,][0-9]{3}\D*", re.ASCII)


def decimal_of(figures: Iterable[str], decimals: int = 2) -> str:
    """Returns the decimal mark of the first number that determines it. A mark before three digits
    separates thousands, unless the currency has three decimals: then the other mark is returned if
    no number determines more. "" if no number has a mark.
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
    """Returns whether the text is a number with either decimal mark."""
    if not _DIGIT.search(typed):  # true for most cells
        return False
    text, _is_negative = _without_sign(typed)
    return any(unsigned.fullmatch(text) for unsigned in _UNSIGNED.values())


SIGNS = {"\u20ac": "EUR", "EURO": "EUR", "EUROS": "EUR", "$": "USD", "\u00a3": "GBP"}
# Other currencies with the same sign.
CURRENCIES_OF_SIGN = {
    "$": frozenset(
        "ARS AUD BBD BMD BND BRL BSD BZD CAD CLP COP CUP CVE DOP FJD GYD HKD JMD KYD LRD MOP MXN"
        " NAD NIO NZD SBD SGD SRD TOP TTD TWD UYU WST XCD ZWG".split()
    ),
    "\u00a3": frozenset("EGP FKP GIP LBP SDG SHP SSP SYP".split()),
}  # fmt: skip


def currency_of(typed: str, expected: str = "") -> str:
    """Returns the code of a currency, because some banks write its sign. If several currencies have
    this sign, returns the expected one.
    """
    code = typed.strip().upper()
    return expected if expected in CURRENCIES_OF_SIGN.get(code, ()) else SIGNS.get(code, code)


_CODE = re.compile(r"(?<![^\W\d_])[A-Z]{3}(?![^\W\d_])")


def currency_in(typed: str) -> str:
    """Returns the code or the sign of a currency in a cell with a number or in the name of a
    column; "" if there is none, or several.
    """
    codes = {code for code in _CODE.findall(typed) if code in ISO_CURRENCIES}
    found = codes or {sign for sign in "\u20ac$\u00a3" if sign in typed}
    return found.pop() if len(found) == 1 else ""


def is_currency_code(typed: str) -> bool:
    """Returns whether the text looks like a currency: three letters, or a sign."""
    return re.fullmatch(r"[A-Z]{3}", currency_of(typed), re.ASCII) is not None


OUT = frozenset("s soll d dr debit dbit debet d\u00e9bit af out - \u2212".split())
IN = frozenset("h haben c cr credit crdt cr\u00e9dit bij in +".split())


def is_side(typed: str) -> bool:
    """Returns whether the text means that money came in or went out."""
    return typed.strip().lower() in OUT | IN


def is_out(number: int, typed: str) -> bool:
    """Returns whether the text means that money went out; False for money in.

    Raises: UnreadableStatement.
    """
    if not is_side(typed):
        raise UnreadableStatement(
            f"Line {number:,}: \u201c{shortened(tidy_line(typed))}\u201d does not show whether "
            "money came in or went out. Known are S and H, D and C, DR and CR, Af and Bij, - and +."
        )
    return typed.strip().lower() in OUT


# Words for lines that have not moved money, or not yet. "reversed" is not included, because both a
# payment and its reversal are booked.
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
ALWAYS_BOOKED = frozenset({"reversed", "refunded"})  # also after "not"

LONGEST_STATUS = 200  # characters that are checked
MAX_STATUS_WORDS = 3  # in a status such as "Umsatz vorgemerkt"; longer ones may be texts
_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")  # "PENDING_REVIEW", "PaymentFailed"


def may_be_status(typed: str) -> bool:
    """Returns whether the text has a letter, so that it is not a number."""
    return any(map(str.isalpha, typed))


def is_status(typed: str) -> bool:
    """Returns whether the text contains a known status of a line."""
    return bool(_verdicts(_words_of_status(typed)))


def is_short_status(typed: str) -> bool:
    """Returns whether the text is only a known status."""
    return len(_words_of_status(typed)) <= MAX_STATUS_WORDS and is_status(typed)


def is_unbooked(typed: str) -> bool:
    """Returns whether the status means that the line has not moved money, or not yet: it has a word
    of UNBOOKED; in a longer text, before a word of BOOKED.
    """
    words = _words_of_status(typed)
    verdicts = _verdicts(words)
    return not all(verdicts if len(words) <= MAX_STATUS_WORDS else verdicts[:1])


def is_short_unbooked(typed: str) -> bool:
    """Returns whether the text is only such a status, in any column."""
    return len(_words_of_status(typed)) <= MAX_STATUS_WORDS and is_unbooked(typed)


def _words_of_status(typed: str) -> list[str]:
    return [word.lower() for word in _BETWEEN_WORDS.split(typed[:LONGEST_STATUS]) if word]


def _verdicts(words: Sequence[str]) -> list[bool]:
    """Returns, for each known word, whether it means that the line is booked. "Not" may be up to
    two words before the word that it negates: "Not yet completed", but "Declined: not enough
    funds".
    """
    found = []
    for place, word in enumerate(words):
        is_negated = not NEGATIONS.isdisjoint(words[max(place - 2, 0) : place])
        if word in UNBOOKED:
            found.append(is_negated)
        elif word in BOOKED:
            found.append(not is_negated or word in ALWAYS_BOOKED)
    return found


_MARKED = re.compile(r"'(?=[0-9A-Z]{2})", re.ASCII)  # not "'t Hooft" and "'S-GRAVENHAGE"


def without_mark(typed: str) -> str:
    """Returns the cell without a leading apostrophe, with which banks mark a text for spreadsheets,
    and without an apostrophe at the end of such a cell.
    """
    text = typed.strip()
    return text[1:].removesuffix("'") if _MARKED.match(text) else text


def by_side(number: int, value: Decimal, side: str) -> Decimal:
    """Returns the amount with the sign of the side. A minus in the amount has no further effect.

    Raises: UnreadableStatement.
    """
    return -abs(value) if is_out(number, side) else abs(value)


def has_sign(typed: str) -> bool:
    """Returns whether a number has a minus, or brackets instead of a minus."""
    return any(mark in typed for mark in "-\u2212(")
