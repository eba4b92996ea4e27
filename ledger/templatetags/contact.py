"""Template tags that show how to contact the bank. They work on all pages, even without a
request.
"""

from django import template

from ledger.logs import context
from ledger.web.contact import bank_staff

register = template.Library()


@register.inclusion_tag("includes/_contact_staff.html")
def contact_staff() -> dict[str, str]:
    """Renders a line that shows how to contact the bank's staff, for use below an error message."""
    return bank_staff()


@register.inclusion_tag("includes/_request_mark.html")
def request_mark() -> dict[str, object]:
    """Renders the id of the request. Staff can find the log lines of the request by this id."""
    return {"request_id": context.current().get("request_id")}
