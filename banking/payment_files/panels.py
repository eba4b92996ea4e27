"""Payment files beside the form of one payment."""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from ledger.web.panels import register


@register("transfer", "payment_files/_of_transfer.html", order=20)
def of_transfer(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """A link."""
    return {}
