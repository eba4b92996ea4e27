"""Views for error pages that do not read the request body.

Django's own views for these pages check the CSRF token and therefore read the form. If the form
cannot be read, the error page would fail again in each middleware.
"""

import sys
from collections.abc import Callable
from inspect import unwrap

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from ledger.web import outages
from ledger.web.database_errors import page_for

bad_request: Callable[..., HttpResponse] = unwrap(defaults.bad_request)
permission_denied: Callable[..., HttpResponse] = unwrap(defaults.permission_denied)
page_not_found: Callable[..., HttpResponse] = unwrap(defaults.page_not_found)
_server_error: Callable[..., HttpResponse] = unwrap(defaults.server_error)


def server_error(request: HttpRequest) -> HttpResponse:
    """Returns the page for `handler500`, and for failures outside a view, for example if the
    session cannot be read.
    """
    error = sys.exc_info()[1]
    page = page_for(request, error)
    if error is not None and outages.is_outage(error):
        outages.log_failure(request, error)
    return page or _server_error(request)
