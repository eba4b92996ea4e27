"""Renders pages that need the practice bank. The pages reload automatically while the practice bank
is being built.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cookbook.practice.readiness import PracticeBankInProgress

SECONDS = 3  # seconds until the browser loads the page again


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Returns the page as a response. `trouble` in the context is the exception that prevented the
    run, or None.
    """
    response = render(request, template, context)
    if isinstance(context["trouble"], PracticeBankInProgress):
        response.headers["Refresh"] = str(SECONDS)
    return response
