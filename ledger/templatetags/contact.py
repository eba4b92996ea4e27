"""How to contact the bank, for pages that may not have a request."""

from django import template

from ledger.logs import context
from ledger.web.contact import bank_staff

register = template.Library()


@register.inclusion_tag("includes/_contact_staff.html")
def contact_staff() -> dict[str, str]:
    """Renders the line below an error with the contact of the bank's staff."""
    return bank_staff()


@register.inclusion_tag("includes/_request_mark.html")
def request_mark() -> dict[str, object]:
    """Renders the id of the request, by which the bank's staff can find its log lines."""
    return {"request_id": context.current().get("request_id")}
