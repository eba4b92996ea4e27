"""Redirects that also work for requests of htmx."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_htmx.http import HttpResponseClientRedirect


def redirect_page(request: HttpRequest, url: str) -> HttpResponse:
    """Redirects the whole page to this URL. With a normal redirect, htmx would put the next page
    into the part of the current page that it replaces.
    """
    is_htmx = bool(getattr(request, "htmx", False))
    return HttpResponseClientRedirect(url) if is_htmx else HttpResponseRedirect(url)


def redirect_and_return(request: HttpRequest, url: str) -> HttpResponse:
    """Redirects to a page that the user needs first. If the request is a GET, the parameter `next`
    contains the URL to which the user then returns.
    """
    wanted = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return redirect_page(request, f"{url}{wanted}")
