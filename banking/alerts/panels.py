"""Adds the bell with the number of unread alerts to the top of each page."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts.models import User
from banking.alerts.unread import UnreadAlerts
from ledger.web.panels import register


@register("top", "alerts/_bell.html")
def bell(request: HttpRequest, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the template context with the number of unread alerts of the signed-in user, or None
    if nobody is signed in. If the page has already counted the unread alerts, uses this number.
    """
    if not isinstance(request.user, User):
        return None
    return {"unread_alerts": context.get("unread_alerts") or UnreadAlerts(request.user)}
