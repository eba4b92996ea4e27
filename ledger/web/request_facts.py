"""Gives the history of changes the facts of each request: who, from where, by which page."""

from collections.abc import Callable

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponseBase

from ledger.db.history import facts


class RequestFactsMiddleware:
    """Reads the facts only when a recorded table is written: see Note [Facts of a write]."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with facts.with_facts(lambda: facts_of(request)):
            return self.get_response(request)


def facts_of(request: HttpRequest) -> dict[str, str | None]:
    """The signed-in person's id, the client's address, the path, and the id of the request."""
    user = getattr(request, "user", None)
    return {
        "person": str(user.pk) if user is not None and user.is_authenticated else None,
        "address": get_client_ip(request),
        "path": request.path,
        "request": getattr(request, "request_id", None),
    }
