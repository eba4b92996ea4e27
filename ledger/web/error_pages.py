"""The pages of refusals and errors, made without reading what was sent.

Django's own check the CSRF token first, for which they read the form. A form that cannot be read is
refused by an error, so the page of that error would fail in the same way, in each middleware.
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
    """The `handler500`. Also for failures outside of a view, such as reading the session."""
    error = sys.exc_info()[1]
    page = page_for(request, error)
    if error is not None and outages.is_outage(error):
        outages.log_failure(request, error)
    return page or _server_error(request)
