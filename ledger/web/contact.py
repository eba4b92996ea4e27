"""The contact of the bank's staff (LEDGER_CONTACT) for pages and emails."""

from django.conf import settings
from django.http import HttpRequest


def bank_staff(_request: HttpRequest | None = None) -> dict[str, str]:
    """Returns the template variable `bank_staff`: "the bank's staff", with the contact if
    LEDGER_CONTACT is set. This function is a context processor.
    """
    contact = f" ({settings.LEDGER_CONTACT})" if settings.LEDGER_CONTACT else ""
    return {"bank_staff": f"the bank\u2019s staff{contact}"}
