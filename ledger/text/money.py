"""How money and account numbers look: every figure on a page passes through here."""

from decimal import Decimal

from babel.numbers import format_decimal

from ledger.text.currencies import MINOR_UNITS, decimals_of
from ledger.text.lines import grouped

LOCALE = "en_GB"
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

Amount = Decimal | int | str | None


def _digits(amount: Decimal, currency: str) -> str:
    """The amount without its sign, with the currency's decimals, or more if it has more."""
    decimals = max(decimals_of(amount), MINOR_UNITS.get(currency, 0))
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    return format_decimal(abs(amount), format=pattern, locale=LOCALE, decimal_quantization=False)


def figure(amount: Amount, currency: str = "") -> str:
    """950 USD is "950.00", below zero with a true minus: for a column that names its currency."""
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    return (MINUS if value < 0 else "") + _digits(value, currency)


def signed(amount: Amount, currency: str = "") -> str:
    """In is "+56.00", out has a true minus, nothing is "0.00"."""
    if amount is None or amount == "":
        return ""
    return ("+" if Decimal(amount) > 0 else "") + figure(amount, currency)


def money(amount: Amount, currency: str) -> str:
    """A figure in a sentence, never torn from its currency: "950.00 USD"."""
    text = figure(amount, currency)
    return f"{text}{NO_BREAK}{currency}" if text else ""


def account_number(number: str | None) -> str:
    """4821093755 is "4821 0937 55", as people read it aloud."""
    return grouped(str(number or ""))
