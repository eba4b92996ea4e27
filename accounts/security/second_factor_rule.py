"""Decides which pages need a sign-in with a second factor. For staff and analysts, these are the
admin and the pages about the whole bank. With `LEDGER_CUSTOMER_SECOND_FACTOR`, every page that is
not public needs a second factor, for all users.

The rule is applied by a middleware before the view, so that it includes every URL and method, also
of pages that do not belong to the admin.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from accounts.models import User
from accounts.sign_in.factors import has_second_factor, signed_in_with_second_factor
from ledger.db.commits.confirmation import waiting_for_no_standby
from ledger.web.redirects import redirect_and_return

# The prefixes of the names of URLs that never need a second factor, so that users can set one up.
SETTING_UP = ("security:", "account_", "mfa_", "socialaccount_", "prove_at_provider")
# Session key with the page that was refused. allauth's pages that add a factor do not keep `next`.
WANTED = "page_that_needs_a_second_factor"


def lacks_second_factor(request: HttpRequest) -> bool:
    """Returns whether this user needs a second factor, but has not used one in this session."""
    return must_have_second_factor(request) and not signed_in_with_second_factor(request)


def must_have_second_factor(request: HttpRequest) -> bool:
    """Returns whether the settings require a second factor from this user for any page."""
    user = request.user
    if not user.is_authenticated:
        return False
    if settings.LEDGER_CUSTOMER_SECOND_FACTOR:
        return True
    return settings.LEDGER_STAFF_SECOND_FACTOR and (
        user.is_staff or user.has_perm("transactions.view_transaction")  # analysts and superusers
    )


def url_to_prove(user: User, next_url: str) -> str:
    """Returns the URL of the page where a user enters the second factor, and then continues to
    `next_url`. Returns "" if the user has no second factor.
    """
    if not has_second_factor(user):
        return ""
    ways = get_adapter().get_reauthentication_methods(user)
    url = next(way["url"] for way in ways if way["id"].startswith("mfa"))
    return f"{url}?{urlencode({'next': next_url or reverse('admin:index')})}"


def way_on(request: HttpRequest) -> str:
    """Returns the URL of the next page for a user who has set up a second factor.

    If no page was refused before, this is the page "Security". If a page was refused, and the
    second factor was not used in this session yet, this is the page "Security", too. That page asks
    for the factor and then redirects to the refused page. If a page was refused and the second
    factor was used, this is the refused page, which is then removed from the session.
    """
    security = reverse("security:page")
    if WANTED not in request.session:
        return security
    if lacks_second_factor(request):
        return f"{security}?{urlencode({'next': request.session[WANTED]})}"
    return str(request.session.pop(WANTED))


class SecondFactorMiddleware:
    """Middleware for users who must use a second factor and have not used one in this session. It
    redirects these users to the page "Security", which explains what to do.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_view: Any
    ) -> HttpResponse | None:
        """Returns a redirect instead of running the view, or None if the view may run. Signing out
        is always possible.
        """
        if not _is_covered(request, view) or not lacks_second_factor(request):
            return None
        if request.method == "GET":
            _note_wanted(request.session, request.get_full_path())
        return redirect_and_return(request, reverse("security:page"))


def _note_wanted(session: SessionBase, path: str) -> None:
    """Stores in the session the page that the user wanted to open. The commit does not wait for a
    standby. If a failover loses the page, the user only needs one more click.
    """
    if session.get(WANTED) == path:
        return
    is_changed, session[WANTED] = session.modified, path
    if is_changed:
        return  # other changes must wait for the standby
    with (
        suppress(UpdateError),
        waiting_for_no_standby(),
    ):  # the session has ended; the middleware of sessions reports this
        session.save()
        session.modified = False


def _is_covered(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Returns whether this page needs a second factor if the user must have one."""
    if request.path == reverse("admin:logout"):
        return False
    if request.path_info.startswith(settings.LEDGER_STAFF_PATHS):
        return True
    return settings.LEDGER_CUSTOMER_SECOND_FACTOR and not stays_open(request, view)


def stays_open(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Returns whether this page is public, or is used to set up how the user signs in."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return name.startswith(SETTING_UP) or not getattr(view, "login_required", True)
