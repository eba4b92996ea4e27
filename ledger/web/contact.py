"""The contact of the bank's staff (LEDGER_CONTACT) for pages and emails."""

from django.conf import settings


def bank_staff() -> dict[str, str]:
    """Returns the template variable `bank_staff`: "the bank's staff", with the contact if
    LEDGER_CONTACT is set.
    """
    contact = f" ({settings.LEDGER_CONTACT})" if settings.LEDGER_CONTACT else ""
    return {"bank_staff": f"the bank\u2019s staff{contact}"}
