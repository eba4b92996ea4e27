"""Pages of a person's money. Each fetches what is theirs, binds a form, calls one service."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Account
from accounts.requests import PersonRequest
from transactions import services
from transactions.exceptions import IdempotencyConflict, LedgerError
from transactions.exports import statement_lines
from transactions.filters import StatementAddress
from transactions.forms import StatementForm, TransferForm, prefilled
from transactions.models import Transaction
from transactions.receipts import receipt_for
from transactions.reports import home_of, known_accounts, times_paid
from transactions.statements import entries_of, statement_page

PAID_ALREADY = (
    "That form had paid already, so nothing was sent again. This is its receipt; "
    "for another payment, start with a new form."
)


@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """Net worth per currency, accounts, what is pending, the latest entries."""
    return render(request, "transactions/home.html", {"home": home_of(request.user)})


@require_safe
def statement(request: PersonRequest, pk: Any) -> HttpResponse:
    """One account's entries, a page at a time; the filters are the address."""
    account = get_object_or_404(Account, pk=pk, user=request.user)
    form = StatementForm(request.GET)
    page = statement_page(
        account, form.filters, before=form.mark("before"), after=form.mark("after")
    )
    address = StatementAddress(request.path, form)
    return render(
        request,
        "transactions/statement.html",
        {
            "account": account,
            "form": form,
            "page": page,
            "address": address,
            "links": address.links(page),
        },
    )


@require_safe
def statement_csv(request: PersonRequest, pk: Any) -> HttpResponseBase:
    """All entries that the statement's filters ask for, oldest first, streamed."""
    account = get_object_or_404(Account, pk=pk, user=request.user)
    entries = entries_of(account, StatementForm(request.GET).filters)
    rows = entries.with_counterparty().order_by("created_at").iterator(chunk_size=2000)
    return StreamingHttpResponse(
        statement_lines(account, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="statement-{account.number}.csv"'},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: PersonRequest) -> HttpResponse:
    """The form, its review in plain words, and then the receipt. Sending twice pays once."""
    if request.method != "POST":
        initial = prefilled(request.user, request.GET.get("from"), request.GET.get("to"))
        return _transfer_form(request, TransferForm(initial=initial, user=request.user))
    form = TransferForm(request.POST, user=request.user)
    step = request.POST.get("step", "review")
    if step == "edit" or not form.is_valid():
        return _transfer_form(request, form)
    try:
        row = (services.book if step == "send" else services.preview)(form.draft)
    except LedgerError as refusal:
        sent = Transaction.objects.visible_to(request.user).filter(pk=form.cleaned_data["id"])
        if isinstance(refusal, IdempotencyConflict) and sent.exists():
            messages.warning(request, PAID_ALREADY)
            return redirect("transactions:detail", form.cleaned_data["id"])
        form.add_error(None, str(refusal))
        return _transfer_form(request, form)
    if Transaction.objects.filter(pk=row.pk).exists():
        return redirect("transactions:detail", row.pk)
    draft = form.draft
    context = {"form": form, "draft": draft, "row": row, "times": times_paid(draft)}
    context["leaves"] = form.cleaned_data["from_account"].available - row.amount
    return render(request, "transactions/transfer_review.html", context)


def _transfer_form(request: PersonRequest, form: TransferForm) -> HttpResponse:
    context = {"form": form, "known": known_accounts(request.user)}
    return render(request, "transactions/transfer_form.html", context)


@require_safe
def receipt(request: PersonRequest, pk: Any) -> HttpResponse:
    """One transaction, to the owner of either side; a 404 to everybody else."""
    rows = Transaction.objects.visible_to(request.user).with_sides()
    row = get_object_or_404(rows, pk=pk)
    return render(
        request,
        "transactions/transaction_receipt.html",
        {
            "receipt": receipt_for(row, request.user),
            "row": row,
            "booked_on": timezone.localdate(row.created_at),
        },
    )
