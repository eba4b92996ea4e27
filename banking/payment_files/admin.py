"""Payment files in the admin. Staff read the files, and upload and pay files for customers.

Uploading, paying and removing a file requires the permission for the cash desk. Paying also
requires a reason. Staff cannot pay files from their own accounts.
"""

import uuid
from copy import copy
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.admin.list_files import ListFiles
from accounts.admin.parts import STYLES, amount_cell, date_filter, link_to, moment_cell, person_of
from accounts.exceptions import AccessEnded
from accounts.models import Account, ApprovalRequest, User
from accounts.sign_in.revalidation import refuse_if_ended
from banking.payment_files.agreement import agreement, was_agreed
from banking.payment_files.approval import ask_for_file, file_needs_approval
from banking.payment_files.booking import (
    BookingStopped,
    CheckedAnew,
    agreed_to,
    book_rest,
    book_whole,
)
from banking.payment_files.forms import CustomersFileForm, PayForm
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.parser import MAX_BYTES, UnreadableFile
from banking.payment_files.preview import check
from banking.payment_files.results import result_response
from banking.payment_files.stopped import stopped_page
from banking.payment_files.storage import FileRemoved, discard, store
from banking.payment_files.wording import payments, summary_of
from ledger.db.ids import uuid7_for
from ledger.text.lines import grouped
from ledger.web.uploads import reads_file
from transactions.exceptions import LedgerError
from transactions.safeguards.review import NOT_REVIEWED
from transactions.staff.approvals.requests import ASKED

CASH_DESK = "transactions.use_cash_desk"
LINES_PER_PAGE = 50
OTHER_LINES = (
    "After you opened the page, the file was checked again, and other lines can be booked now. "
    "We did not ask for approval. Check the current amounts and press again."
)
NOT_REMOVED = "This file cannot be removed: part of it was paid, or it waits for approval."
NOTHING_LEFT = "No line was booked now. See the result of each line, and the history of the file."


