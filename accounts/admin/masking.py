"""Email addresses and account numbers in part, for staff without `view_contact_details`."""

from django.db.models import Q

from accounts.models import Account, User
from accounts.models.number_rights import SEE_CONTACT_DETAILS
from accounts.numbers import LENGTH
from ledger.text.lines import grouped

HIDDEN = "\N{BULLET}"
SHOWN_DIGITS = 4


def sees_contact_details(reader: User) -> bool:
    """Whether the reader sees whole email addresses and account numbers."""
    return reader.has_perm(SEE_CONTACT_DETAILS)


def masked_address(email: str) -> str:
    """The first letter of an address, and its domain: "a•••@example.com"."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}{HIDDEN * 3}@{domain}"


def masked_number(number: str) -> str:
    """The last four digits of an account number, masked before or not: "•••• •••• 5549"."""
    plain = "".join(number.split())
    return grouped(HIDDEN * (len(plain) - SHOWN_DIGITS) + plain[-SHOWN_DIGITS:])


def mask_number(account: Account, reader: User) -> None:
    """Masks the number of this instance alone, if the reader may not see it."""
    if not sees_contact_details(reader):
        account.number = masked_number(account.number)


def known_number(digits: str) -> Q:
    """Accounts with this whole number, or with these last four digits. Other parts find nothing:
    whoever sees four digits could guess the others one by one.
    """
    if len(digits) == SHOWN_DIGITS:
        return Q(number__endswith=digits)
    return Q(number=digits) if len(digits) == LENGTH else Q(pk=None)
