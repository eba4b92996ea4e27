"""The type of an authenticated request."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class PersonRequest(HttpRequest):
    """An authenticated request. For type checkers only: after LoginRequiredMiddleware, the user is
    always a User.
    """

    user: User
    htmx: HtmxDetails
