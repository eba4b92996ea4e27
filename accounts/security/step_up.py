"""Requires a recent reauthentication for pages that change how a user signs in."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from accounts.sign_in.step_up import Ask, ask, redirect_to_new_sign_in, what_to_ask

Page = Callable[..., HttpResponseBase]
PRESS_AGAIN = "Please confirm that it is you. Then press the button again."


def step_up_first(page: Page) -> Page:
    """Decorates a page that changes how a user signs in. Without a recent proof of identity, the
    user is redirected to the reauthentication and then back: see `accounts.sign_in.step_up`.

    Submitted data is lost. allauth's decorator would store the data, possibly a password, in the
    session.
    """

    @wraps(page)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        required = what_to_ask(request)
        if required is Ask.SIGN_IN:
            return redirect_to_new_sign_in(request)
        if required is Ask.NOTHING:
            return page(request, *args, **kwargs)
        ways = get_adapter().get_reauthentication_methods(request.user)
        return redirect(f"{ways[0]['url']}?{urlencode({'next': request.path})}")

    return checked


def step_up_before_the_button(page: Page) -> Page:
    """Decorates the view of a button on the page "Security". Without a recent proof of identity,
    the user is redirected to the reauthentication and then to the page "Security", to press the
    button again.
    """

    @wraps(page)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        required = what_to_ask(request)
        if required is Ask.SIGN_IN:
            return redirect_to_new_sign_in(request)
        if required is Ask.PROOF:
            return ask(request, why=PRESS_AGAIN, back=reverse("security:page"))
        return page(request, *args, **kwargs)

    return checked
