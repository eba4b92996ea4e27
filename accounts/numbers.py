"""Account numbers: ten random digits and two check digits (ISO 7064 MOD 97-10)."""

import secrets

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from ledger.text.lines import HARMLESS, odd_characters

LENGTH = 12
LONGEST_TYPED = 100  # characters, with spaces and dashes
APART = "-.\u2010\u2011\u2013"  # separators between digits


def with_check_digits(digits: str) -> str:
    """Returns the account number: these ten digits, followed by their two check digits."""
    return f"{digits}{mod_97_10.calc_check_digits(digits)}"


def new_account_number() -> str:
    """Returns a random account number. The number may already be used, so `open_account` tries
    again.
    """
    return with_check_digits(f"{secrets.randbelow(9 * 10**9) + 10**9}")


def clean_account_number(typed: str) -> str:
    """Returns the 12 digits of an entered account number. Ignores spaces, dashes and invisible
    characters.

    Raises: ValueError with a message if the text cannot be an account number. The check digits
    reveal one wrong digit, and most swapped digits, without a query.
    """
    if len(typed) > LONGEST_TYPED:
        raise ValueError(f"An account number has {LENGTH} digits. This text is far longer.")
    ignored = odd_characters(typed).union(APART, HARMLESS)
    digits = "".join(c for c in typed if not (c.isspace() or c in ignored))
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("An account number has digits only, like 4821 0937 5549.")
    if len(digits) != LENGTH:
        raise ValueError(f"An account number has {LENGTH} digits. This number has {len(digits)}.")
    try:
        mod_97_10.validate(digits)
    except ValidationError:
        raise ValueError(
            "The check digits do not match, so the number is mistyped. Compare it with the "
            "original."
        ) from None
    return digits
