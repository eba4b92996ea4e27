"""Pages of a user's accounts. Each page reads only the user's rows."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services
from accounts.exceptions import LedgerError
from accounts.forms import AccountSettingsForm, OpenAccountForm, currency_of_languages
from accounts.models import Account
from accounts.requests import PersonRequest


@require_safe
def account_list(request: PersonRequest) -> HttpResponse:
    """Shows all accounts of the user. Closed accounts are listed last."""
    accounts = list(Account.objects.owned_by(request.user))
    open_accounts = [account for account in accounts if not account.is_closed]
    closed = [account for account in accounts if account.is_closed]
    return render(
        request, "accounts/account_list.html", {"accounts": open_accounts, "closed": closed}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def open_account(request: PersonRequest) -> HttpResponse:
    """Shows the form that opens an account, and then redirects to the statement of the account. A
    user with MAX_ACCOUNTS open accounts is redirected to the list of accounts.
    """
    usual = Account.objects.usual_currency(request.user)
    currency = usual or currency_of_languages(request.headers.get("Accept-Language", ""))
    form = OpenAccountForm(request.POST or None, initial={"currency": currency})
    mine = Account.objects.owned_by(request.user).not_closed()
    if mine.count() >= services.MAX_ACCOUNTS:
        messages.info(request, services.TOO_MANY_ACCOUNTS)
        return redirect("accounts:list")
    if request.method == "POST" and form.is_valid():
        try:
            account = services.open_account(user=request.user, by_owner=True, **form.cleaned_data)
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{account.name} is open.")
            return redirect("transactions:statement", account.pk)
    return render(request, "accounts/account_open.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def account_settings(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Shows the form with the settings of an account. Redirects to the statement after the form is
    saved, or if the account is closed.
    """
    account = get_object_or_404(Account.objects.owned_by(request.user), pk=pk)
    if account.is_closed:
        messages.info(request, f"{account.name} is closed and cannot be changed.")
        return redirect("transactions:statement", pk)
    form = AccountSettingsForm(request.POST or None, account=account)
    if request.method == "POST" and form.is_valid():
        try:
            services.choose_settings(account=account, owner=request.user, **form.changes)
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "The settings are saved.")
            return redirect("transactions:statement", pk)
    return render(request, "accounts/account_settings.html", {"form": form, "account": account})
