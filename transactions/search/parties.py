"""The accounts and people on both sides of the rows of a search.

`select_related` would create four objects for each row. Here each account is one object, even if it
has many rows, and has only the columns that a page shows.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import F

from accounts.models import Account, User
from transactions.models import Transaction
from transactions.models.transaction import TransactionQuerySet

# For each side: columns of the account and of its holder, and the names of their annotations.
COLUMNS = {
    side: {f"{side}__{column}": f"{side}_{column}" for column in ("number", "name", "user_id")}
    | {f"{side}__user__name": f"{side}_holder"}
    for side in ("from_account", "to_account")
}


def with_party_columns(rows: TransactionQuerySet) -> TransactionQuerySet:
    """Adds the columns that `set_parties` reads."""
    columns = {name: F(path) for names in COLUMNS.values() for path, name in names.items()}
    annotated: TransactionQuerySet = rows.annotate(**columns)
    return annotated


def set_parties(rows: Iterable[Transaction]) -> None:
    """Sets the accounts of each row, and the holders of these accounts. Sends no query."""
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
