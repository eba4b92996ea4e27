"""Collects facts about each request for the history of changes: the user, the IP address and the
page.
"""

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest


def facts_of(request: HttpRequest) -> dict[str, str | None]:
    """Returns the signed-in user's id, the client's IP address, the path and the request id."""
    user = getattr(request, "user", None)
    return {
        "person": str(user.pk) if user is not None and user.is_authenticated else None,
        "address": get_client_ip(request),
        "path": request.path,
        "request": getattr(request, "request_id", None),
    }
