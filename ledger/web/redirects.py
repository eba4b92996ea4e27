"""Redirects that htmx follows too."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect


def redirect_page(request: HttpRequest, url: str) -> HttpResponse:
    """Leads the whole page to this address. htmx would put the answer of a plain redirect into the
    part of the page that it swaps.
    """
    is_htmx = bool(getattr(request, "htmx", False))
    return HttpResponseClientRedirect(url) if is_htmx else HttpResponseRedirect(url)


def redirect_and_return(request: HttpRequest, url: str) -> HttpResponse:
    """Leads to a page that something needs first; it knows by `next` where to go on after a GET."""
    wanted = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return redirect_page(request, f"{url}{wanted}")
