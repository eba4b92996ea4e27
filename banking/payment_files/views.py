"""The pages of payment files. Only the owner of the paying account can open them."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.exceptions import AccessEnded
from accounts.requests import PersonRequest
from accounts.sign_in import step_up
from accounts.sign_in.revalidation import refuse_if_ended
from banking.payment_files.agreement import agreement, was_agreed
from banking.payment_files.booking import (
    BookingRequest,
    BookingStopped,
    CheckedAnew,
    book_rest,
    book_step,
    book_whole,
)
from banking.payment_files.confirming import limit_unconfirmed, why_confirm_file
from banking.payment_files.forms import PaymentFileForm
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.parser import EXAMPLE, MAX_BYTES, UnreadableFile
from banking.payment_files.preview import check
from banking.payment_files.recipients import recipients_of
from banking.payment_files.results import files_table, result_response
from banking.payment_files.stopped import stopped_page
from banking.payment_files.storage import FileRemoved, discard, store
from banking.payment_files.wording import payments, summary_of
from ledger.db.ids import uuid7_for
from ledger.db.rights.row_security import RowScope, reading
from ledger.web.table_files import table_response
from ledger.web.uploads import reads_file
from transactions.exceptions import LedgerError
from transactions.safeguards import review
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.safeguards.quota import WRONG_NAMES_A_DAY

FILES_PER_PAGE = 25
FILES_PER_READ = 500
LINES_PER_PAGE = 50
FROM_BANK = "The bank uploaded this file, so only the bank can pay or remove it."
State = PaymentFile.State


@require_safe
def file_list(request: PersonRequest) -> HttpResponse:
    """Shows the files that pay from the signed-in person's accounts, newest first."""
    files = PaymentFile.objects.visible_to(request.user).with_account().newest_first()
    page = Paginator(files, FILES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "payment_files/list.html", {"page": page})


@require_safe
def list_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns the complete list of payment files as a streamed download."""
    files = PaymentFile.objects.visible_to(request.user).with_account().newest_first()
    return table_response(files_table(files.iterator(chunk_size=FILES_PER_READ)), kind)


@reads_file(MAX_BYTES)
@require_http_methods(["GET", "HEAD", "POST"])
def file_new(request: PersonRequest) -> HttpResponse:
    """Shows the upload form. A POST stores and checks the file, and redirects to the page of the
    file. If the file cannot be read, the form shows the reason.
    """
    if request.method != "POST":
        return _file_form(request, PaymentFileForm(user=request.user))
    form = PaymentFileForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        return _file_form(request, form)
    data, upload = form.cleaned_data, form.cleaned_data["file"]
    try:
        file = store(
            upload.file,
            name=upload.name,
            from_account=data["from_account"],
            created_by=request.user,
            id=uuid7_for(request.user.pk, data["id"]),
        )
        if file.state == State.STORED:
            check(file)
    except (UnreadableFile, LedgerError) as refusal:
        form.add_error("file", str(refusal))
        return _file_form(request, form)
    return redirect("transactions:file", file.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def file_page(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows one file and the results of its lines. A POST runs the action of the pressed button."""
    files = PaymentFile.objects.visible_to(request.user).with_account()
    file = get_object_or_404(files, pk=pk)
    if request.method == "POST":
        return _refuse_step(request, file) if file.is_from_bank else _answered(request, file)
    lines = PaymentLine.objects.of(file).for_reading().select_related("to_account__user")
    page = Paginator(lines, LINES_PER_PAGE).get_page(request.GET.get("page"))
    with reading(RowScope.DIRECTORY):
        page.object_list = list(page.object_list)
    context = {"file": file, "summary": summary_of(file), "page": page}
    context["lines"] = f"{file.line_count:,} line{'' if file.line_count == 1 else 's'}"
    context["most_names"] = WRONG_NAMES_A_DAY
    context["recipients"] = recipients_of(file, page.object_list)
    context |= agreement(request, file)
    context["why_confirm"] = why_confirm_file(
        file, request.user, covered_until=step_up.fresh_until(request)
    )
    context["same"] = PaymentFile.objects.same_as(file).newest_first().first()
    return render(request, "payment_files/detail.html", context)


