"""Masked email addresses and account numbers, for staff without `view_contact_details`."""

from django.db.models import Q

from accounts.models import Account, User
from accounts.models.number_rights import SEE_CONTACT_DETAILS
from accounts.numbers import LENGTH
from ledger.text.lines import grouped

HIDDEN = "\N{BULLET}"
SHOWN_DIGITS = 4


def sees_contact_details(reader: User) -> bool:
    """Returns whether the user may see whole email addresses and account numbers."""
    return reader.has_perm(SEE_CONTACT_DETAILS)


def masked_address(email: str) -> str:
    """Returns the first letter and the domain of an email address, such as "a•••@example.com"."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}{HIDDEN * 3}@{domain}"


def masked_number(number: str) -> str:
    """Returns an account number that shows only the last four digits, such as "•••• •••• 5549".
    Also accepts a number that is already masked.
    """
    plain = "".join(number.split())
    return grouped(HIDDEN * (len(plain) - SHOWN_DIGITS) + plain[-SHOWN_DIGITS:])


def mask_number(account: Account, reader: User) -> None:
    """Masks the number on this instance if the user may not see account numbers. Does not write the
    row.
    """
    if not sees_contact_details(reader):
        account.number = masked_number(account.number)


def known_number(digits: str) -> Q:
    """Returns a filter for accounts. Four digits match the accounts whose number ends with them. A
    whole number matches its account. Any other number of digits matches nothing. Otherwise a user
    who sees the last four digits could guess the other digits one by one.
    """
    if len(digits) == SHOWN_DIGITS:
        return Q(number__endswith=digits)
    return Q(number=digits) if len(digits) == LENGTH else Q(pk=None)
