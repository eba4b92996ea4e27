"""The caller's rows in a request, identified by the id in the URL or by `account=`."""

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

    Raises: Http404, also for another user's account.
    """
    account = Account.objects.filter(user=person, pk=pk).first()
    if account is None:
        raise Http404
    account.user = person
    return account


def own_transaction(person: User, pk: UUID) -> Transaction:
    """Returns the transaction with this id, with only its id loaded, if a side of it is the user's.

    Raises: Http404.
    """
    rows = Transaction.objects.visible_to(person)
    row: Transaction | None = rows.filter(pk=pk).only("pk").first()
    if row is None:
        raise Http404
    return row


def chosen_accounts(request: Request) -> list[Account]:
    """Returns the caller's account in `account=`, or all their accounts without it.

    Raises: ValidationError for an invalid id, and Http404 like `own_account`.
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
