"""The cash desk in the admin: staff take in and hand out money for customers.

The slip carries the transaction's id from the first page on. The review posts it and rolls
back, so that a refusal comes before the customer is told anything.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from accounts.admin_parts import person_of
from accounts.currencies import fits, minor_units
from accounts.models import Account, User
from accounts.numbers import clean_account_number, grouped
from accounts.templatetags.money import money
from ledger.db.ids import uuid7
from transactions import services
from transactions.drafts import DESCRIPTION_LIMIT, REFERENCE_LIMIT, Draft
from transactions.exceptions import (
    AccountNotActive,
    IdempotencyConflict,
    InvalidAmount,
    LedgerError,
)
from transactions.forms import AmountField
from transactions.models import Transaction

METADATA = {"category": "cash", "channel": "cash desk"}
DESCRIPTIONS = {"deposit": "Cash deposit", "withdraw": "Cash withdrawal"}
BOOKED_ALREADY = (
    "That slip was booked already, so nothing was booked again. For another one, begin a new slip."
)
OTHER_DETAILS = (
    "That slip was booked before, with other details; this one was not. Begin a new slip."
)


class SlipForm(forms.Form):
    """A paying-in or paying-out slip. It carries the transaction's id, so it is booked once."""

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    number = forms.CharField(
        label="Account number",
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label="What",
        choices=[("deposit", "Deposit"), ("withdraw", "Withdraw")],
        widget=forms.RadioSelect,
    )
    amount = AmountField(help_text="Digits with a decimal point, like 1250.00 or 1,250.00.")
    description = forms.CharField(
        max_length=DESCRIPTION_LIMIT,
        required=False,
        help_text="The customer reads it. Empty: Cash deposit or Cash withdrawal.",
    )
    reference = forms.CharField(
        max_length=REFERENCE_LIMIT, required=False, help_text="The number of the paper slip."
    )

    def __init__(self, *args: Any, clerk: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clerk = clerk
        self.account: Account | None = None

    def clean_number(self) -> str:
        """The account, which is somebody else's: nobody hands out money to themselves."""
        try:
            digits = clean_account_number(self.cleaned_data["number"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        self.account = Account.objects.select_related("user").filter(number=digits).first()
        if self.account is None:
            raise forms.ValidationError("No account has this number. Compare it with the card.")
        if self.account.user_id == self.clerk.pk:
            raise forms.ValidationError("This account is yours; a colleague has to serve you.")
        return digits

    def clean(self) -> dict[str, Any]:
        """The amount has the currency's decimals; what was not described gets plain words."""
        data = super().clean() or {}
        amount = data.get("amount")
        if amount and self.account and not fits(amount, self.account.currency):
            units = minor_units(self.account.currency) or "no"
            self.add_error("amount", f"{self.account.currency} has {units} decimals.")
        data["description"] = data.get("description") or DESCRIPTIONS.get(data.get("kind", ""), "")
        return data

    @property
    def draft(self) -> Draft:
        """What a clean slip asks to be booked."""
        data = self.cleaned_data
        comes_in = data["kind"] == "deposit"
        return Draft(
            id=data["id"],
            from_account=None if comes_in else self.account,
            to_account=self.account if comes_in else None,
            amount=data["amount"],
            description=data["description"],
            reference=data["reference"],
            metadata=METADATA,
            created_by=self.clerk,
        )


def view(request: HttpRequest, *, model_admin: admin.ModelAdmin[Transaction]) -> HttpResponse:
    """The slip, then the same in words, then the booked row."""
    clerk = person_of(request)
    if not clerk.has_perm("transactions.use_cash_desk"):
        raise PermissionDenied
    if request.method != "POST":
        form = SlipForm(initial=_prefilled(request), clerk=clerk)
        return _page(request, model_admin, form)
    form = SlipForm(request.POST, clerk=clerk)
    if not form.is_valid():
        return _page(request, model_admin, form)
    was_booked = Transaction.objects.filter(pk=form.cleaned_data["id"]).exists()
    if "change" in request.POST and not was_booked:
        return _page(request, model_admin, form)
    is_booking = "book" in request.POST
    try:
        row = (services.book if is_booking else services.preview)(form.draft)
    except LedgerError as refusal:
        form.add_error(None, _for_staff(refusal, form))
        return _page(request, model_admin, form)
    if is_booking or was_booked:
        return _booked(request, model_admin, row, again=was_booked)
    return _page(request, model_admin, form, _in_words(form, row))


def _booked(
    request: HttpRequest,
    model_admin: admin.ModelAdmin[Transaction],
    row: Transaction,
    *,
    again: bool,
) -> HttpResponse:
    """To the row in the books, saying whether this slip put it there now or before."""
    if again:
        messages.warning(request, BOOKED_ALREADY)
    else:
        messages.success(request, f"Booked: {row.description}, {money(row.amount, row.currency)}.")
    if model_admin.has_view_permission(request):
        return redirect("admin:transactions_transaction_change", row.pk)
    return redirect("admin:transactions_transaction_cash_desk")


def _for_staff(refusal: LedgerError, form: SlipForm) -> str:
    """The refusal for whoever stands behind the counter; most are the same for both sides."""
    account = form.account
    assert account is not None  # noqa: S101  a clean form has found it
    account.refresh_from_db()
    whose = f"{account.name} of {account.user}, account {grouped(account.number)},"
    if isinstance(refusal, IdempotencyConflict):
        return OTHER_DETAILS
    if isinstance(refusal, AccountNotActive) and account.is_frozen:
        return f"{whose} is frozen: it takes deposits, and pays out once it is unfrozen."
    if isinstance(refusal, AccountNotActive):
        return f"{whose} is closed: no cash goes in or out. Ask for another account."
    if isinstance(refusal, InvalidAmount):
        return f"{whose} cannot hold that much. Take in less."
    return str(refusal)


def _prefilled(request: HttpRequest) -> dict[str, str]:
    """What a link from an account's page fills in."""
    try:
        account = Account.objects.filter(pk=uuid.UUID(request.GET.get("account", ""))).first()
    except ValueError:
        account = None
    return {"number": grouped(account.number)} if account else {}


def _in_words(form: SlipForm, row: Transaction) -> dict[str, Any]:
    """The review: what will happen, and the balance before and after, from the row it would be."""
    comes_in = form.cleaned_data["kind"] == "deposit"
    after = (row.to_balance if comes_in else row.from_balance) or Decimal(0)
    return {
        "account": form.account,
        "verb": "Deposit" if comes_in else "Withdraw",
        "way": "into" if comes_in else "from",
        "amount": row.amount,
        "description": row.description,
        "reference": row.reference,
        "before": after - row.amount if comes_in else after + row.amount,
        "after": after,
    }


def _page(
    request: HttpRequest,
    model_admin: admin.ModelAdmin[Transaction],
    form: SlipForm,
    review: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Review" if review else "Cash desk",
        "opts": model_admin.opts,
        "form": form,
        "review": review,
    }
    page = TemplateResponse(request, "admin/transactions/transaction/cash_desk.html", context)
    patch_cache_control(page, private=True)  # for going back alone, see `TransactionAdmin.get_urls`
    return page
