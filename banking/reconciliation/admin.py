"""Reconciliations in the admin: the upload, the matches, and the signatures.

Staff with the permission `reconcile` upload files, match lines and sign. Two people must sign.
Other staff can only read. All staff also need the permission to see payments, because the pages
show payments of this bank.
"""

import uuid
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.admin.list_files import ListFiles
from accounts.admin.parts import STYLES, date_filter, moment_cell, person_of
from accounts.forms import currency_choices
from accounts.models import Account, User
from accounts.numbers import clean_account_number
from accounts.shown import add_accounts, add_unnamed, opened_by_right
from banking.outside.formats.lines import MAX_BYTES, MAX_LINES, UnreadableStatement
from banking.outside.forms import ORDER_CHOICES
from banking.outside.models import all_one_way
from banking.reconciliation import services
from banking.reconciliation.models import (
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
)
from banking.reconciliation.reads import (
    add_suggestions,
    figures_of,
    lines_of,
    matched_elsewhere,
    not_in_file,
    same_file,
    suggestions,
    total_not_in_file,
)
from banking.reconciliation.sure import is_any_sure
from banking.reconciliation.version import version_of
from ledger.db.ids import uuid7, uuid7_for
from ledger.text.lines import counted, grouped
from ledger.text.money import money
from ledger.web.uploads import reads_file
from transactions.exceptions import InvalidDetails, LedgerError
from transactions.staff import figures
from transactions.staff.figures import StaffFigure

RECONCILE = "reconciliation.reconcile"
SEE_PAYMENTS = "transactions.view_transaction"
NO_STEP = "Press one of the buttons of the page."
NO_ID = "No payment has this id. Copy it from the page of the payment."
LINES_PER_PAGE = 25
MAX_TRIED_LINES = 2_000  # on a page, longer files are not searched for certain matches
SHOWN = {
    "open": "Open", "left": "Left over", "matched": "Matched", "all": "All",
}  # fmt: skip
BANK = "Deposits and withdrawals"


