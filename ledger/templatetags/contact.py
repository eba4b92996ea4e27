"""Whom to ask, for pages that may have no request."""

from django import template

from ledger.logs import context
from ledger.web.contact import bank_staff

register = template.Library()


@register.inclusion_tag("includes/_whom_to_ask.html")
def whom_to_ask() -> dict[str, str]:
    """The line below an error that says whom to ask."""
    return bank_staff()


@register.inclusion_tag("includes/_request_mark.html")
def request_mark() -> dict[str, object]:
    """The id of the request, by which the bank's staff find its lines of the log."""
    return {"request_id": context.current().get("request_id")}
