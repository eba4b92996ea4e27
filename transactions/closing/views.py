"""The page on which customers close one of their accounts."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import Account
from accounts.requests import PersonRequest
from accounts.security.step_up import step_up_first
from transactions.closing.services import CannotClose, close_own_account, obstacles


@require_http_methods(["GET", "HEAD", "POST"])
@step_up_first
def close_account(request: PersonRequest, pk: uuid.UUID) -> HttpResponse:
    """Shows the obstacles to closing the account. If there are none, shows the effects of closing.
    A POST request closes the account.
    """
    account = get_object_or_404(Account.objects.owned_by(request.user), pk=pk)
    if account.is_closed:
        messages.info(request, f"{account.name} is closed already.")
        return redirect("transactions:statement", pk)
    if request.method == "POST":
        try:
            close_own_account(account=account, person=request.user)
        except CannotClose:
            return redirect("transactions:close", pk)  # the page shows the obstacles
        messages.success(request, f"{account.name} is closed.")
        return redirect("transactions:statement", pk)
    context = {"account": account, "obstacles": obstacles(request.user, account)}
    return render(request, "transactions/account_close.html", context)
