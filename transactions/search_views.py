"""The search page."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest


@require_safe
def search(request: PersonRequest) -> HttpResponse:
    """What the reader's rows answer to a query."""
    return render(request, "transactions/search.html", {"typed": request.GET.get("q", "")})
