"""Formats amounts and account numbers. All amounts on pages are formatted here."""

from decimal import Decimal

from ledger.text.currencies import decimals_of, is_currency, minor_units
from ledger.text.lines import grouped

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"  # in place of a missing value

Amount = Decimal | int | str | None


def _digits(amount: Decimal, currency: str) -> str:
    """Returns the amount without a sign, with the decimals of the currency, or more if it has
    more.
    """
    decimals = max(decimals_of(amount), minor_units(currency) if is_currency(currency) else 0)
    return f"{abs(amount):,.{decimals}f}"


def figure(amount: Amount, currency: str = "") -> str:
    """Formats an amount without its currency and with a minus sign (U+2212): "950.00".

    Accepts NaN, which damaged books may contain.
    """
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    if value.is_nan():
        return str(value)
    return (MINUS if value < 0 else "") + _digits(value, currency)


def signed(amount: Amount, currency: str = "") -> str:
    """Formats an amount with its sign: "+56.00", "0.00", or a minus sign (U+2212) below zero."""
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    return ("+" if not value.is_nan() and value > 0 else "") + figure(value, currency)


def money(amount: Amount, currency: str) -> str:
    """Formats an amount with a no-break space and its currency: "950.00 USD"."""
    text = figure(amount, currency)
    return f"{text}{NO_BREAK}{currency}" if text else ""


def account_number(number: str | None) -> str:
    """Formats an account number in groups of four; "" for None."""
    return grouped(str(number or ""))
