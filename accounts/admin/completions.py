"""The search for rows in the form fields of the admin."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.admin.parts import NO_VALUES, log_unusable

_autocomplete = admin.site.autocomplete_view


def autocomplete(request: HttpRequest) -> HttpResponse:
    """Returns Django's response. Finds nothing for a value that a query cannot use."""
    try:
        return _autocomplete(request)
    except NO_VALUES as error:
        log_unusable(request, error)
        return JsonResponse({"results": [], "pagination": {"more": False}})
