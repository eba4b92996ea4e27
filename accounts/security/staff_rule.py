"""Staff must have signed in with a second factor before they see the admin or the whole bank.

Stands before the views, so that it covers every address below `LEDGER_STAFF_PATHS`, also of pages
that are not of the admin's own making, and of every method.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import User
from accounts.sign_in.factors import has_second_factor, signed_in_with_second_factor


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether this session of a staff person has to prove a second factor first."""
    user = request.user
    if not settings.LEDGER_STAFF_SECOND_FACTOR or not user.is_authenticated:
        return False
    is_bound = user.is_staff or user.is_superuser
    return is_bound and not signed_in_with_second_factor(request)


def url_to_prove(user: User, next_url: str) -> str:
    """The page where a person proves a second factor they have; "" if they have none."""
    if not has_second_factor(user):
        return ""
    ways = get_adapter().get_reauthentication_methods(user)
    url = next(way["url"] for way in ways if way["id"].startswith("mfa"))
    return f"{url}?{urlencode({'next': next_url or reverse('admin:index')})}"


class StaffSecondFactorMiddleware:
    """Leads staff without a proved second factor to the page "Security", which says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Redirects instead of running the view. Signing out stays possible."""
        is_for_staff = request.path_info.startswith(settings.LEDGER_STAFF_PATHS)
        if not is_for_staff or request.path == reverse("admin:logout"):
            return None
        if not lacks_second_factor(request):
            return None
        wanted = {"next": request.get_full_path()} if request.method == "GET" else {}
        url = f"{resolve_url('security:page')}{'?' if wanted else ''}{urlencode(wanted)}"
        is_htmx = bool(getattr(request, "htmx", False))
        return HttpResponseClientRedirect(url) if is_htmx else redirect(url)
