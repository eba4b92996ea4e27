"""The cash desk in the admin: staff take in and hand out money for customers."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from accounts.admin_parts import person_of
from accounts.currencies import fits, minor_units
from accounts.models import Account, User
from accounts.numbers import clean_account_number
from accounts.templatetags.money import money
from ledger.db.ids import uuid7
from transactions import services
from transactions.drafts import DESCRIPTION_LIMIT, REFERENCE_LIMIT
from transactions.exceptions import IdempotencyConflict, LedgerError
from transactions.forms import AmountField
from transactions.models import Transaction

METADATA = {"category": "cash", "channel": "cash desk"}
DESCRIPTIONS = {"deposit": "Cash deposit", "withdraw": "Cash withdrawal"}


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

    def book(self) -> Transaction:
        """The booked row; the same one however often. Raises the LedgerError that refuses it."""
        data, account = self.cleaned_data, self.account
        details: services.Details = {
            "id": data["id"],
            "description": data["description"],
            "reference": data["reference"],
            "metadata": METADATA,
            "created_by": self.clerk,
        }
        assert account is not None  # noqa: S101  a clean form has found it
        if data["kind"] == "deposit":
            return services.deposit(to_account=account, amount=data["amount"], **details)
        return services.withdraw(from_account=account, amount=data["amount"], **details)


def view(request: HttpRequest, *, model_admin: admin.ModelAdmin[Transaction]) -> HttpResponse:
    """The slip, then the same in words, then the booked row."""
    clerk = person_of(request)
    if not clerk.has_perm("transactions.use_cash_desk"):
        raise PermissionDenied
    if request.method != "POST":
        form = SlipForm(initial=_prefilled(request), clerk=clerk)
        return _page(request, model_admin, form)
    form = SlipForm(request.POST, clerk=clerk)
    if not form.is_valid() or "change" in request.POST:
        return _page(request, model_admin, form)
    if "book" not in request.POST:
        return _page(request, model_admin, form, _in_words(form))
    try:
        row = form.book()
    except IdempotencyConflict:
        form.add_error(None, "This slip was booked before, with other details. Begin a new one.")
    except LedgerError as refusal:
        form.add_error(None, str(refusal))
    else:
        messages.success(request, f"Booked: {row.description}, {money(row.amount, row.currency)}.")
        if model_admin.has_view_permission(request):
            return redirect("admin:transactions_transaction_change", row.pk)
        return redirect("admin:transactions_transaction_cash_desk")
    return _page(request, model_admin, form)


def _prefilled(request: HttpRequest) -> dict[str, str]:
    """What a link from an account's page fills in."""
    try:
        account = Account.objects.filter(pk=uuid.UUID(request.GET.get("account", ""))).first()
    except ValueError:
        account = None
    return {"number": account.number} if account else {}


def _in_words(form: SlipForm) -> dict[str, Any]:
    """The review: what will happen, and the balance before and after as it stands now."""
    data, account = form.cleaned_data, form.account
    assert account is not None  # noqa: S101  a clean form has found it
    comes_in = data["kind"] == "deposit"
    return {
        "account": account,
        "verb": "Deposit" if comes_in else "Withdraw",
        "way": "into" if comes_in else "from",
        "amount": data["amount"],
        "description": data["description"],
        "reference": data["reference"],
        "after": account.balance + (data["amount"] if comes_in else -data["amount"]),
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
    return TemplateResponse(request, "admin/transactions/transaction/cash_desk.html", context)
