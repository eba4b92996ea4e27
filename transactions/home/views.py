"""The home page."""

from django.http import (
    HttpResponse,
)
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import PersonRequest
from transactions.home.reads import home_of


@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """Shows the net worth per currency, the accounts, the pending holds and the latest entries."""
    return render(request, "transactions/home.html", {"home": home_of(request.user)})
