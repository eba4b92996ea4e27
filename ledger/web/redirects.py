"""Redirects to a page that the user needs first, and redirects for htmx."""

from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers


def redirect_whole_page(request: HttpRequest, response: HttpResponseBase) -> None:
    """Makes htmx load the target of a redirect as a whole page, with the header HX-Redirect.
    Otherwise htmx would insert the target, such as the sign-in page, into the current page.
    """
    is_htmx = request.headers.get("HX-Request") == "true"
    if is_htmx and 300 <= response.status_code < 400 and "Location" in response.headers:
        response.headers["HX-Redirect"] = response.headers["Location"]
        del response.headers["Location"]
        response.status_code = HTTPStatus.OK
        add_never_cache_headers(response)


def redirect_and_return(request: HttpRequest, url: str) -> HttpResponse:
    """Redirects to a page that the user needs first. For a GET request, adds the parameter `next`
    with the current URL, so that the user can return.
    """
    wanted = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return HttpResponseRedirect(f"{url}{wanted}")
