"""Standing orders on other pages: links to set one up, and what would fail soon."""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.standing_orders.forecast import failing_soon
from ledger.web.panels import register


@register("home", "standing_orders/_failing.html")
def failing(request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """What would fail within two days; nothing is shown if all can be paid."""
    return {"failing": failing_soon(request.user)}


@register("transfer", "standing_orders/_of_transfer.html", order=10)
def of_transfer(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """A link beside the form of one payment."""
    return {}


@register("receipt_actions", "standing_orders/_of_receipt.html")
def of_receipt(_request: PersonRequest, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """A link that repeats the payment, unless an order made it."""
    shown = context["receipt"]
    repeats = shown.origin is not None and shown.origin.repeats
    return {} if shown.again_url and not repeats else None