@admin.register(PaymentFile)
class PaymentFileAdmin(ListFiles):
    """The admin pages of payment files, newest first. Staff upload, pay and remove files, but
    cannot edit them.
    """

    list_display = ("time", "name", "sender", "lines_shown", "total_shown", "paid_shown", "state")
    list_filter = ("state", ("created_at", date_filter("upload date")))
    ordering = ("-id",)
    sortable_by = ()
    search_fields = (
        "name__unaccent__icontains", "from_account__number",
        "from_account__user__name__unaccent__icontains",
    )  # fmt: skip
    actions = None
    list_file_values: ClassVar = {
        "time": "created_at", "total_shown": "total", "paid_shown": "booked_total",
        "lines_shown": "line_count",
    }  # fmt: skip
    fields = ("name",)  # not shown, because the page has a separate template
    show_full_result_count = False

    class Media:
        css = {"all": (STYLES,)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return person_of(request).has_perm(CASH_DESK)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_add_permission(request)

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PaymentFile]:
        return super().get_queryset(request).select_related("from_account__user", "created_by")

    def get_urls(self) -> list[URLPattern]:
        step, result = (self.admin_site.admin_view(view) for view in (self.step, self.result))
        name = "payment_files_paymentfile"
        return [
            path("<uuid:pk>/step/", step, name=f"{name}_step"),
            path("<uuid:pk>/result.csv", result, name=f"{name}_result"),
            *super().get_urls(),
        ]

    @reads_file(MAX_BYTES)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Shows the form to upload a file for a customer. A POST stores and checks the file, and
        redirects to the page of the file.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        clerk = person_of(request)
        if request.method != "POST":
            form = CustomersFileForm(clerk=clerk, initial=_prefilled(request))
            return self._upload_page(request, form)
        form = CustomersFileForm(request.POST, request.FILES, clerk=clerk)
        if not form.is_valid():
            return self._upload_page(request, form)
        data, upload = form.cleaned_data, form.cleaned_data["file"]
        id = uuid7_for(clerk.pk, data["id"])
        facts = {"from_account": data["number"], "created_by": clerk, "id": id}
        try:
            file = store(upload.file, name=upload.name, **facts)
            if file.state == PaymentFile.State.STORED:
                check(file)
        except (UnreadableFile, LedgerError) as refusal:
            form.add_error("file", str(refusal))
            return self._upload_page(request, form)
        return redirect("admin:payment_files_paymentfile_change", file.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Shows the page of a file and its lines. Refused lines come first."""
        file = self.get_object(request, object_id)
        context: dict[str, Any] = {"title": "Payment file", "subtitle": file and file.name}
        if file is not None:
            lines = PaymentLine.objects.of(file).for_reading().select_related("to_account__user")
            page = Paginator(lines, LINES_PER_PAGE).get_page(request.GET.get("page"))
            context |= {"file": file, "summary": summary_of(file), "page": page}
            context["same"] = PaymentFile.objects.same_as(file).newest_first().first()
            context["may_pay"] = _may_pay(person_of(request), file)
            context["why_not"] = _why_not(person_of(request), file)
            context["may_remove"] = _may_remove(person_of(request), file)
            context |= agreement(request, file)
            context["asks"] = file_needs_approval(file, person_of(request))
            open_requests = ApprovalRequest.objects.open_for(file.pk)
            requests = {row.status: row for row in open_requests.select_related("decided_by")}
            approved = requests.get(ApprovalRequest.Status.APPROVED)
            context |= {
                "waits": requests.get(ApprovalRequest.Status.PENDING),
                "approved": approved,
                "form": PayForm(initial={"reason": approved.reason} if approved else None),
            }
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def step(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Runs the action of the pressed button: discard, check, ask for approval, or pay.

        Raises: PermissionDenied if this person may not do this.
        """
        file = get_object_or_404(self.get_queryset(request), pk=pk)
        clerk, step = person_of(request), request.POST.get("step", "")
        is_allowed = _may_remove if step == "discard" else _may_pay
        if request.method != "POST" or not is_allowed(clerk, file):
            raise PermissionDenied
        try:
            return self._do(request, file, step)
        except FileRemoved as gone:
            messages.warning(request, f"{file.name}: {gone}")
            return redirect("admin:payment_files_paymentfile_changelist")
        except BookingStopped as stopped:
            file_url = reverse("admin:payment_files_paymentfile_change", args=[pk])
            return stopped_page(request, stopped, file_url)

    def _do(self, request: HttpRequest, file: PaymentFile, step: str) -> HttpResponse:
        """Discards, pays or checks the file, or requests approval, and redirects. If booking or a
        request is refused, shows the page again. The form on this page still contains the reason
        that the person typed.
        """
        if step == "discard":
            return self._discard(request, file)
        form = PayForm(request.POST) if step in ("ask", "whole", "pay") else None
        page = redirect("admin:payment_files_paymentfile_change", file.pk)
        try:
            if form is None:
                check(file, by=person_of(request))
            elif self._may_continue(request, file, form):
                if step == "ask":
                    return self._ask(request, file, form)
                self._pay(request, file, form, book_whole if step == "whole" else book_rest)
                return page
        except CheckedAnew as other:
            messages.warning(request, str(other))
        except (FileRemoved, AccessEnded):
            raise
        except LedgerError as refusal:
            check(file, by=person_of(request))
            messages.error(request, str(refusal))
        return self._again(request, file, form) if form else page

    def _may_continue(self, request: HttpRequest, file: PaymentFile, form: PayForm) -> bool:
        """Returns whether the form has a reason, and the file has not changed since the page was
        shown.
        """
        if form.is_valid() and not was_agreed(request, file):
            messages.warning(request, NOT_REVIEWED)
            return False
        return form.is_valid()

    def _again(self, request: HttpRequest, file: PaymentFile, form: PayForm) -> HttpResponse:
        """Returns the page of the file in its current state. The form on the page contains the
        reason that the person typed.
        """
        get_request = copy(request)
        get_request.method = "GET"
        return self.change_view(get_request, str(file.pk), extra_context={"form": form})

    def _pay(self, request: HttpRequest, file: PaymentFile, form: PayForm, book: Any) -> None:
        """Books the file, and stores the reason with each booked transaction.

        The entry in the admin's history is written in the database transaction of the payments. So
        the history shows exactly how many payments this request booked.
        """
        booked = False
        reason = form.cleaned_data["reason"]

        def log_payment(count: int) -> None:
            nonlocal booked
            booked = True
            self.log_change(request, file, f"Paid {payments(count)}. Reason: {reason}")

        clerk, agreed = person_of(request), request.POST.get("agreed", "")
        still_allowed = partial(
            refuse_if_ended,
            clerk,
            session_key=request.session.session_key,
            permission=CASH_DESK,
        )
        done = book(
            file,
            by=clerk,
            reason=reason,
            agreed=agreed,
            on_booked=log_payment,
            refuse_if_ended=still_allowed,
        )
        if booked:
            messages.success(request, f"Done: {payments(done.booked_count)} booked.")
        else:
            messages.warning(request, NOTHING_LEFT)

    def _ask(self, request: HttpRequest, file: PaymentFile, form: PayForm) -> HttpResponse:
        """Requests approval from another person for the lines that the page showed.

        Raises: CheckedAnew if the lines that can be booked have changed since the page was shown.
        """
        is_checked = file.state == PaymentFile.State.CHECKED  # false while the file is being paid
        if is_checked and request.POST.get("agreed") != agreed_to(file):
            raise CheckedAnew(OTHER_LINES)
        ask_for_file(file, reason=form.cleaned_data["reason"], asked_by=person_of(request))
        messages.success(request, ASKED)
        return redirect("admin_approvals")

    def _discard(self, request: HttpRequest, file: PaymentFile) -> HttpResponse:
        """Deletes an unpaid file that staff uploaded, and adds an entry to the admin's history."""
        message = f"Removed without paying its {payments(file.line_count)}."
        log = partial(
            LogEntry.objects.log_actions,
            person_of(request).pk, [file], DELETION, message, single_object=True,
        )  # fmt: skip
        if not discard(file, on_discard=log):
            messages.error(request, NOT_REMOVED)
            return redirect("admin:payment_files_paymentfile_change", file.pk)
        messages.success(request, f"Removed {file.name}. Nothing was paid.")
        return redirect("admin:payment_files_paymentfile_changelist")

    def result(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
        """Returns the result of each line as a streamed CSV file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        file = get_object_or_404(self.get_queryset(request), pk=pk)
        return result_response(file)

    def _upload_page(self, request: HttpRequest, form: CustomersFileForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Pay from a customer's file",
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/payment_files/paymentfile/upload.html", context)

    @admin.display(description="Time")
    def time(self, file: PaymentFile) -> str:
        return moment_cell(file.created_at)

    @admin.display(description="From")
    def sender(self, file: PaymentFile) -> str:
        account = file.from_account
        return link_to(account, f"{account.user}, {account.name} {grouped(account.number)}")

    @admin.display(description="Lines")
    def lines_shown(self, file: PaymentFile) -> str:
        refused = f", {file.refused_count:,} refused" if file.refused_count else ""
        return f"{file.line_count:,}{refused}"

    @admin.display(description="Payable")
    def total_shown(self, file: PaymentFile) -> str:
        return amount_cell(file.payable_total, file.currency)

    @admin.display(description="Paid")
    def paid_shown(self, file: PaymentFile) -> str:
        return format_html("{} {}", amount_cell(file.booked_total, file.currency), file.currency)


def _may_pay(clerk: User, file: PaymentFile) -> bool:
    return clerk.has_perm(CASH_DESK) and not _why_not(clerk, file)


def _why_not(clerk: User, file: PaymentFile) -> str:
    """Returns the reason why this person may not pay the file, or "" if payment is allowed."""
    if clerk.is_close_to(file.from_account.user):
        return "This file pays from your account or an account of your household: ask a colleague."
    if file.created_by_id == file.from_account.user_id:
        return "The customer uploaded this file. Only they can pay it."
    if PaymentLine.objects.of(file).paying_close_to(clerk).exists():
        return "A line of this file pays you or your household: ask a colleague to pay it."
    return ""


def _may_remove(clerk: User, file: PaymentFile) -> bool:
    """Returns whether this person may delete the file. The person needs the permission for the cash
    desk. In addition, four conditions must be true: the payment of the file has not begun, the
    customer did not upload the file, the file does not pay from the person's account, and the file
    does not wait for approval.
    """
    owner = file.from_account.user_id
    begun = file.booked_count or file.state == PaymentFile.State.PAYING
    return (
        clerk.has_perm(CASH_DESK)
        and not begun
        and owner not in (clerk.pk, file.created_by_id)
        and not ApprovalRequest.objects.open_for(file.pk).exists()
    )


def _prefilled(request: HttpRequest) -> dict[str, str]:
    """Returns the initial values of the upload form. If the URL contains the id of an account, this
    is the number of the account.
    """
    try:
        account = Account.objects.filter(pk=uuid.UUID(request.GET.get("account", ""))).first()
    except ValueError:
        account = None
    return {"number": grouped(account.number)} if account else {}
