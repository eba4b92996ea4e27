"""Handles staff forms that book one transaction: the form, then its review, then the booking.

The form and its URL contain a key, from which the id of the transaction is computed. So a clerk who
goes back, reloads the page or presses the button twice books only one transaction. The review posts
the transaction and rolls it back, so that the clerk sees an error before promising anything to the
customer.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html

from accounts.admin.parts import person_of
from accounts.approvals import check_now
from accounts.exceptions import NeedsApproval
from accounts.models import Account, User
from accounts.obstacles import Obstacle
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7
from ledger.text.lines import grouped, tidy_reason
from ledger.text.money import NO_BREAK, figure
from transactions import services
from transactions.exceptions import (
    AlreadyReversed,
    IdempotencyConflict,
    InsufficientFunds,
    InvalidAmount,
    LedgerError,
    LimitExceeded,
)
from transactions.fields import MoneyForm
from transactions.models import Transaction
from transactions.safeguards import review as reviews
from transactions.safeguards.keys import transaction_id_for
from transactions.services import Draft
from transactions.staff.approvals.requests import ASKED, ask_for, needs_approval

ABOUT_THE_AMOUNT = (AlreadyReversed, InsufficientFunds, InvalidAmount, LimitExceeded)
BOOKED_ALREADY = (
    "This form was already booked, so nothing was booked again. For another booking, start "
    "with a new form."
)
OTHER_DETAILS = (
    "This form was booked before with different details. Nothing was booked now. Start a new form."
)
WHY_LIMIT = 500  # maximum length of the reason, in characters
REASON_MISSING = "Write a reason, so that another person can decide."
CHANGED_SINCE_REVIEW = (
    "Something else was booked in the meantime, so nothing was booked now. Check the current "
    "numbers and confirm again."
)


@dataclass(frozen=True, slots=True)
class Review:
    """The content of the review page: a sentence about the planned booking, (label, text) pairs
    with its details (`facts`), and the label of the button.
    """

    sentence: str
    facts: list[tuple[str, str]]
    button: str


class StepForm(MoneyForm):
    """A form that books one transaction. `about` is the transaction to refund, the hold to capture,
    or None.
    """

    title: ClassVar[str]
    permission: ClassVar[str]

    id = forms.UUIDField(widget=forms.HiddenInput)
    required_css_class = "required"  # the admin's style for labels

    def __init__(
        self,
        *args: Any,
        clerk: User,
        about: Transaction | None = None,
        was_booked: bool = False,
        transaction_id: uuid.UUID | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.clerk = clerk
        self.about = about
        # The id of the booked transaction. The form field `id` is the key.
        self.transaction_id = transaction_id
        self.was_booked = was_booked  # if True, skips checks that depend on the current day

    @classmethod
    def refusal(cls, _about: Transaction | None, _clerk: User) -> str:
        """Returns the reason why the clerk may not use the form for the transaction, or ""."""
        return ""

    @classmethod
    def obstacles(cls, _about: Transaction | None, _clerk: User) -> list[Obstacle]:
        """Returns all reasons why the form cannot be used now: the result of `refusal`, and
        accounts that are closed or frozen.
        """
        return []

    @classmethod
    def prefilled(cls, _query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the initial values of the form from the parameters of a link."""
        return {}

    @property
    def lead(self) -> str:
        """A sentence about the transaction to refund or the hold to capture, or ""."""
        return ""

    @property
    def not_done(self) -> str:
        """The message above the errors: nothing was booked."""
        return "Nothing was booked."

    @property
    def draft(self) -> Draft:
        """The draft of the transaction. The form must be valid."""
        raise NotImplementedError

    def review(self, row: Transaction) -> Review:
        """Returns the content of the review page. `row` is the transaction, which was posted and
        rolled back (see `services.preview`).
        """
        raise NotImplementedError

    def book(self) -> Transaction:
        """Books the draft and returns the transaction. Forms with a reason override this method and
        also store the reason.
        """
        return services.book(self.draft, write_also=check_now)

    def done(self, row: Transaction) -> str:
        """Returns a sentence about the booked transaction."""
        raise NotImplementedError

    @property
    def as_read(self) -> list[tuple[str, str]]:
        """The parsed fields of a valid form, and the id of `about`."""
        about = str(self.about.pk) if self.about else ""
        values = ((name, self.cleaned_data.get(name)) for name in self.fields)
        return [("about", about)] + [
            (name, str(value.pk if isinstance(value, Account) else value)) for name, value in values
        ]

    @property
    def figures(self) -> str:
        """A text with the numbers of the review that other bookings may change, or ""."""
        return ""

    def look_again(self) -> None:
        """Reads the numbers in `figures` again from the database."""

    def field_of(self, refusal: LedgerError) -> str | None:
        """Returns the name of the field to which the error belongs, or None for an error about the
        whole form.
        """
        return "amount" if isinstance(refusal, ABOUT_THE_AMOUNT) else None

    def in_words(self, refusal: LedgerError) -> str:
        """Returns the message of the error for staff."""
        return OTHER_DETAILS if isinstance(refusal, IdempotencyConflict) else str(refusal)


