"""Completes what a user types in form fields of the admin that select a row of another table."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.admin.parts import NO_VALUES, log_unusable

_autocomplete = admin.site.autocomplete_view


def autocomplete(request: HttpRequest) -> HttpResponse:
    """Returns Django's JSON response with the matching rows. Returns an empty result if a parameter
    has a value that a query cannot use, such as an invalid id.
    """
    try:
        return _autocomplete(request)
    except NO_VALUES as error:
        log_unusable(request, error)
        return JsonResponse({"results": [], "pagination": {"more": False}})
