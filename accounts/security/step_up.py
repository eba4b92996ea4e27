"""Asks for a fresh step-up before a page that changes how somebody signs in."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from accounts.sign_in.step_up import Ask, ask, told_to_sign_in_again, what_to_ask

Page = Callable[..., HttpResponseBase]
PRESS_AGAIN = "Please confirm that it is you. Then press the button once more."


def step_up_first(page: Page) -> Page:
    """Leads to the step-up unless the session has a fresh proof: see `accounts.sign_in.step_up`.

    Afterwards the page is shown again. allauth's decorator would keep what was sent, which can be a
    password, in the session meanwhile; this keeps nothing.
    """

    @wraps(page)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = what_to_ask(request)
        if asked is Ask.SIGN_IN:
            return told_to_sign_in_again(request)
        if asked is Ask.NOTHING:
            return page(request, *args, **kwargs)
        ways = get_adapter().get_reauthentication_methods(request.user)
        return redirect(f"{ways[0]['url']}?{urlencode({'next': request.path})}")

    return checked


def step_up_before_the_button(page: Page) -> Page:
    """The same for a button of the page "Security", whose own address shows nothing: after the
    step-up that page is shown, and the person presses the button once more.
    """

    @wraps(page)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = what_to_ask(request)
        if asked is Ask.SIGN_IN:
            return told_to_sign_in_again(request)
        if asked is Ask.PROOF:
            return ask(request, why=PRESS_AGAIN, back=reverse("security:page"))
        return page(request, *args, **kwargs)

    return checked
