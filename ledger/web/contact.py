"""How people reach the bank's staff: the setting LEDGER_CONTACT, on pages and in mails."""

from django.conf import settings
from django.http import HttpRequest


def bank_staff(_request: HttpRequest | None = None) -> dict[str, str]:
    """`bank_staff`: whom to ask, with the contact if there is one. A context processor."""
    contact = f" ({settings.LEDGER_CONTACT})" if settings.LEDGER_CONTACT else ""
    return {"bank_staff": f"the bank\u2019s staff{contact}"}
