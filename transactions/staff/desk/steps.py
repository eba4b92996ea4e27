"""Staff forms that book one transaction: the form, its review, the booking.

The form and its URL contain a key, and the id of the transaction is derived from the key. So going
back, reloading or pressing twice books only once. The review posts the transaction and rolls it
back, so the clerk sees a refusal before they promise the customer anything.
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
from ledger.db.ids import uuid7, uuid7_for
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
WHY_LIMIT = 500  # characters
REASON_MISSING = "Write a reason, so that another person can decide."
CHANGED_SINCE_REVIEW = (
    "Something else was booked in the meantime, so nothing was booked now. Check the current "
    "numbers and confirm again."
)


@dataclass(frozen=True, slots=True)
class Review:
    """What the page shows before booking: a sentence about what will happen, facts, and a
    button.
    """

    sentence: str
    facts: list[tuple[str, str]]
    button: str


class StepForm(MoneyForm):
    """A form that books one transaction. `about` is the transaction to refund or capture, if
    any.
    """

    title: ClassVar[str]
    permission: ClassVar[str]

    id = forms.UUIDField(widget=forms.HiddenInput)
    required_css_class = "required"  # the style of labels in the admin

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
        self.transaction_id = transaction_id  # of the booked row; the field `id` is the key
        self.was_booked = was_booked  # if so, checks that depend on today are skipped

    @classmethod
    def refusal(cls, _about: Transaction | None, _clerk: User) -> str:
        """Returns why the transaction or the user does not allow the form, whatever is filled in,
        or "".
        """
        return ""

    @classmethod
    def obstacles(cls, _about: Transaction | None, _clerk: User) -> list[Obstacle]:
        """Returns all reasons why the form cannot be used now: the refusal, or closed and frozen
        accounts, which the service would refuse too.
        """
        return []

    @classmethod
    def prefilled(cls, _query: Mapping[str, str]) -> dict[str, Any]:
        """Returns initial values from a link."""
        return {}

    @property
    def lead(self) -> str:
        """A sentence about the transaction to refund or capture, or "" for other forms."""
        return ""

    @property
    def not_done(self) -> str:
        """The message above the errors about what did not happen."""
        return "Nothing was booked."

    @property
    def draft(self) -> Draft:
        """The draft of a valid form."""
        raise NotImplementedError

    def review(self, row: Transaction) -> Review:
        """Returns what the page shows before booking: the sentence, the facts and the button. `row`
        was posted and rolled back (`services.preview`).
        """
        raise NotImplementedError

    def book(self) -> Transaction:
        """Posts the draft. Forms with a reason override this to store the reason with the row."""
        return services.book(self.draft, write_also=check_now)

    def done(self, row: Transaction) -> str:
        """Returns what was booked, in one sentence."""
        raise NotImplementedError

    @property
    def as_read(self) -> list[tuple[str, str]]:
        """The parsed fields of a valid form, and the id of the transaction that it is about."""
        about = str(self.about.pk) if self.about else ""
        values = ((name, self.cleaned_data.get(name)) for name in self.fields)
        return [("about", about)] + [
            (name, str(value.pk if isinstance(value, Account) else value)) for name, value in values
        ]

    @property
    def figures(self) -> str:
        """Numbers in the review that another booking may change, or ""."""
        return ""

    def look_again(self) -> None:
        """Reads `figures` again."""

    def field_of(self, refusal: LedgerError) -> str | None:
        """Returns the field whose value was refused, or None for the whole form."""
        return "amount" if isinstance(refusal, ABOUT_THE_AMOUNT) else None

    def in_words(self, refusal: LedgerError) -> str:
        """Returns the refusal in words for staff."""
        return OTHER_DETAILS if isinstance(refusal, IdempotencyConflict) else str(refusal)


def booked_before(clerk: User, id: uuid.UUID, about: Transaction | None) -> Transaction | None:
    """Returns the row that this clerk booked with this id, about this transaction, or None."""
    found = Transaction.objects.filter(pk=id, created_by=clerk)
    if about is not None:
        found = found.filter(Q(captures=about) | Q(reverses=about))
    row: Transaction | None = found.first()
    if row is not None:
        wait_until_confirmed()
    return row


class StepDesk:
    """Handles one request for a `StepForm`."""

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
        """Responds with the form, with its review, or with a redirect to the booked row."""
        if not self.clerk.has_perm(self.form_class.permission):
            raise PermissionDenied
        key = self._form_key()
        self.transaction_id = uuid7_for(self.clerk.pk, key) if key else None
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
        """Books, requests an approval, or shows the review. `why_again` is the reason to show the
        review again.
        """
        if was_booked:
            return self._booked_already(form.book() if step else services.preview(form.draft))
        if step == "ask" and not why_again and (why := self._why(form)):
            return self._asked(form, why)
        if step == "book" and not why_again:
            try:
                row = form.book()
            except NeedsApproval as needed:  # a colleague booked something since the review
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
        """Returns the reason for the approver, from the form or from the field in the review."""
        why = form.cleaned_data.get("reason") or self.request.POST.get("why", "")
        return tidy_reason(why[:WHY_LIMIT])

    def _asked(self, form: StepForm, why: str) -> HttpResponse:
        """Asks another person to approve the booking of the form."""
        ask_for(
            services.preview(form.draft),
            reason=why,
            message=form.cleaned_data.get("message", ""),
            asked_by=self.clerk,
        )
        messages.success(self.request, ASKED)
        return redirect("admin_approvals")

    def _why_review_again(self, form: StepForm) -> str:
        """Returns why the review is shown again instead of booking: the form was not reviewed like
        this, or its numbers have changed since. Returns "" otherwise.
        """
        figures = self.request.POST.get("figures", form.figures)
        shown = [*form.as_read, ("figures", figures)]
        if not reviews.was_reviewed(self.request, self._about, shown):
            return reviews.NOT_REVIEWED
        return CHANGED_SINCE_REVIEW if figures != form.figures else ""

    @property
    def _about(self) -> str:
        """The kind of form, in the token of the review."""
        return f"desk.{self.form_class.__name__.lower()}"

    def _form_key(self) -> uuid.UUID | None:
        """Returns the key of the form, from its data or its URL, or None without a valid key."""
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
        """Returns the row that this form has booked. Call it again before a message that nothing
        was booked: if the button was pressed twice, the other request may have booked in the
        meantime.
        """
        id = self.transaction_id
        return booked_before(self.clerk, id, self.about) if id else None

    def _booked_already(self, row: Transaction) -> HttpResponse:
        messages.warning(self.request, BOOKED_ALREADY)
        return self._leave(row)

    def _leave(self, row: Transaction | None) -> HttpResponse:
        """Redirects to the row if the user may see it. Otherwise redirects to an empty form, or
        after a correction to the first page of the admin.
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
        """Returns the form or its review. If another click has booked it, redirects to the row.
        With obstacles, the form only shows what was typed.
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
    """Returns a label like "Everyday of Ana Ferreira, account 4821 0937 5549"."""
    number = grouped(account.number).replace(" ", NO_BREAK)
    return f"{account.name} of {account.user}, account {number}"


def balance_fact(account: Account, after: Decimal | None, change: Decimal) -> tuple[str, str]:
    """Returns the fact with the balance of an account before and after. `after` comes from the
    previewed row; `change` has a sign.
    """
    after = after or Decimal(0)
    before = figure(after - change, account.currency)
    now = figure(after, account.currency)
    text = format_html("{} → <strong>{}</strong> {}", before, now, account.currency)
    return "Balance", text
