"""How money, account numbers and dates look: every figure on a page passes through here."""

from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from django import template
from django.utils import timezone

from accounts.currencies import MINOR_UNITS, decimals_of
from accounts.numbers import grouped

register = template.Library()

LOCALE = "en_GB"
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

Amount = Decimal | int | str | None


def _digits(amount: Decimal, currency: str) -> str:
    """The amount without its sign, with the currency's decimals, or more if it has more."""
    decimals = max(decimals_of(amount), MINOR_UNITS.get(currency, 0))
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    return format_decimal(abs(amount), format=pattern, locale=LOCALE, decimal_quantization=False)


@register.filter
def figure(amount: Amount, currency: str = "") -> str:
    """950 USD is "950.00", below zero with a true minus: for a column that names its currency."""
    if amount is None or amount == "":
        return ""
    exact = Decimal(amount)
    return (MINUS if exact < 0 else "") + _digits(exact, currency)


@register.filter
def signed(amount: Amount, currency: str = "") -> str:
    """In is "+56.00", out has a true minus, nothing is "0.00"."""
    if amount is None or amount == "":
        return ""
    return ("+" if Decimal(amount) > 0 else "") + figure(amount, currency)


@register.filter
def money(amount: Amount, currency: str) -> str:
    """A figure in a sentence, never torn from its currency: "950.00 USD"."""
    text = figure(amount, currency)
    return f"{text}{NO_BREAK}{currency}" if text else ""


@register.filter
def account_number(number: str | None) -> str:
    """4821093755 is "4821 0937 55", as people read it aloud."""
    return grouped(str(number or ""))


def _day(moment: date | datetime) -> date:
    """The day on the reader's calendar."""
    if isinstance(moment, datetime):
        return timezone.localtime(moment).date() if timezone.is_aware(moment) else moment.date()
    return moment


def short_date(day: date, weekday: str = "") -> str:
    """ "20 November", with the year when it is not this one."""
    year = "" if day.year == timezone.localdate().year else " y"
    return format_date(day, f"{weekday}d MMMM{year}", locale=LOCALE)


@register.filter
def day_heading(day: date | datetime | None) -> str:
    """ "Friday 20 November", or "Saturday 20 November 2027" when it is not this year."""
    return short_date(_day(day), "EEEE ") if day else ""


@register.filter(expects_localtime=True)
def clock(moment: datetime | None) -> str:
    """The time of day: "14:32"."""
    return f"{moment:%H:%M}" if moment else ""


@register.filter(expects_localtime=True)
def when(moment: datetime | date | None) -> str:
    """ "14:32" today, "Yesterday 14:32", then "17 November", with the year when not this one."""
    if not moment:
        return ""
    day = _day(moment)
    days_ago = (timezone.localdate() - day).days
    time = f"{moment:%H:%M}" if isinstance(moment, datetime) else ""
    if days_ago == 0:
        return time or "Today"
    if days_ago == 1:
        return f"Yesterday {time}".strip()
    return short_date(day)


@register.filter(expects_localtime=True)
def until(moment: datetime | None) -> str:
    """ "today at 23:59", "tomorrow at 12:00", then "Sunday 22 November"; for a time to come."""
    if not moment:
        return ""
    day = _day(moment)
    days_off = (day - timezone.localdate()).days
    near = {0: "today", 1: "tomorrow"}.get(days_off)
    return f"{near} at {moment:%H:%M}" if near else short_date(day, "EEEE ")


@register.filter(expects_localtime=True)
def exact(moment: datetime | None) -> str:
    """To the second, for hovering: "Friday 20 November 2026, 14:32:05 UTC"."""
    if not moment:
        return ""
    zone = f" {moment:%Z}" if moment.tzinfo else ""
    return format_datetime(moment, "EEEE d MMMM y, HH:mm:ss", locale=LOCALE) + zone
