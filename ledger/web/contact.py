"""The contact of the bank's staff for pages and emails, from the setting LEDGER_CONTACT."""

from django.conf import settings
from django.http import HttpRequest


def bank_staff(_request: HttpRequest | None = None) -> dict[str, str]:
    """Returns the template variable `bank_staff`: the words "the bank's staff", and their contact
    if LEDGER_CONTACT is set. This is a context processor.
    """
    contact = f" ({settings.LEDGER_CONTACT})" if settings.LEDGER_CONTACT else ""
    return {"bank_staff": f"the bank\u2019s staff{contact}"}
