"""Sets the sending and the receiving account of each transaction that a search found, and the
holders of these accounts.

`select_related` would create four objects for each row. This module creates one object for each
account, even if several rows contain the account, and loads only the columns that the page shows.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import F

from accounts.models import Account, User
from transactions.models import Transaction
from transactions.models.transaction import TransactionQuerySet

# For each side: the columns of the account and of its holder, and the annotations for these
# columns.
COLUMNS = {
    side: {f"{side}__{column}": f"{side}_{column}" for column in ("number", "name", "user_id")}
    | {f"{side}__user__name": f"{side}_holder"}
    for side in ("from_account", "to_account")
}


def with_party_columns(rows: TransactionQuerySet) -> TransactionQuerySet:
    """Annotates the rows with the columns that `set_parties` needs."""
    columns = {name: F(path) for names in COLUMNS.values() for path, name in names.items()}
    annotated: TransactionQuerySet = rows.annotate(**columns)
    return annotated


def set_parties(rows: Iterable[Transaction]) -> None:
    """Sets `from_account` and `to_account` of each row, and the `user` of these accounts. The rows
    must come from `with_party_columns`. Sends no query.
    """
    accounts: dict[UUID | None, Account | None] = {None: None}
    people: dict[UUID, User] = {}
    for row in rows:
        for side, names in COLUMNS.items():
            pk = getattr(row, f"{side}_id")
            if pk not in accounts:
                accounts[pk] = _account(pk, [getattr(row, name) for name in names.values()], people)
            setattr(row, side, accounts[pk])


def _account(pk: UUID, values: list[Any], people: dict[UUID, User]) -> Account:
    number, name, user_id, holder = values
    if user_id not in people:
        people[user_id] = User.from_db(DEFAULT_DB_ALIAS, ["id", "name"], [user_id, holder])
    columns = {"id": pk, "user_id": user_id, "number": number, "name": name}
    account = Account.from_db(DEFAULT_DB_ALIAS, [*columns], [*columns.values()])
    account.user = people[user_id]
    return account
