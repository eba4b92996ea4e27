"""Parses amounts as people type them."""

import re
from decimal import Decimal

from django import forms

from ledger.text.currencies import fits, minor_units
from ledger.text.lines import shortened

# The grammar of typed amounts in forms, files and searches: 1234.50, 1,234.50 and 1 234.50. Only
# ASCII digits are allowed, because other digits can look like different digits. An amount may
# contain only one kind of separator. It may not contain a separator after a leading 0, because
# "0,500" may mean a half.
_SEPARATORS = ", \u00a0\u202f"
_GROUPED = "|".join(
    f"[1-9][0-9]{{0,2}}(?:{re.escape(mark)}[0-9]{{3}}){{1,4}}" for mark in _SEPARATORS
)
FIGURE = rf"(?:{_GROUPED}|[0-9]{{1,15}})(?:\.[0-9]+)?"
_FIGURE = re.compile(FIGURE)
_WITHOUT_SEPARATORS = str.maketrans("", "", _SEPARATORS)

UNSEEN_SPACE = "Type the amount again: it contains an unusual or invisible space."


def parse_figure(typed: str) -> Decimal | None:
    """Returns the value of a typed amount without a sign, or None for any other text."""
    return Decimal(typed.translate(_WITHOUT_SEPARATORS)) if _FIGURE.fullmatch(typed) else None


def read_amount(typed: str) -> Decimal:
    """Returns the amount in a typed text. Raises ValidationError, with a message for users, if the
    text is not an amount.

    Ignores plain spaces, tabs and line breaks around the amount, because pasted cells contain them.
    Refuses invisible spaces.
    """
    typed = typed.strip(" \t\r\n")
    if typed != typed.strip():
        raise forms.ValidationError(UNSEEN_SPACE)
    amount = parse_figure(typed)
    if amount is None:
        raise forms.ValidationError(_why_no_amount(typed))
    if not amount:
        raise forms.ValidationError("Type an amount above zero.")
    return amount


def too_fine(amount: Decimal, currency: str) -> str:
    """Returns the error message for an amount that has more decimals than its currency."""
    text = shortened(f"{amount:f}")
    return f"{currency} has {minor_units(currency) or 'no'} decimals, but {text} has more."


def decimals_refusal(amount: Decimal, currency: str) -> str | None:
    """Returns the error message if the decimals of a typed amount do not fit its currency,
    otherwise None.

    Also refuses 1.240 dollars, which may mean 1240, because in many languages a point separates
    thousands.
    """
    places = minor_units(currency)
    if not fits(amount, places):
        return too_fine(amount, currency)
    if amount.as_tuple().exponent == -3 and places < 3 and 1 <= amount < 1000:
        either = f"{amount * 1000:.0f} or {amount.normalize():f}"
        return f"{amount:f} may mean {either}. Type one of these two amounts."
    return None


def _why_no_amount(typed: str) -> str:
    if re.fullmatch(r"[0-9]+,[0-9]{1,2}|0,[0-9]+", typed):
        return f"Type decimals after a point, like {shortened(typed.replace(',', '.'))}."
    if re.fullmatch(r"[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]+)?", typed):
        english = typed.replace(".", "").replace(",", ".")
        return (
            "Type decimals after a point and no point between thousands, "
            f"like {shortened(english)}."
        )
    return next(hint for pattern, hint in _HINTS if re.search(pattern, typed))


_HINTS = (
    ("^[-\N{MINUS SIGN}]", "Type the amount without a minus sign."),
    (
        r"^\D*(\d\D*){16}",
        "This amount is too large. Check the number of digits.",
    ),
    (
        rf"^[0-9]{{1,3}}([{_SEPARATORS}][0-9]{{3}})+(\.[0-9]+)?$",
        "Type the amount without separators between thousands, like 1234567.00.",
    ),
    (
        r"^(?=[^0-9]*[0-9])(?=[0-9.,\s]*[^0-9.,\s])",
        "Type only digits, like 950.00. The account determines the currency.",
    ),
    ("", "Type the amount in digits, like 950.00."),
)
