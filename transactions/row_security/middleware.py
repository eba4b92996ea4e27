"""Runs the SQL statements of each request with the row-level rights of the signed-in user."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.signals import request_finished
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponseBase

from accounts.models import User
from ledger.db.read_router import READ
from ledger.db.rights.row_security import RowScope, SignedReader

READABLE = {DEFAULT_DB_ALIAS, READ}  # the database connections that pages use
# Pages that look up other people even if a user is signed in. For example, they check whether an
# email address is taken, or find the person whose mailed link was opened in another person's
# browser. If two URL patterns match the same address, the name of the first pattern is compared.
FINDS_OTHERS = {
    "account_login", "account_logout", "account_signup", "account_signup_by_passkey",
    "account_request_login_code", "account_confirm_login_code", "account_reset_password",
    "account_reset_password_from_key", "mfa_authenticate", "mfa_signup_webauthn",
    "openid_connect_callback", "security:confirm_address", "socialaccount_signup",
}  # fmt: skip


class RowSecurityMiddleware:
    """Middleware that sets the reader of the request on the database connections, see Note [Signed
    reader].

    The middleware runs before the session is read. So SQL statements have the scope SIGN_IN until
    the user is authenticated. The reader stays set until the response is closed, because exports
    read rows while they are sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.LEDGER_ROW_SECURITY:
            raise MiddlewareNotUsed
        self.get_response = get_response
        request_finished.connect(_forget_reader)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        reader = SignedReader(
            lambda: _loaded_user(request),
            row_scope_of,
            finds_others=lambda: _finds_others(request),
        )
        for alias in READABLE.intersection(connections):
            database: Any = connections[alias]
            database.reader = reader
        return self.get_response(request)


def _loaded_user(request: HttpRequest) -> User | None:
    """Returns the user if Django has already loaded the user, otherwise None.
    LoginRequiredMiddleware loads the user for all our pages.
    """
    user = getattr(request, "_cached_user", None)
    return user if isinstance(user, User) else None


def _finds_others(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.view_name in FINDS_OTHERS


def row_scope_of(user: User) -> RowScope:
    """Returns the scope for the requests of this user. `scope_for` sets a wider scope for a request
    that reads the whole bank.
    """
    return RowScope.STAFF if user.is_staff else RowScope.OWN


def _forget_reader(**_signal: Any) -> None:
    database: Any
    for database in connections.all(initialized_only=True):
        if getattr(database, "reader", None) is not None:
            database.forget_reader()
