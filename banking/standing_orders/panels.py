"""Adds standing orders to other pages: links that set up an order, and a panel with payments that
are expected to fail soon.
"""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.standing_orders.forecast import failing_soon
from ledger.web.panels import register


@register("home", "standing_orders/_failing.html")
def failing(request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the context with the payments that are expected to fail within WARNING_DAYS. The
    panel is shown only if there are such payments.
    """
    return {"failing": failing_soon(request.user)}


@register("transfer", "standing_orders/_of_transfer.html", order=10)
def of_transfer(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a link from the transfer form to the form of a standing order."""
    return {}


@register("receipt_actions", "standing_orders/_of_receipt.html")
def of_receipt(_request: PersonRequest, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Adds a link to the receipt of a payment. The link sets up a standing order for the same
    payment. Returns None (no link) if a standing order made the payment.
    """
    receipt = context["receipt"]
    repeats = receipt.origin is not None and receipt.origin.repeats
    return {} if receipt.again_url and not repeats else None
