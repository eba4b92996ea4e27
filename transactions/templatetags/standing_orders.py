"""Payments of standing orders that would fail soon, for pages of other features."""

from typing import Any

from django import template

from accounts.models import User
from transactions.standing_orders.forecast import failing_soon

register = template.Library()


@register.inclusion_tag("transactions/standing_orders/_failing.html")
def failing_orders(person: User) -> dict[str, Any]:
    """Shows what would fail within two days; nothing if all can be paid."""
    return {"failing": failing_soon(person)}
