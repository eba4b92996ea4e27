"""Whom to ask, for pages that may have no request."""

from django import template

from ledger.web.contact import bank_staff

register = template.Library()


@register.inclusion_tag("includes/_whom_to_ask.html")
def whom_to_ask() -> dict[str, str]:
    """The line below an error that says whom to ask."""
    return bank_staff()
