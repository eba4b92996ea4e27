"""Loads the caller's rows for a request, by the id in the URL or by the parameter `account=`."""

from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.models import Account, User
from api.caller import caller_of
from transactions.models import Transaction


def own_account(person: Any, pk: UUID) -> Account:
    """Returns the user's account with this id.

    Raises: Http404.
    """
    account = Account.objects.filter(user=person, pk=pk).first()
    if account is None:
        raise Http404
    account.user = person
    return account


def own_transaction(person: User, pk: UUID) -> Transaction:
    """Returns the transaction with this id if one of its accounts belongs to the user. Loads only
    the id.

    Raises: Http404.
    """
    rows = Transaction.objects.visible_to(person)
    row: Transaction | None = rows.filter(pk=pk).only("pk").first()
    if row is None:
        raise Http404
    return row


def chosen_accounts(request: Request) -> list[Account]:
    """Returns the account in the parameter `account=`, or all accounts of the caller if the
    parameter is missing.

    Raises: ValidationError for an invalid id; Http404 if the account does not belong to the caller.
    """
    person: User = caller_of(request).person
    only = request.query_params.get("account")
    if only is None:
        return list(Account.objects.owned_by(person))
    try:
        pk = UUID(only)
    except ValueError:
        raise ValidationError({"account": ["Write the id of an account."]}) from None
    return [own_account(person, pk)]
