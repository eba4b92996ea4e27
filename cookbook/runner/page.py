"""Pages that need the practice bank. While it is being built, they reload automatically."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cookbook.practice.readiness import PracticeBankInProgress

SECONDS = 3  # until the browser loads the page again


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Renders the page. `trouble` in the context is the exception that stopped the run, if any."""
    response = render(request, template, context)
    if isinstance(context["trouble"], PracticeBankInProgress):
        response.headers["Refresh"] = str(SECONDS)
    return response
