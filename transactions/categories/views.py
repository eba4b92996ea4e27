"""The page that sets the category of all payments that a search finds, and undoes such changes."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import PersonRequest
from ledger.db.ids import uuid7_for, uuid7_with
from ledger.text.lines import category_label, counted
from transactions.annotations.categories import CategoryChange, changes_of
from transactions.categories.forms import MISTAKE, NO_QUERY, CategoryChangeForm
from transactions.categories.page import FoundPayments
from transactions.categories.services import give_category, undo_change
from transactions.exceptions import LedgerError
from transactions.search.address import search_url
from transactions.search.language.terms import token


@require_http_methods(["GET", "HEAD", "POST"])
def categories(request: PersonRequest) -> HttpResponse:
    """Shows the payments that the search `q` finds, and the last changes. A POST request sets the
    category of the payments.
    """
    form = CategoryChangeForm(request.POST if request.method == "POST" else None)
    found = FoundPayments(request.user, request.POST.get("q", request.GET.get("q", "")))
    if form.is_bound and found.is_empty:
        form.add_error(None, MISTAKE if found.has_mistake else NO_QUERY)
    if form.is_valid():
        category = form.cleaned_data["category"]
        try:
            count = give_category(
                owner=request.user,
                rows=found.rows,
                category=category,
                change=uuid7_with(
                    uuid7_for(request.user.pk, form.cleaned_data["id"]), category, found.query
                ),
            )
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
        else:
            _show_result(request, count, category_label(category))
            return redirect("transactions:categories")
    context = {"form": form, "found": found, "changes": _changes(request)}
    return render(request, "categories/change.html", context)


@require_POST
def undo(request: PersonRequest, change: Any) -> HttpResponse:
    """Undoes one of the reader's changes."""
    count = undo_change(owner=request.user, change=change)
    if count:
        messages.success(request, f"The change of {counted(count, 'payment')} is undone.")
    else:
        messages.warning(request, "This change was undone already.")
    return redirect("transactions:categories")


def _changes(request: PersonRequest) -> list[tuple[CategoryChange, str]]:
    """Returns the last changes. Each change has the URL of a search for its category."""
    changes = changes_of(request.user)
    return [(each, search_url(token("category", each.category))) for each in changes]


def _show_result(request: PersonRequest, count: int, label: str) -> None:
    if count:
        are = "is" if count == 1 else "are"
        messages.success(request, f"{counted(count, 'payment')} {are} now in {label}.")
    else:
        why = f"no payment matches, or all matching payments are already in {label}"
        messages.warning(request, f"Nothing changed: {why}.")
