"""The page of a receipt, the downloads of its sides and metadata, and the form for the reader's
note.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import PersonRequest
from accounts.shown import opened_by_right
from ledger.db.json_numbers import ExactNumberEncoder
from ledger.db.queries.work import QueryLog
from ledger.text.addresses import with_parameters
from ledger.web import panels
from ledger.web.table_files import table_response
from transactions.annotations.forms import AnnotationForm
from transactions.annotations.search import tags_in_use
from transactions.annotations.services import NOTE_CHANGED, annotate, annotation_history
from transactions.exceptions import NoteChanged
from transactions.lifecycle import lifecycle_of
from transactions.models import Transaction
from transactions.receipts.file import sides_table
from transactions.receipts.receipt import Receipt, receipt_for
from transactions.work_panel import page_panel, page_work

TAGS_OFFERED = 12
IN_SHELL = """from transactions.receipts.receipt import Receipt, receipt_for

reader = User.objects.get(email={email!r})
rows = Transaction.objects.readable_by(reader).with_sides()
receipt_for(rows.select_related("captures", "reverses").get(pk={pk!r}), reader)"""


@require_safe
def receipt(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows one transaction to the holders of both accounts and to staff. Other users get a 404
    response.
    """
    with page_work(request) as work:
        context = _context(request, readable_row(request, pk))
    return _rendered(request, work, context)


@require_http_methods(["GET", "HEAD", "POST"])
def note(request: PersonRequest, pk: Any) -> HttpResponse:
    """Saves the reader's annotation of a transaction. Users who own neither account get a 404
    response.
    """
    row = readable_row(request, pk)
    if not row.is_of(request.user):
        raise Http404
    form = AnnotationForm(request.POST if request.method == "POST" else None)
    replaces = request.POST.get("replaces")
    if form.is_valid():
        try:
            annotate(transaction=row, owner=request.user, replaces=replaces, **form.cleaned_data)
            messages.success(request, form.done)
        except NoteChanged as refusal:
            form.add_error(None, str(refusal))
            replaces = None  # the page shows the current annotation, which may be replaced
    if form.errors:
        return receipt_page(request, row, form=form, replaces=replaces)
    return redirect(f"{reverse('transactions:detail', args=[row.pk])}#note")


@require_safe
def metadata(request: PersonRequest, pk: Any) -> HttpResponse:
    """Returns the stored metadata of a transaction as a JSON file."""
    row = readable_row(request, pk)
    name = f'attachment; filename="transaction-{row.pk}.json"'
    return HttpResponse(
        json.dumps(row.metadata, cls=ExactNumberEncoder, ensure_ascii=False),
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": name},
    )


@require_safe
def sides_file(request: PersonRequest, pk: Any, kind: str) -> HttpResponseBase:
    """Returns a file with the sender and the recipient of a transaction."""
    return table_response(sides_table(receipt_for(readable_row(request, pk), request.user)), kind)


def readable_row(request: PersonRequest, pk: Any) -> Any:
    """Returns the transaction with the related rows that a receipt needs.

    Raises: Http404 if the reader may not read the transaction.
    """
    rows = Transaction.objects.readable_by(request.user).with_sides()
    row = get_object_or_404(rows.select_related("captures", "reverses"), pk=pk)
    if not row.is_of(request.user):
        opened_by_right()
    return row


def receipt_page(
    request: PersonRequest,
    row: Transaction,
    of_panels: Mapping[str, Any] | None = None,
    *,
    form: AnnotationForm | None = None,
    replaces: str | None = None,
) -> HttpResponse:
    """Returns the page of the receipt. If `form` has errors, the page shows the form. `of_panels`
    is template context for the panels.

    `replaces` is the id of the annotation that the saved form may replace. None means the current
    annotation.
    """
    with page_work(request) as work:
        context = _context(request, row, of_panels, form=form, replaces=replaces)
    return _rendered(request, work, context)


def _context(
    request: PersonRequest,
    row: Transaction,
    of_panels: Mapping[str, Any] | None = None,
    *,
    form: AnnotationForm | None = None,
    replaces: str | None = None,
) -> dict[str, Any]:
    shown = receipt_for(row, request.user)
    context: dict[str, Any] = {"receipt": shown, "row": row, **(of_panels or {})}
    panels.prepare("receipt", request, context)
    if not shown.is_for_staff:
        context["note_form"] = form or AnnotationForm.of(shown.mine)
        context["note_replaces"] = shown.mine.id if replaces is None else replaces
        if form and replaces not in (None, shown.mine.id):
            form.add_error(None, NOTE_CHANGED)
        context["tags_in_use"] = tags_in_use(request.user, most=TAGS_OFFERED)
    return context


def _rendered(request: PersonRequest, work: QueryLog, context: dict[str, Any]) -> HttpResponse:
    row, reader = context["row"], request.user
    context["panel"] = page_panel(
        request,
        work,
        url=partial(with_parameters, reverse("transactions:detail", args=[row.pk])),
        parts=(Transaction.objects.readable_by, lifecycle_of, annotation_history),
        in_shell=IN_SHELL.format(email=reader.email, pk=str(row.pk)),
        shows="joins of both sides, the linked rows in one query",
        known=_known_ids(context["receipt"]),
    )
    return render(request, "transactions/transaction_receipt.html", context)


def _known_ids(receipt: Receipt) -> list[UUID]:
    """Returns the ids on the page, the ids in its links, and the ids of the reader's accounts."""
    linked = [moment.row.pk for moment in receipt.lifecycle.moments if moment.row]
    own = [side.account.pk for side in receipt.sides if side.is_mine]
    origin = [receipt.origin.id] if receipt.origin else []
    return [receipt.row.pk, *linked, *own, *origin]
