"""Collects facts about each request for the history of changes: the user, the IP address and the
page.
"""

from collections.abc import Callable

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponseBase

from ledger.db.history import facts


class RequestFactsMiddleware:
    """Middleware that provides the facts about a request. The facts are read only for a write to a
    recorded table: see Note [Facts of a write].
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with facts.with_facts(lambda: facts_of(request)):
            return self.get_response(request)


def facts_of(request: HttpRequest) -> dict[str, str | None]:
    """Returns the signed-in user's id, the client's IP address, the path and the request id."""
    user = getattr(request, "user", None)
    return {
        "person": str(user.pk) if user is not None and user.is_authenticated else None,
        "address": get_client_ip(request),
        "path": request.path,
        "request": getattr(request, "request_id", None),
    }
