"""The page "Add money", which describes how money gets into an account."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import Account
from accounts.requests import PersonRequest
from ledger.db.ids import uuid7, uuid7_for
from ledger.text.currencies import minor_units
from ledger.text.money import money
from transactions import services
from transactions.exceptions import LedgerError

MINOR_UNITS_OF_DEMO = 50_000  # 500.00 USD
NO_DEMO = "Demo money exists only in the demo."


class DemoMoneyForm(forms.Form):
    """A form that adds demo money to one of the reader's accounts. The hidden id ensures that a
    form that is sent twice adds the money only once.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    account = forms.ModelChoiceField(Account.objects.none(), widget=forms.HiddenInput)

    def __init__(self, *args: Any, request: PersonRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Account.objects.owned_by(request.user).not_closed()
        self.fields["account"].queryset = mine  # type: ignore[attr-defined]


def gives_demo_money() -> bool:
    """Returns whether the page may add demo money. Returns False with row-level security, because
    policies then prevent customers from booking a deposit.
    """
    return settings.LEDGER_DEMO and not settings.LEDGER_ROW_SECURITY


def demo_amount(currency: str) -> Decimal:
    """Returns the amount of demo money. For most currencies, the amount is 500.00."""
    return Decimal(MINOR_UNITS_OF_DEMO).scaleb(-minor_units(currency))


@require_http_methods(["GET", "HEAD", "POST"])
def add_money(request: PersonRequest) -> HttpResponse:
    """Shows the account numbers of the reader's open accounts. In the demo, a POST request adds
    money to one of these accounts.
    """
    if request.method == "POST":
        return _add_demo_money(request)
    mine = Account.objects.owned_by(request.user).not_closed()
    forms_of_demo = gives_demo_money()
    ways = [
        (account, demo_amount(account.currency) if forms_of_demo else None, uuid7())
        for account in mine
    ]
    return render(request, "transactions/add_money.html", {"ways": ways})


def _add_demo_money(request: PersonRequest) -> HttpResponse:
    if not gives_demo_money():
        raise PermissionDenied(NO_DEMO)
    form = DemoMoneyForm(request.POST, request=request)
    if not form.is_valid():
        messages.error(request, "Choose one of your open accounts.")
        return redirect("add_money")
    account = form.cleaned_data["account"]
    amount = demo_amount(account.currency)
    try:
        services.deposit(
            to_account=account,
            amount=amount,
            description="Money of the demo",
            id=uuid7_for(request.user.pk, form.cleaned_data["id"]),
        )  # without an author, because nobody may deposit to their own account
    except LedgerError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{money(amount, account.currency)} was added to {account.name}.")
    return redirect("transactions:statement", account.pk)