def _answered(request: PersonRequest, file: PaymentFile) -> HttpResponse:
    """Runs the action of the pressed button, and returns the response. If the file was removed in
    the meantime, or if the booking stopped, returns the response for this case.
    """
    try:
        return _step(request, file)
    except FileRemoved as gone:
        messages.warning(request, f"{file.name}: {gone}")
        return redirect("transactions:files")
    except BookingStopped as stopped:
        return stopped_page(request, stopped, reverse("transactions:file", args=[file.pk]))


def _step(request: PersonRequest, file: PaymentFile) -> HttpResponse:
    """Runs the action of the pressed button: discard, check or pay. A request from htmx with the
    action "pay" books only one step.
    """
    step, file_url = request.POST.get("step"), reverse("transactions:file", args=[file.pk])
    if step == "discard":
        return _discard(request, file)
    try:
        if step == "check":
            check(file)
        elif step in ("whole", "pay"):
            return _pay(request, file, step)
    except ConfirmationNeeded as needed:
        return step_up.ask(request, why=str(needed), back=file_url)
    except CheckedAnew as other:
        messages.warning(request, str(other))
    except (FileRemoved, AccessEnded):
        raise
    except LedgerError as refusal:
        check(file)
        messages.error(request, str(refusal))
    return redirect(file_url)


def _pay(request: PersonRequest, file: PaymentFile, step: str) -> HttpResponse:
    """Books the file. If `step` is "whole", books either all lines or no line. Otherwise books the
    lines that can be booked.
    """
    file_url = reverse("transactions:file", args=[file.pk])
    if not was_agreed(request, file):
        messages.warning(request, review.NOT_REVIEWED)
        return redirect(file_url)
    book = book_whole if step == "whole" else book_step if request.htmx else book_rest
    file = book(file, **_request(request, file))
    if file.state != State.DONE:
        context = {"file": file, "summary": summary_of(file)}
        return render(request, "payment_files/_paying.html", context)
    _show_done(request, file)
    return redirect(file_url)


def _request(request: PersonRequest, file: PaymentFile) -> BookingRequest:
    """Returns the BookingRequest: the person who books the file, the fingerprint of the lines to
    which the person agreed, and the person's daily limit.

    Raises: ConfirmationNeeded if the person must confirm their identity first.
    """
    covered_until = step_up.fresh_until(request)
    within = limit_unconfirmed(file, request.user, covered_until=covered_until)
    return {
        "by": request.user, "agreed": request.POST.get("agreed", ""), "within": within,
        "refuse_if_ended": partial(
            refuse_if_ended, request.user, session_key=request.session.session_key
        ),
    }  # fmt: skip


def _refuse_step(request: PersonRequest, file: PaymentFile) -> HttpResponse:
    """Shows the error for a file that the bank uploaded: the customer cannot check, pay or remove
    such a file.
    """
    messages.error(request, FROM_BANK)
    return redirect("transactions:file", file.pk)


def _discard(request: PersonRequest, file: PaymentFile) -> HttpResponse:
    if not discard(file):
        messages.error(request, "Part of this file was paid, so it cannot be removed.")
        return redirect("transactions:file", file.pk)
    messages.success(request, f"{file.name} is removed. Nothing was paid.")
    return redirect("transactions:files")


@require_safe
def file_result(request: PersonRequest, pk: Any, kind: str) -> HttpResponseBase:
    """Returns the result of each line as a streamed download."""
    files = PaymentFile.objects.visible_to(request.user).with_account()
    return result_response(get_object_or_404(files, pk=pk), kind)


@require_safe
def file_example(_request: PersonRequest) -> HttpResponse:
    """Returns an example of a payment file, as CSV."""
    return HttpResponse(
        EXAMPLE,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="payments-example.csv"'},
    )


def _show_done(request: PersonRequest, file: PaymentFile) -> None:
    messages.success(request, f"Done: {payments(file.booked_count)} booked.")


def _file_form(request: PersonRequest, form: PaymentFileForm) -> HttpResponse:
    return render(request, "payment_files/form.html", {"form": form})
