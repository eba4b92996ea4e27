"""The rows of the caller that a call names: by the id in its address, or by `account=`."""

from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.models import Account, User
from api.caller import caller_of
from transactions.models import Transaction


def own_account(person: Any, pk: UUID) -> Account:
    """The account of the person with this id. Raises Http404, also for somebody else's."""
    account = Account.objects.filter(user=person, pk=pk).first()
    if account is None:
        raise Http404
    account.user = person
    return account


def own_transaction(person: User, pk: UUID) -> Transaction:
    """The transaction with this id, if a side of it is the person's; only its id is read. Raises
    Http404.
    """
    rows = Transaction.objects.visible_to(person)
    row: Transaction | None = rows.filter(pk=pk).only("pk").first()
    if row is None:
        raise Http404
    return row


def chosen_accounts(request: Request) -> list[Account]:
    """The caller's account that `account=` names; all of theirs without it.

    Raises ValidationError for what is no id, and Http404 as `own_account` does.
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
