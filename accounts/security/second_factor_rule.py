"""Decides which pages need a sign-in with a second factor. Staff and analysts need a second factor
for the admin and for the pages about the whole bank. With `LEDGER_CUSTOMER_SECOND_FACTOR`, all
users need a second factor for all pages. Public pages, and pages that set up how a user signs in,
never need a second factor.

`RequiredSetupMiddleware` applies the rule before the view, so no URL or method can be forgotten.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import User
from accounts.sign_in.factors import has_second_factor, signed_in_with_second_factor
from ledger.db.commits.confirmation import waiting_for_no_standby
from ledger.web.redirects import redirect_and_return

# Prefixes of URL names that never need a second factor, because users set up a second factor there.
SETTING_UP = ("security:", "account_", "mfa_", "socialaccount_", "prove_at_provider")
# Session key with the URL of the refused page. allauth's pages that add a factor lose `next`.
WANTED = "page_that_needs_a_second_factor"


def lacks_second_factor(request: HttpRequest) -> bool:
    """Returns whether this user needs a second factor and has not used one in this session."""
    return must_have_second_factor(request) and not signed_in_with_second_factor(request)


def must_have_second_factor(request: HttpRequest) -> bool:
    """Returns whether the settings require a second factor from this user, at least for some
    pages.
    """
    user = request.user
    if not user.is_authenticated:
        return False
    if settings.LEDGER_CUSTOMER_SECOND_FACTOR:
        return True
    return settings.LEDGER_STAFF_SECOND_FACTOR and (
        user.is_staff or user.has_perm("transactions.view_transaction")  # analysts and superusers
    )


def url_to_prove(user: User, next_url: str) -> str:
    """Returns the URL of the page where the user enters the second factor before continuing to
    `next_url`. Returns "" if the user has no second factor.
    """
    if not has_second_factor(user):
        return ""
    ways = get_adapter().get_reauthentication_methods(user)
    url = next(way["url"] for way in ways if way["id"].startswith("mfa"))
    return f"{url}?{urlencode({'next': next_url or reverse('admin:index')})}"


def way_on(request: HttpRequest) -> str:
    """Returns the URL of the next page for a user who has set up a second factor: the page that was
    refused before, or the page "Security".

    If the second factor was not used in this session yet, the page "Security" asks for the factor
    and then redirects to the refused page.
    """
    security = reverse("security:page")
    if WANTED not in request.session:
        return security
    if lacks_second_factor(request):
        return f"{security}?{urlencode({'next': request.session[WANTED]})}"
    return str(request.session.pop(WANTED))


def redirect_to_second_factor(
    request: HttpRequest, view: Callable[..., Any]
) -> HttpResponse | None:
    """Returns the redirect to the page "Security" for a user who must use a second factor and has
    not used one in this session. Returns None if the view may run. Signing out is always possible.
    """
    if not _is_covered(request, view) or not lacks_second_factor(request):
        return None
    if request.method == "GET":
        _note_wanted(request.session, request.get_full_path())
    return redirect_and_return(request, reverse("security:page"))


def _note_wanted(session: SessionBase, path: str) -> None:
    """Stores the URL of the refused page in the session. The commit does not wait for a standby,
    because a user who loses the URL in a failover needs only one more click.
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
    """Returns whether the rule applies to this page. If it applies, and if the settings require a
    second factor from the user, the user must have used the factor in this session.
    """
    if request.path == reverse("admin:logout"):
        return False
    if request.path_info.startswith(settings.LEDGER_STAFF_PATHS):
        return True
    return settings.LEDGER_CUSTOMER_SECOND_FACTOR and not stays_open(request, view)


def stays_open(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Returns whether this page is public, or sets up how the user signs in."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return name.startswith(SETTING_UP) or not getattr(view, "login_required", True)
