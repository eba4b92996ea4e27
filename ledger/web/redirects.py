"""Redirects that htmx follows too."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect


def redirect_page(request: HttpRequest, url: str) -> HttpResponse:
    """Leads the whole page to this address. htmx would put the answer of a plain redirect into the
    part of the page that it swaps.
    """
    is_htmx = bool(getattr(request, "htmx", False))
    return HttpResponseClientRedirect(url) if is_htmx else HttpResponseRedirect(url)
