"""That there is one sign-in: that of Ledger, with its limits on guessing and its second factor."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.views import LoginView
from django.core.checks import CheckMessage
from django.urls import URLPattern, URLResolver, get_resolver

from ledger.checks.messages import wrong


def check_sign_in(**_options: Any) -> list[CheckMessage]:
    """Names each address with Django's own sign-in, as django.contrib.auth.urls has it."""
    return [
        wrong(
            "sign_in",
            f"The address {route} signs people in without Ledger's limits on guessing and"
            " without a second factor.",
            "Remove it, such as django.contrib.auth.urls or rest_framework.urls; link to"
            " {% url 'account_login' %}.",
        )
        for route, pattern in _patterns(get_resolver())
        if issubclass(getattr(pattern.callback, "view_class", object), LoginView)
    ]


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Each pattern below, with its whole route."""
    for each in resolver.url_patterns:
        route = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from _patterns(each, route)
        else:
            yield route, each
