"""The contact of the bank's staff on pages and in mails, from the setting LEDGER_CONTACT."""

from django.conf import settings
from django.http import HttpRequest


def bank_staff(_request: HttpRequest | None = None) -> dict[str, str]:
    """Returns `bank_staff`, a text for the bank's staff, with their contact if one is set. It is a
    context processor.
    """
    contact = f" ({settings.LEDGER_CONTACT})" if settings.LEDGER_CONTACT else ""
    return {"bank_staff": f"the bank\u2019s staff{contact}"}