class ReconciliationForm(forms.Form):
    """The upload form. The form contains the id of the reconciliation, so that a form that is sent
    twice stores the file only once.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    currency = forms.ChoiceField(
        choices=currency_choices,
        required=False,
        help_text=(
            "The currency of the bank\u2019s account at the other bank. Leave this empty if you "
            "enter an account number."
        ),
    )
    number = forms.CharField(
        label="Account number",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=(
            "Enter a number only if the settlement account is in this bank\u2019s books. The "
            "file must then have the entries of this account, with the same signs. Leave "
            "this empty if the file has the bank\u2019s deposits and withdrawals."
        ),
    )
    order = forms.ChoiceField(
        label="Order of the date",
        choices=[("", "as in the file"), *ORDER_CHOICES],
        required=False,
        help_text="Needed only if all dates of a CSV or QIF file can be read in several orders.",
    )
    file = forms.FileField(
        allow_empty_file=True,  # the file reader has a better message
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.ofx,.qfx,.qif,.xml,.sta,.mt940,.940"}),
        help_text=f"CSV, OFX, QIF, camt.053 or MT940, of up to {MAX_LINES:,} lines.",
        error_messages={"required": "Choose the file of the outside statement."},
    )

    def clean_number(self) -> Account | None:
        """Returns the account at this bank with the typed number, or None if no number was typed.

        Raises: ValidationError if no account has the number.
        """
        typed = self.cleaned_data["number"]
        if not typed.strip():
            return None
        try:
            digits = clean_account_number(typed)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        account: Account | None = Account.objects.filter(number=digits).first()
        if account is None:
            raise forms.ValidationError("No account has this number. Compare it with the card.")
        return account

    def clean(self) -> dict[str, Any]:
        """Adds an error if neither an account nor a currency was chosen."""
        data = super().clean() or {}
        if not self.errors and data.get("number") is None and not data.get("currency"):
            self.add_error("currency", "Choose the currency of the statement.")
        return data


@admin.register(Reconciliation)
class ReconciliationAdmin(ListFiles):
    """The admin pages of reconciliations, newest first. Staff change reconciliations only with the
    buttons of these pages.
    """

    list_display = ("time", "name", "books", "currency", "days", "line_count", "state_shown")
    list_filter = (("created_at", date_filter("upload date")),)
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("name__unaccent__icontains", "account__number")
    actions = None
    list_file_values: ClassVar = {"time": "created_at"}
    fields = ("name",)  # not shown, because the page has a separate template
    show_full_result_count = False

    class Media:
        css = {"all": (STYLES,)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return person_of(request).has_perms((RECONCILE, SEE_PAYMENTS))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may_read = super().has_view_permission(request, obj) or self.has_add_permission(request)
        return may_read and person_of(request).has_perm(SEE_PAYMENTS)

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reconciliation]:
        rows: QuerySet[Reconciliation] = super().get_queryset(request)
        return rows.select_related("account__user", "created_by", "signed_by", "countersigned_by")

    def get_urls(self) -> list[URLPattern]:
        step, line = (self.admin_site.admin_view(view) for view in (self.step, self.line))
        name = "reconciliation_reconciliation"
        return [
            path("<uuid:pk>/step/", step, name=f"{name}_step"),
            path("<uuid:pk>/lines/<int:number>/", line, name=f"{name}_line"),
            *super().get_urls(),
        ]

    @reads_file(MAX_BYTES)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Shows the upload form. A POST stores the file and redirects to the page of the
        reconciliation. If the file cannot be read, the form shows the reason.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        clerk = person_of(request)
        if request.method != "POST":
            return self._upload_page(request, ReconciliationForm())
        form = ReconciliationForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._upload_page(request, form)
        data = form.cleaned_data
        account: Account | None = data["number"]
        try:
            made = services.upload(
                data["file"].file,
                by=clerk,
                name=data["file"].name,
                currency=account.currency if account else data["currency"],
                account=account,
                id=uuid7_for(clerk.pk, data["id"]),
                order=data["order"],
            )
        except services.DoubtfulDays as doubt:
            form.add_error("order", str(doubt))
            return self._upload_page(request, form)
        except (UnreadableStatement, LedgerError) as refusal:
            form.add_error("file", str(refusal))
            return self._upload_page(request, form)
        self.log_addition(request, made, f"Uploaded, {counted(made.line_count, 'line')}.")
        return redirect("admin:reconciliation_reconciliation_change", made.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Shows a reconciliation: its sums, its signatures, a page of its lines, and the payments
        at this bank that are not fully matched with its lines.
        """
        reconciliation = self.get_object(request, object_id)
        context: dict[str, Any] = {
            "title": "Reconciliation",
            "subtitle": reconciliation and reconciliation.name,
        }
        if reconciliation is not None:
            opened_by_right()
            seen = version_of(reconciliation)  # read first, so that a later change is noticed
            figures = figures_of(reconciliation)
            show = request.GET.get("show", "")
            if show not in SHOWN:
                show = "open" if figures.open.count else "all"
            wanted = request.GET.get("page")
            page: Any = Paginator(lines_of(reconciliation, show), LINES_PER_PAGE).get_page(wanted)
            may_change = self.has_add_permission(request) and not reconciliation.is_signed
            lines = list(page.object_list.prefetch_related("matches__transaction"))
            if may_change:
                add_suggestions(reconciliation, lines)
            lacking = total_not_in_file(reconciliation)
            lacking_pages: Any = Paginator(not_in_file(reconciliation).with_sides(), LINES_PER_PAGE)
            lacking_pages.count = lacking.count  # avoids a second count query
            counts = {"open": figures.open, "left": figures.left, "matched": figures.matched}
            context |= {
                "reconciliation": reconciliation,
                "currency": reconciliation.currency,
                "figures": figures,
                "page": page,
                "lines": lines,
                "show": show,
                "tabs": [
                    (each, words, counts.get(each, figures.all).count)
                    for each, words in SHOWN.items()
                ],
                "may_change": may_change,
                "one_way": all_one_way(ReconciliationLine.objects.of(reconciliation)),
                "is_any_sure": may_change and figures.open.count and _is_any_sure(reconciliation),
                "may_sign": self._may_sign(request, reconciliation),
                "seen": seen,
                "may_take_back": self.has_add_permission(request) and not reconciliation.is_frozen,
                "lacking": lacking,
                "lacking_page": lacking_pages.get_page(request.GET.get("books")),
                "books": self.books(reconciliation),
                "same_file": same_file(reconciliation),
            }
        return super().change_view(request, object_id, form_url, context)

    def _may_sign(self, request: HttpRequest, reconciliation: Reconciliation) -> bool:
        is_mine = reconciliation.signed_by_id == person_of(request).pk
        return self.has_add_permission(request) and not reconciliation.is_frozen and not is_mine

    def step(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Runs the action of the pressed button: match, sign, withdraw the signature, or discard.

        Raises: PermissionDenied if this person may not run the action.
        """
        reconciliation = get_object_or_404(self.get_queryset(request), pk=pk)
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        steps: dict[str, Callable[[HttpRequest, Reconciliation], str]] = {
            "sure": self._match_sure,
            "sign": self._sign,
            "take_back": self._take_back,
            "discard": self._discard,
        }
        name = request.POST.get("step", "")
        add_unnamed()  # the number of certain matches reveals something about the payments
        try:
            if name in steps:
                messages.success(request, steps[name](request, reconciliation))
        except LedgerError as refusal:
            messages.error(request, str(refusal))
        if name == "discard" and not Reconciliation.objects.filter(pk=pk).exists():
            return redirect("admin:reconciliation_reconciliation_changelist")
        return redirect("admin:reconciliation_reconciliation_change", pk)

    def _match_sure(self, request: HttpRequest, reconciliation: Reconciliation) -> str:
        count = services.match_sure(reconciliation=reconciliation, by=person_of(request))
        matched = ReconciliationMatch.objects.filter(line__reconciliation=reconciliation)
        sides = matched.values_list("transaction__from_account", "transaction__to_account")
        add_accounts(*chain.from_iterable(sides))
        if not count:
            return "The open lines have no certain match. Match them by hand."
        self.log_change(request, reconciliation, f"Matched {counted(count, 'line')} by the rules.")
        return f"Matched: {counted(count, 'line')}."

    def _sign(self, request: HttpRequest, reconciliation: Reconciliation) -> str:
        signed = services.sign(
            reconciliation=reconciliation, by=person_of(request), seen=request.POST.get("seen", "")
        )
        if signed.is_frozen:
            self.log_change(request, reconciliation, "Signed as the second person; frozen.")
            return "Two people have signed. The reconciliation can no longer be changed."
        self.log_change(request, reconciliation, "Signed as the first person.")
        return "Signed. Another person must sign it too."

    def _take_back(self, request: HttpRequest, reconciliation: Reconciliation) -> str:
        services.take_back(reconciliation=reconciliation, seen=request.POST.get("seen", ""))
        self.log_change(request, reconciliation, "Withdrew the first signature.")
        return "The signature is withdrawn."

    def _discard(self, request: HttpRequest, reconciliation: Reconciliation) -> str:
        rows = Reconciliation.objects.filter(pk=reconciliation.pk)
        services.discard(
            reconciliation=reconciliation,
            seen=request.POST.get("seen", ""),
            on_discard=partial(self.log_deletions, request, rows),
        )
        return f"Discarded: {reconciliation.name}."  # Django begins a message with a capital

    def line(self, request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
        """Shows one line with its matches and suggestions. A POST runs the action of the pressed
        button.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        reconciliation = get_object_or_404(self.get_queryset(request), pk=pk)
        line = get_object_or_404(
            ReconciliationLine.objects.of(reconciliation).with_matched(), number=number
        )
        line.reconciliation = reconciliation
        if request.method == "POST":
            return self._line_step(request, line)
        opened_by_right()
        may_change = self.has_add_permission(request) and not reconciliation.is_signed
        context = {
            **self.admin_site.each_context(request),
            "title": f"Line {number:,}",
            "subtitle": reconciliation.name,
            "opts": self.opts,
            "reconciliation": reconciliation,
            "currency": reconciliation.currency,
            "line": line,
            "matches": line.matches.select_related(
                "transaction__from_account__user", "transaction__to_account__user", "created_by"
            ),
            "may_change": may_change,
            "suggestions": suggestions(reconciliation, line) if may_change and line.rest else [],
            "elsewhere": matched_elsewhere(reconciliation, line)
            if may_change and line.rest
            else [],
        }
        return TemplateResponse(request, "admin/reconciliation/reconciliation/line.html", context)

    def _line_step(self, request: HttpRequest, line: ReconciliationLine) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        reconciliation, clerk = line.reconciliation, person_of(request)
        step, which = request.POST.get("step", ""), request.POST.get("id", "")
        try:
            if step == "match":
                amount = services.match(line=line, transaction=_id(which), by=clerk)
                text = f"Line {line.number:,}: matched {money(amount, reconciliation.currency)}."
            elif step == "unmatch":
                services.unmatch(line=line, match=_id(which))
                text = f"Line {line.number:,}: a match is removed."
            elif step == "leftover":
                reason, seen = request.POST.get("reason", ""), request.POST.get("seen", "")
                kept = services.leave_over(line=line, reason=reason, seen=seen)
                text = f"Line {line.number:,}: {'left over' if kept else 'open again'}."
            else:
                raise InvalidDetails(NO_STEP)
            self.log_change(request, reconciliation, text)
            messages.success(request, text)
        except LedgerError as refusal:
            messages.error(request, str(refusal))
        list_url_name = "admin:reconciliation_reconciliation_change"
        if request.POST.get("then") == "list":
            return redirect(list_url_name, reconciliation.pk)
        return redirect("admin:reconciliation_reconciliation_line", reconciliation.pk, line.number)

    def _upload_page(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Reconcile an outside statement",
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/reconciliation/reconciliation/upload.html", context)

    @admin.display(description="Time")
    def time(self, reconciliation: Reconciliation) -> str:
        return moment_cell(reconciliation.created_at)

    @admin.display(description="Matched with")
    def books(self, reconciliation: Reconciliation) -> str:
        account = reconciliation.account
        return f"{account.user}, {account.name} {grouped(account.number)}" if account else BANK

    @admin.display(description="Days")
    def days(self, reconciliation: Reconciliation) -> str:
        first, last = (
            f"{day:%-d %b %Y}" for day in (reconciliation.first_on, reconciliation.last_on)
        )
        return first if first == last else f"{first} \u2013 {last}"

    @admin.display(description="State")
    def state_shown(self, reconciliation: Reconciliation) -> str:
        return reconciliation.state


def _is_any_sure(reconciliation: Reconciliation) -> bool:
    """Returns whether the rules in `sure` find at least one certain match. If the file has more
    than MAX_TRIED_LINES lines, does not search and returns True, because the search would take too
    long for a page.
    """
    return reconciliation.line_count > MAX_TRIED_LINES or is_any_sure(reconciliation)


def _id(text: str) -> uuid.UUID:
    """Returns the id in the text of a form field.

    Raises: InvalidDetails if the text is not an id.
    """
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        raise InvalidDetails(NO_ID) from None


@figures.register
def figures_for(user: User) -> list[StaffFigure]:
    """Returns the number of open reconciliations for the first page of the admin. Returns an empty
    list if this person has no right to see reconciliations, or no right to see payments.
    """
    may_reconcile = user.has_perm(RECONCILE)
    if not user.has_perm(SEE_PAYMENTS):
        return []
    if not (may_reconcile or user.has_perm("reconciliation.view_reconciliation")):
        return []
    many = Reconciliation.objects.unfrozen().count()
    page = reverse("admin:reconciliation_reconciliation_changelist")
    return [StaffFigure("Open reconciliations", f"{many:,}", page, many > 0 and may_reconcile)]
