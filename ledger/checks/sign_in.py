"""Checks that users can sign in only through Ledger, which limits password guessing and requires a
second factor.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth.views import LoginView
from django.core.checks import CheckMessage
from django.urls import URLPattern, URLResolver, get_resolver

from ledger.checks.messages import wrong

# Names of classes of REST framework. They are not imported, because the import would load REST
# framework also for projects that have no API views.
ASKS_FOR_PASSWORD = {"BasicAuthentication", "ObtainAuthToken", "TokenViewBase", "LoginView"}
ANOTHER_TOKEN = "TokenAuthentication"  # noqa: S105 - a name
SCOPE, ANYBODY = "HasScope", "AllowAny"


def check_sign_in(**_options: Any) -> list[CheckMessage]:
    """Returns an error for each URL that signs users in without Ledger, such as the URLs of
    django.contrib.auth.urls. Also returns an error for each REST framework view that does not check
    the scopes of tokens.
    """
    return [
        message
        for route, pattern in _patterns(get_resolver())
        for message in _problems(route, pattern.callback)
    ]


def _problems(route: str, view: Any) -> Iterator[CheckMessage]:
    of_framework = getattr(view, "cls", None)
    view_arguments = getattr(view, "initkwargs", {})  # the arguments of as_view and @action
    signs_in = issubclass(getattr(view, "view_class", object), LoginView)
    own = view_arguments.get(
        "authentication_classes", getattr(of_framework, "authentication_classes", ())
    )
    authenticates = set(_names(own))
    if signs_in or (set(_names([of_framework])) | authenticates) & ASKS_FOR_PASSWORD:
        yield wrong(
            "sign_in",
            f"The address {route} takes passwords without Ledger's limits on guessing and without a"
            " second factor.",
            "Remove it, such as django.contrib.auth.urls, rest_framework.urls, obtain_auth_token or"
            " BasicAuthentication; link to {% url 'account_login' %}, and let programs send the"
            " tokens of the page Security.",
        )
        return
    if ANOTHER_TOKEN in authenticates:
        yield wrong(
            "sign_in",
            f"The address {route} takes tokens that have no scope and no end.",
            "Leave out authentication_classes: views take the tokens of the page Security.",
        )
    permissions = view_arguments.get(
        "permission_classes", getattr(of_framework, "permission_classes", None)
    )
    if permissions is None:
        return
    is_open = bool(permissions) and all(ANYBODY in _names([each]) for each in permissions)
    if not is_open and not any(map(_has_scope, permissions)):
        yield wrong(
            "scope",
            f"The view of the address {route} takes tokens of any scope, and staff without a second"
            " factor.",
            "Leave out permission_classes, or begin them with api.sign_in.HasScope.",
        )


def _names(classes: Iterable[Any]) -> Iterator[str]:
    """Yields the names of these classes and of their base classes."""
    for each in classes:
        yield from (base.__name__ for base in getattr(each, "__mro__", ()))


def _has_scope(permission: Any) -> bool:
    """Returns whether the permission requires the token's scope. The permission must be HasScope,
    or a combination with `&` that contains HasScope.
    """
    sides = [getattr(permission, f"op{number}_class", None) for number in (1, 2)]
    if all(sides):
        is_and = permission.operator_class.__name__ == "AND"
        return is_and and any(map(_has_scope, sides))
    return SCOPE in _names([permission])


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yields all URL patterns of the resolver with their complete routes."""
    for each in resolver.url_patterns:
        route = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from _patterns(each, route)
        else:
            yield route, each
