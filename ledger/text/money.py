"""Formats amounts and account numbers. All amounts on pages are formatted in this module."""

from decimal import Decimal

from ledger.text.currencies import decimals_of, is_currency, minor_units
from ledger.text.lines import grouped

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"  # is shown instead of a missing value

Amount = Decimal | int | str | None


def _digits(amount: Decimal, currency: str) -> str:
    """Returns the amount without its sign, with at least as many decimals as the currency has."""
    decimals = max(decimals_of(amount), minor_units(currency) if is_currency(currency) else 0)
    return f"{abs(amount):,.{decimals}f}"


def figure(amount: Amount, currency: str = "") -> str:
    """Formats an amount without its currency: "950.00". The minus sign is U+2212. Returns "" if
    there is no amount.

    Accepts NaN, which damaged data may contain.
    """
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    if value.is_nan():
        return str(value)
    return (MINUS if value < 0 else "") + _digits(value, currency)


def signed(amount: Amount, currency: str = "") -> str:
    """Formats an amount with its sign: "+56.00" or "0.00". The minus sign is U+2212. Returns "" if
    there is no amount.
    """
    if amount is None or amount == "":
        return ""
    value = Decimal(amount)
    return ("+" if not value.is_nan() and value > 0 else "") + figure(value, currency)


def money(amount: Amount, currency: str) -> str:
    """Formats an amount with its currency and a no-break space between the two: "950.00 USD".
    Returns "" if there is no amount.
    """
    text = figure(amount, currency)
    return f"{text}{NO_BREAK}{currency}" if text else ""


def in_and_out(money_in: Decimal, money_out: Decimal, currency: str) -> str:
    """Formats the sums of money in and out: "5.00 USD in and 2.00 USD out". Leaves out sums of
    zero.
    """
    sums = ((money_in, "in"), (money_out, "out"))
    return " and ".join(f"{money(sum_, currency)} {direction}" for sum_, direction in sums if sum_)


def account_number(number: str | None) -> str:
    """Formats an account number in groups of four characters. Returns "" for None."""
    return grouped(str(number or ""))
