"""Pages of a person's money. Each fetches what is theirs, binds a form, calls one service."""

from typing import Any

from django.contrib import messages
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.lines import shortened
from accounts.models import Account
from accounts.requests import PersonRequest
from ledger.db.ids import uuid7
from transactions import services
from transactions.annotating import annotate
from transactions.annotation_search import tags_in_use
from transactions.exceptions import IdempotencyConflict, LedgerError, NoteChanged
from transactions.exports import file_name, statement_lines
from transactions.filters import StatementAddress
from transactions.forms import StatementForm, TransferForm, prefilled
from transactions.models import Transaction
from transactions.note_forms import NoteForm
from transactions.receipts import receipt_for
from transactions.reports import home_of, just_paid, known_accounts, times_paid
from transactions.search_address import search_url
from transactions.standing import limits_in_words, pending_of, released_lately
from transactions.statements import (
    ON_PAPER,
    StatementPage,
    entries_of,
    paper_line,
    statement_page,
)
from transactions.tools import is_own

TAGS_OFFERED = 12
CHANGED_MEANWHILE = "Your note was changed in another window meanwhile; it stands above."
SENT_ONCE = "This payment went out once; pressing again moved nothing. This is its receipt."
CHANGED_AFTER_SENDING = (
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
    account = get_object_or_404(Account.objects.select_related("user"), pk=pk, user=request.user)
    form = StatementForm(request.GET)
    address = StatementAddress(request.path, form)
    page = StatementPage()
    if form.is_valid():
        before, after = form.mark("before"), form.mark("after")
        size = ON_PAPER if address.on_paper else None
        page = statement_page(account, form.filters, before=before, after=after, size=size)
    context = {"account": account, "form": form, "page": page, "address": address}
    context["mistakes"] = address.mistakes(account)
    context |= {"links": address.links(page), "paper_line": paper_line(page, form.filters)}
    if address.is_plain:
        context |= {"pending": pending_of([account]), "released": released_lately(account)}
    context["limits"] = limits_in_words(account)
    context["frozen"] = account.status_changes.first() if account.is_frozen else None
    context["wider_url"] = search_url(form.filters.text)
    context["nothing_found"] = f"Nothing found for \u201c{shortened(form.filters.text)}\u201d"
    return render(request, "transactions/statement.html", context)


@require_safe
def statement_csv(request: PersonRequest, pk: Any) -> HttpResponseBase:
    """All entries that the statement's filters ask for, oldest first, streamed."""
    account = get_object_or_404(Account, pk=pk, user=request.user)
    form = StatementForm(request.GET)
    if not form.is_valid():
        said = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return HttpResponseBadRequest(said, content_type="text/plain; charset=utf-8")
    entries = entries_of(account, form.filters)
    rows = entries.with_counterparty().order_by("created_at").iterator(chunk_size=2000)
    return StreamingHttpResponse(
        statement_lines(account, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(account, form.filters)}"'
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: PersonRequest) -> HttpResponse:
    """The form, its review in plain words, and then the receipt. Sending twice pays once."""
    if request.method != "POST":
        return _new_transfer(request)
    form = TransferForm(request.POST, user=request.user)
    step = request.POST.get("step", "review")
    if step == "edit" or not form.is_valid():
        return _transfer_form(request, form)
    sent = Transaction.objects.visible_to(request.user).filter(pk=form.cleaned_data["id"])
    sent_before = sent.exists()
    try:
        row = (services.book if step == "send" else services.preview)(form.draft)
    except LedgerError as refusal:
        if isinstance(refusal, IdempotencyConflict) and sent_before:
            messages.warning(request, CHANGED_AFTER_SENDING)
            return redirect("transactions:detail", form.cleaned_data["id"])
        form.add_error(None, str(refusal))
        return _transfer_form(request, form)
    if sent_before:
        messages.info(request, SENT_ONCE)
    if sent_before or step == "send":
        return redirect("transactions:detail", row.pk)
    draft = form.draft
    context = {"form": form, "draft": draft, "row": row, "times": times_paid(draft)}
    context["just_paid"] = just_paid(draft)
    context["leaves"] = form.cleaned_data["from_account"].available - row.amount
    return render(request, "transactions/transfer_review.html", context)


def _new_transfer(request: PersonRequest) -> HttpResponse:
    """The empty form. Its id stands in the address, so that going back finds the same one;
    once it has paid, the address leads to the receipt."""
    initial = prefilled(request.user, request.GET)
    if "id" not in initial:
        query = request.GET.copy()
        query["id"] = str(uuid7())
        return redirect(f"{request.path}?{query.urlencode()}")
    if Transaction.objects.visible_to(request.user).filter(pk=initial["id"]).exists():
        messages.info(request, SENT_ONCE)
        return redirect("transactions:detail", initial["id"])
    return _transfer_form(request, TransferForm(initial=initial, user=request.user))


def _transfer_form(request: PersonRequest, form: TransferForm) -> HttpResponse:
    mine = list(form.own_accounts)
    sender = form.sender
    if sender is not None:
        form["from_account"].help_text = limits_in_words(sender)
    context = {"form": form, "sender": sender, "known": known_accounts(mine, sender)}
    return render(request, "transactions/transfer_form.html", context)


@require_safe
def receipt(request: PersonRequest, pk: Any) -> HttpResponse:
    """One transaction, to the owner of either side and to staff; a 404 to everybody else."""
    return receipt_page(request, readable_row(request, pk))


@require_http_methods(["GET", "HEAD", "POST"])
def note(request: PersonRequest, pk: Any) -> HttpResponse:
    """What the owner of a side says of a transaction for themselves; a 404 to everybody else."""
    row = readable_row(request, pk)
    if not is_own(row, request.user):
        raise Http404
    form = NoteForm(request.POST if request.method == "POST" else None)
    replaces = request.POST.get("replaces")
    if form.is_valid():
        try:
            annotate(transaction=row, owner=request.user, replaces=replaces, **form.cleaned_data)
            messages.success(request, form.done)
        except NoteChanged as refusal:
            form.add_error(None, str(refusal))
            replaces = None  # who has read what it says now may replace it
    if form.errors:
        return receipt_page(request, row, form, replaces)
    return redirect(f"{reverse('transactions:detail', args=[row.pk])}#note")


@require_safe
def metadata(request: PersonRequest, pk: Any) -> HttpResponse:
    """The metadata of a transaction as it is stored, as a file."""
    row = readable_row(request, pk)
    name = f'attachment; filename="transaction-{row.pk}.json"'
    return HttpResponse(
        row.metadata_stored,
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": name},
    )


def readable_row(request: PersonRequest, pk: Any) -> Any:
    """The transaction with all that a receipt needs, to who may read it; else a 404."""
    rows = Transaction.objects.readable_by(request.user).with_sides().with_stored_metadata()
    return get_object_or_404(rows.select_related("captures", "reverses"), pk=pk)


def receipt_page(
    request: PersonRequest,
    row: Transaction,
    form: NoteForm | None = None,
    replaces: str | None = None,
) -> HttpResponse:
    """The receipt; with a `form` that has errors, it is open, and still replaces the note that
    it was opened with: `replaces`, or the present one."""
    shown = receipt_for(row, request.user)
    context: dict[str, Any] = {"receipt": shown, "row": row}
    if not shown.is_for_staff:
        context["note_form"] = form or NoteForm.of(shown.mine)
        context["note_replaces"] = shown.mine.id if replaces is None else replaces
        if form and replaces not in (None, shown.mine.id):
            form.add_error(None, CHANGED_MEANWHILE)
        context["tags_in_use"] = tags_in_use(request.user, most=TAGS_OFFERED)
    return render(request, "transactions/transaction_receipt.html", context)
