"""The template variables of every page, from a context processor."""

from django.http import HttpRequest

from ledger.web.contact import bank_staff
from ledger.web.theme import chosen_theme


def site(request: HttpRequest) -> dict[str, str]:
    """Returns `theme`, the theme that the user chose, and `bank_staff`, the contact of the bank."""
    return {"theme": chosen_theme(request), **bank_staff()}
