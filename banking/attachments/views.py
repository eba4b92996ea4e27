"""Attaches, downloads and removes the pictures and PDF documents of a payment."""

from typing import Any
from uuid import UUID

from allauth.core.internal.ratelimit import consume
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import PersonRequest
from banking.attachments.content import MAX_UPLOAD_BYTES
from banking.attachments.forms import AttachmentForm
from banking.attachments.models import Attachment
from banking.attachments.services import attach, remove
from banking.attachments.storage import StorageFailed, content_of
from ledger.db.ids import uuid7_for
from ledger.web.uploads import reads_file
from transactions.exceptions import LedgerError
from transactions.models import Transaction
from transactions.receipts.views import readable_row, receipt_page

RATE = {"attach": "30/d/user"}
TOO_MANY = (
    "You can add thirty files a day, one at a time. If you sent several files in parallel, try"
    " again. Otherwise, try again tomorrow."
)
GONE = "This file is missing. Remove the file here. If you still have it, add it again."
# For browsers that show the file instead of downloading it: the file may run no scripts, send no
# forms, and load nothing from other sites.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " object-src 'none'; report-uri /csp-report/; sandbox"
)


@reads_file(MAX_UPLOAD_BYTES)
@require_POST
def attachment_new(request: PersonRequest) -> HttpResponse:
    """Attaches a file to a transaction of the signed-in person. Responds with 404 if the
    transaction belongs to other people.
    """
    row: Transaction = readable_row(request, _id(request.POST.get("transaction", "")))
    if not row.is_of(request.user):
        raise Http404
    if not consume(request, app="transactions", action="attach", config=RATE, user=request.user):
        messages.error(request, TOO_MANY)
        return redirect(_place(row.pk))
    form = AttachmentForm(request.POST, request.FILES)
    if form.is_valid():
        data = form.cleaned_data
        pk = uuid7_for(request.user.pk, data["id"])
        try:
            added = attach(transaction=row, owner=request.user, file=data["fit"], id=pk)
            messages.success(request, f"{added.file_name} is attached.")
            return redirect(_place(row.pk))
        except LedgerError as refusal:
            form.add_error("file", str(refusal))
    return receipt_page(request, row, {"attachment_form": form})


@require_safe
def attachment(request: PersonRequest, pk: Any) -> HttpResponse:
    """Returns one of the person's attached files as a download."""
    found = get_object_or_404(Attachment.objects.of(request.user).defer(None), pk=pk)
    try:
        content = content_of(found)
    except StorageFailed as refusal:
        content, why = None, str(refusal)
    else:
        why = GONE
    if content is None:
        messages.error(request, why)
        return redirect(_place(found.transaction_id))
    name = content_disposition_header(as_attachment=True, filename=found.file_name)
    return HttpResponse(
        content,
        content_type=found.content_type,
        headers={"Content-Disposition": name, "Content-Security-Policy": POLICY},
    )


@require_POST
def attachment_remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Removes one of the person's attached files."""
    found = get_object_or_404(Attachment.objects.of(request.user), pk=pk)
    try:
        remove(attachment=found)
        messages.success(request, f"{found.file_name} is removed.")
    except StorageFailed as refusal:
        messages.error(request, str(refusal))
    return redirect(_place(found.transaction_id))


def _id(typed: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError:
        raise Http404 from None


def _place(pk: UUID) -> str:
    return f"{reverse('transactions:detail', args=[pk])}#attachments"
