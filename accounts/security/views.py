"""Pages of a person's own security."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from accounts.security.sections import read_sections


@require_safe
def security(request: PersonRequest) -> HttpResponse:
    """What protects the sign-in, with links to each change."""
    return render(request, "accounts/security/page.html", {"sections": read_sections(request)})
