"""Template tags that show how to contact the bank. They also work on pages that have no request."""

from django import template

from ledger.logs import context
from ledger.web.contact import bank_staff

register = template.Library()


@register.inclusion_tag("includes/_contact_staff.html")
def contact_staff() -> dict[str, str]:
    """Renders the line below an error message that shows how to contact the bank's staff."""
    return bank_staff()


@register.inclusion_tag("includes/_request_mark.html")
def request_mark() -> dict[str, object]:
    """Renders the id of the request. With this id, the bank's staff can find the log lines of the
    request.
    """
    return {"request_id": context.current().get("request_id")}
