"""The page of an account statement, and its download as a file."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.requests import PersonRequest
from ledger.text.lines import shortened
from ledger.web.table_files import refused
from transactions.account_news import NewsPosition
from transactions.availability import any_released, figures_of, pending_of, released_lately
from transactions.search.address import search_url
from transactions.statements.address import StatementAddress
from transactions.statements.file import table_file
from transactions.statements.forms import StatementForm
from transactions.statements.page import (
    ON_PAPER,
    StatementPage,
    paper_line,
    statement_page,
)
from transactions.statements.work import statement_panel
from transactions.work_panel import may_see_lookups, page_work


@require_safe
def statement(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows one page of an account's statement. The URL contains the filters."""
    with page_work(request) as work:
        context = _read(request, pk)
    account, form = context["account"], context["form"]
    # The SQL of a search contains accounts that were looked up by name.
    if not form.filters.text or may_see_lookups(request.user):
        context["panel"] = statement_panel(request, work, account, context["address"])
    return render(request, "transactions/statement.html", context)


def _read(request: PersonRequest, pk: Any) -> dict[str, Any]:
    """Returns the template context of the statement page.

    Raises: Http404 if the account belongs to another person.
    """
    accounts: QuerySet[Any] = Account.objects.annotate(any_released=any_released())
    account = get_object_or_404(accounts, pk=pk, user=request.user)
    account.user = request.user
    form = StatementForm(request.GET)
    address = StatementAddress(request.path, form)
    page = StatementPage()
    if form.is_valid():
        before, after = form.mark("before"), form.mark("after")
        size = ON_PAPER if address.on_paper else None
        page = statement_page(account, form.filters, before=before, after=after, size=size)
    context: dict[str, Any] = {"account": account, "form": form, "page": page, "address": address}
    context["mistakes"] = address.mistakes(account)
    context |= {"links": address.links(page), "paper_line": paper_line(page, form.filters)}
    if address.is_plain:
        context["position"] = None if account.is_closed else NewsPosition.now([account])
        context["pending"] = pending_of([account])
        context["released"] = released_lately(account) if account.any_released else None
    context["figures"] = figures_of(account)
    context["frozen"] = account.status_changes.first() if account.is_frozen else None
    context["wider_url"] = search_url(form.filters.text)
    context["nothing_found"] = f"Nothing found for \u201c{shortened(form.filters.text)}\u201d"
    return context


@require_safe
def statement_file(request: PersonRequest, pk: Any, kind: str) -> HttpResponseBase:
    """Streams all entries that match the filters as a file, oldest first."""
    account = get_object_or_404(Account, pk=pk, user=request.user)
    form = StatementForm(request.GET)
    if not form.is_valid():
        message = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return refused(message, kind)
    return table_file(account, form.filters, kind)