def booked_before(clerk: User, id: uuid.UUID, about: Transaction | None) -> Transaction | None:
    """Returns the transaction with this id, or None if this clerk has not booked it. If `about` is
    not None, the transaction must be a capture or a refund of `about`.
    """
    found = Transaction.objects.filter(pk=id, created_by=clerk)
    if about is not None:
        found = found.filter(Q(captures=about) | Q(reverses=about))
    row: Transaction | None = found.first()
    if row is not None:
        wait_until_confirmed()
    return row


class StepDesk:
    """A handler of one request for a `StepForm`."""

    def __init__(
        self,
        request: HttpRequest,
        form_class: type[StepForm],
        model_admin: admin.ModelAdmin[Transaction],
        about: Transaction | None = None,
    ) -> None:
        self.request, self.form_class = request, form_class
        self.model_admin, self.about = model_admin, about
        self.clerk = person_of(request)
        self.transaction_id: uuid.UUID | None = None

    def serve(self) -> HttpResponse:
        """Returns the form, its review, or a redirect to the booked transaction.

        Raises: PermissionDenied if the clerk does not have the permission of the form.
        """
        if not self.clerk.has_perm(self.form_class.permission):
            raise PermissionDenied
        key = self._form_key()
        self.transaction_id = transaction_id_for(self.clerk, key) if key else None
        booked = self._booked()
        obstacles = [] if booked else self.form_class.obstacles(self.about, self.clerk)
        if obstacles and not (booked := self._booked()):
            return self._page(self._form(self.request.POST or None), obstacles=obstacles)
        if self.request.method == "POST":
            return self._posted(was_booked=booked is not None)
        if booked:
            return self._booked_already(booked)
        if key is None:
            return self._with_new_key()
        initial = {**self.form_class.prefilled(self.request.GET), "id": key}
        return self._page(self._form(initial=initial))

    def _posted(self, *, was_booked: bool) -> HttpResponse:
        form = self._form(self.request.POST, was_booked=was_booked)
        step = self.request.POST.get("step", "")
        if not form.is_valid() or (step == "edit" and not was_booked):
            return self._page(form)
        step = step if step in ("ask", "book") else ""
        why_again = self._why_review_again(form) if step and not was_booked else ""
        try:
            return self._answer(form, step, was_booked=was_booked, why_again=why_again)
        except LedgerError as refusal:
            form.look_again()
            form.add_error(form.field_of(refusal), form.in_words(refusal))
            return self._page(form)

    def _answer(
        self, form: StepForm, step: str, *, was_booked: bool, why_again: str
    ) -> HttpResponse:
        """Books the transaction, requests an approval, or shows the review. `why_again` is the
        reason for a second review, or "".
        """
        if was_booked:
            return self._booked_already(form.book() if step else services.preview(form.draft))
        if step == "ask" and not why_again and (why := self._why(form)):
            return self._asked(form, why)
        if step == "book" and not why_again:
            try:
                row = form.book()
            except NeedsApproval as needed:  # a colleague has booked something in the meantime
                why_again = str(needed)
            else:
                messages.success(self.request, form.done(row))
                return self._leave(row)
        row = services.preview(form.draft)
        form.look_again()
        asks = needs_approval(row, self.clerk)
        why_error = REASON_MISSING if step == "ask" and asks and not why_again else ""
        shown = form.review(row)
        return self._page(form, shown, asks=asks, why_error=why_error, warning=why_again)

    def _why(self, form: StepForm) -> str:
        """Returns the reason that the person who approves the booking reads. The clerk types this
        reason in the form or in the review.
        """
        why = form.cleaned_data.get("reason") or self.request.POST.get("why", "")
        return tidy_reason(why[:WHY_LIMIT])

    def _asked(self, form: StepForm, why: str) -> HttpResponse:
        """Requests an approval of the booking, and redirects to the list of requests."""
        ask_for(
            services.preview(form.draft),
            reason=why,
            message=form.cleaned_data.get("message", ""),
            asked_by=self.clerk,
        )
        messages.success(self.request, ASKED)
        return redirect("admin_approvals")

    def _why_review_again(self, form: StepForm) -> str:
        """Returns the reason for a second review, or "" if the form can be booked. The reason is
        that these values were not reviewed, or that the numbers in the review have changed.
        """
        figures = self.request.POST.get("figures", form.figures)
        shown = [*form.as_read, ("figures", figures)]
        if not reviews.was_reviewed(self.request, self._about, shown):
            return reviews.NOT_REVIEWED
        return CHANGED_SINCE_REVIEW if figures != form.figures else ""

    @property
    def _about(self) -> str:
        """The kind of form, for the token of the review."""
        return f"desk.{self.form_class.__name__.lower()}"

    def _form_key(self) -> uuid.UUID | None:
        """Returns the key of the form from the POST data or the URL, or None if there is no valid
        key.
        """
        given = self.request.POST if self.request.method == "POST" else self.request.GET
        try:
            return uuid.UUID(given.get("id", ""))
        except ValueError:
            return None

    def _with_new_key(self) -> HttpResponse:
        query = self.request.GET.copy()
        query["id"] = str(uuid7())
        return redirect(f"{self.request.path}?{query.urlencode()}")

    def _form(self, data: Mapping[str, Any] | None = None, **options: Any) -> StepForm:
        options |= {"clerk": self.clerk, "about": self.about}
        return self.form_class(data, transaction_id=self.transaction_id, **options)

    def _booked(self) -> Transaction | None:
        """Returns the transaction that this form has booked, or None.

        If the clerk pressed the button twice, the other request may have booked the transaction in
        the meantime. So call this method again before the page states that nothing was booked.
        """
        id = self.transaction_id
        return booked_before(self.clerk, id, self.about) if id else None

    def _booked_already(self, row: Transaction) -> HttpResponse:
        messages.warning(self.request, BOOKED_ALREADY)
        return self._leave(row)

    def _leave(self, row: Transaction | None) -> HttpResponse:
        """Redirects to the transaction if the user may see transactions. Otherwise redirects to an
        empty form, or to the first page of the admin after a refund or a capture.
        """
        if row is not None and self.model_admin.has_view_permission(self.request):
            return redirect("admin:transactions_transaction_change", row.pk)
        return redirect(self.request.path if self.about is None else "admin:index")

    def _page(
        self,
        form: StepForm,
        review: Review | None = None,
        *,
        asks: bool = False,
        why_error: str = "",
        warning: str = "",
        obstacles: Sequence[Obstacle] = (),
    ) -> HttpResponse:
        """Returns the page with the form or with its review. Redirects to the transaction if
        another click has already booked it.

        With obstacles, the page shows the typed values, and the form cannot be sent.
        """
        if self.request.method == "POST" and not form.was_booked and (row := self._booked()):
            return self._booked_already(row)
        if warning:
            messages.warning(self.request, warning)
        shown = [*form.as_read, ("figures", form.figures)] if review else []
        context = {
            **self.model_admin.admin_site.each_context(self.request),
            "title": "Review" if review else form.title,
            "opts": self.model_admin.opts,
            "form": form if form.is_bound or not obstacles else None,
            "form_title": form.title,
            "not_done": form.not_done,
            "about": self.about,
            "obstacles": obstacles,
            "review": review,
            "asks": asks,
            "why_error": why_error,
            "has_reason": "reason" in form.fields,
            "reviewed": reviews.token_for(self.request, self._about, shown) if review else "",
        }
        name = "admin/transactions/transaction/staff_step.html"
        return TemplateResponse(self.request, name, context)


def account_label(account: Account) -> str:
    """Returns a label such as "Everyday of Ana Ferreira, account 4821 0937 5549"."""
    number = grouped(account.number).replace(" ", NO_BREAK)
    return f"{account.name} of {account.user}, account {number}"


def balance_fact(account: Account, after: Decimal | None, change: Decimal) -> tuple[str, str]:
    """Returns a pair for `Review.facts`: a label, and the balance of the account before and after
    as HTML.

    `after` is the balance in the previewed transaction. `change` is negative for outgoing money.
    """
    after = after or Decimal(0)
    before = figure(after - change, account.currency)
    now = figure(after, account.currency)
    text = format_html("{} → <strong>{}</strong> {}", before, now, account.currency)
    return "Balance", text
