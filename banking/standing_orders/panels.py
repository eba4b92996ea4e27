"""Standing orders on other pages: links to set one up, and payments that will fail soon."""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.standing_orders.forecast import failing_soon
from ledger.web.panels import register


@register("home", "standing_orders/_failing.html")
def failing(request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the payments that would fail within two days. The panel is empty if all can be
    paid.
    """
    return {"failing": failing_soon(request.user)}


@register("transfer", "standing_orders/_of_transfer.html", order=10)
def of_transfer(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a link next to the form of a single payment."""
    return {}


@register("receipt_actions", "standing_orders/_of_receipt.html")
def of_receipt(_request: PersonRequest, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Adds a link that repeats the payment, unless a standing order made it."""
    receipt = context["receipt"]
    repeats = receipt.origin is not None and receipt.origin.repeats
    return {} if receipt.again_url and not repeats else None
