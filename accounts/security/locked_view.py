"""Defines the class of views that change how a user signs in."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from accounts.sign_in.locked_sign_in import locked_sign_in
from ledger.web.lazy_views import LazyView


class LockedView(LazyView):
    """A view whose POST requests by signed-in users run inside `locked_sign_in`."""

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST" or request.user.is_anonymous:
            return super().__call__(request, *args, **kwargs)
        with locked_sign_in(request):
            return super().__call__(request, *args, **kwargs)
