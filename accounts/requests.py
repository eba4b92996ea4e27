"""A request of somebody who has signed in."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class PersonRequest(HttpRequest):
    """For type checkers: behind LoginRequiredMiddleware the user is a person."""

    user: User
    htmx: HtmxDetails
