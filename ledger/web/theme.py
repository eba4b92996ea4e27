"""Reads and sets the colour theme: light, dark, or the theme of the operating system. A cookie
stores the choice.
"""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("light", "dark")
YEAR = 365 * 24 * 60 * 60


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Stores the chosen theme in a cookie, and redirects to the page where the user chose the
    theme.

    Any value except "light" and "dark" deletes the cookie, so that the theme of the operating
    system is used. A script that sends `X-Requested-With: fetch` gets status 204 in place of the
    redirect.
    """
    response: HttpResponse
    if request.headers.get("X-Requested-With") == "fetch":
        response = HttpResponse(status=204)
    else:
        response = HttpResponseRedirect(_way_back(request))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            "theme",
            chosen,
            max_age=YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


def _way_back(request: HttpRequest) -> str:
    """Returns the URL of the page where the user chose the theme, or "/" if `next` belongs to
    another site.
    """
    target = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if ours else "/"


def chosen_theme(request: HttpRequest) -> str:
    """Returns "light", "dark", or "" for the theme of the operating system."""
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else ""
