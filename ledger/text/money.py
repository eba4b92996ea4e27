"""Formats amounts and account numbers. Every figure on a page passes through here."""

from decimal import Decimal

from ledger.text.currencies import decimals_of, is_currency, minor_units
from ledger.text.lines import grouped

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"  # in place of a value that there is not

Amount = Decimal | int | str | None


def _digits(amount: Decimal, currency: str) -> str:
    """The amount without sign, with the decimals of the currency, or all of its own."""
    decimals = max(decimals_of(amount), minor_units(currency) if is_currency(currency) else 0)
    return f"{abs(amount):,.{decimals}f}"


def figure(amount: Amount, currency: str = "") -> str:
    """The amount without currency, with a true minus: "950.00". Broken books may hold NaN."""
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    if value.is_nan():
        return str(value)
    return (MINUS if value < 0 else "") + _digits(value, currency)


def signed(amount: Amount, currency: str = "") -> str:
    """The amount with its sign: "+56.00", a true minus below zero, "0.00"."""
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    return ("+" if not value.is_nan() and value > 0 else "") + figure(value, currency)


def money(amount: Amount, currency: str) -> str:
    """The amount with its currency and a no-break space: "950.00 USD"."""
    text = figure(amount, currency)
    return f"{text}{NO_BREAK}{currency}" if text else ""


def account_number(number: str | None) -> str:
    """The number in groups of four."""
    return grouped(str(number or ""))
