"""Defines a type for authenticated requests."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class PersonRequest(HttpRequest):
    """An authenticated request, for type checkers: after LoginRequiredMiddleware, the user is a
    User.
    """

    user: User
    htmx: HtmxDetails
