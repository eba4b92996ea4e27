"""Who must have signed in with a second factor before they see what: staff and analysts the admin
and the whole bank, and with `LEDGER_CUSTOMER_SECOND_FACTOR` everybody all that is not public.

Stands before the views, so that it covers every address, also of pages that are not of the admin's
own making, and of every method.
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

# What stays open, so that a second factor can be set up: names of URLs begin with these.
SETTING_UP = ("security:", "account_", "mfa_", "socialaccount_", "prove_at_provider")
# In the session: the page that was closed. allauth's pages that add a factor forget `next`.
WANTED = "page_that_needs_a_second_factor"


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether this session of somebody who needs a second factor has to prove one first."""
    return must_have_second_factor(request) and not signed_in_with_second_factor(request)


def must_have_second_factor(request: HttpRequest) -> bool:
    """Whether a setting asks this person for a second factor, on some page."""
    user = request.user
    if not user.is_authenticated:
        return False
    if settings.LEDGER_CUSTOMER_SECOND_FACTOR:
        return True
    return settings.LEDGER_STAFF_SECOND_FACTOR and (
        user.is_staff or user.has_perm("transactions.view_transaction")  # analysts; superusers
    )


def url_to_prove(user: User, next_url: str) -> str:
    """The page where a person proves a second factor they have; "" if they have none."""
    if not has_second_factor(user):
        return ""
    ways = get_adapter().get_reauthentication_methods(user)
    url = next(way["url"] for way in ways if way["id"].startswith("mfa"))
    return f"{url}?{urlencode({'next': next_url or reverse('admin:index')})}"


def way_on(request: HttpRequest) -> str:
    """Where somebody goes who has set up what protects them: to the page that was closed until
    then, once, or to the page "Security", which asks for the new factor and leads on from there.
    """
    security = reverse("security:page")
    if WANTED not in request.session:
        return security
    if lacks_second_factor(request):
        return f"{security}?{urlencode({'next': request.session[WANTED]})}"
    return str(request.session.pop(WANTED))


class SecondFactorMiddleware:
    """Leads whoever lacks a proved second factor to the page "Security", which says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_view: Any
    ) -> HttpResponse | None:
        """Redirects instead of running the view. Signing out stays possible."""
        if not _is_covered(request, view) or not lacks_second_factor(request):
            return None
        if request.method == "GET":
            _note_wanted(request.session, request.get_full_path())
        return redirect_and_return(request, reverse("security:page"))


def _note_wanted(session: SessionBase, path: str) -> None:
    """Without a wait for the standby: a failover may lose it, which costs a click."""
    if session.get(WANTED) == path:
        return
    is_changed, session[WANTED] = session.modified, path
    if is_changed:
        return  # what else has changed may not be lost
    with suppress(UpdateError), waiting_for_no_standby():  # ended meanwhile: the middleware tells
        session.save()
        session.modified = False


def _is_covered(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Whether this page is closed without a second factor, for whoever must have one."""
    if request.path == reverse("admin:logout"):
        return False
    if request.path_info.startswith(settings.LEDGER_STAFF_PATHS):
        return True
    return settings.LEDGER_CUSTOMER_SECOND_FACTOR and not stays_open(request, view)


def stays_open(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Whether this page is public, or one of those that set up how somebody signs in."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return name.startswith(SETTING_UP) or not getattr(view, "login_required", True)
