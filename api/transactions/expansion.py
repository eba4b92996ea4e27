"""The parts of a transaction that `expand=` adds: its accounts, its entries, and the transactions
that it captures or refunds. Users see only what the page of each part shows to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.admin.masking import masked_number
from accounts.models import Account, User
from api.caller import Caller, TokenScope
from api.fields import ExactAmountField, OptionalAmountField, amount_text, rows_of
from api.parameters import expand
from api.transactions.serializers import WRITTEN, TransactionSerializer
from transactions.annotations.categories import own_category
from transactions.models import Transaction
from transactions.models.transaction import TransactionQuerySet
from transactions.safeguards.recipients import own_accounts
from transactions.scope import may_read_bank, may_see_names

SIDES = ("from_account", "to_account")
RELATED = ("captures", "reverses")
EXPANDABLE = (*SIDES, "entries", *RELATED)
EXPAND = expand(EXPANDABLE)
ID = {"type": "string", "format": "uuid"}
SIDE = {
    "type": "object",
    "description": "An account as the reader of the transaction may see it.",
    "required": ["id", "number", "name", "is_own"],
    "properties": {
        "id": ID,
        "number": {"type": "string"},
        "name": {
            "type": "string",
            "description": "The account's name if it belongs to the caller, else its owner's name.",
        },
        "is_own": {"type": "boolean"},
    },
}
TRANSACTION = {"$ref": "#/components/schemas/Transaction"}
NULL = {"type": "null"}


@extend_schema_field({"anyOf": [ID, SIDE, NULL]})
class SideField(serializers.UUIDField):
    """The id of an account, or the account itself if `expand` selects this field."""


@extend_schema_field({"anyOf": [ID, TRANSACTION, NULL]})
class RelatedField(serializers.UUIDField):
    """The id of another transaction, or the transaction itself if `expand` selects this field."""


@extend_schema_field({"anyOf": [ID, TRANSACTION]})
class OwnTransactionField(serializers.UUIDField):
    """The id of the transaction of an entry, or the transaction itself if `expand` selects this
    field.
    """


class TransactionEntrySerializer(serializers.Serializer[Any]):
    """An entry of a booked transaction, on an account of this bank."""

    account = serializers.UUIDField()
    direction = serializers.ChoiceField([("debit", "out"), ("credit", "in")])
    signed_amount = ExactAmountField(help_text="Below zero for money that went out.")
    balance = OptionalAmountField(help_text="Balance after it; null for another user's account.")


class ExpandedTransactionSerializer(TransactionSerializer):
    """A transaction, with the parts that `expand` selects."""

    from_account = SideField()
    to_account = SideField()
    captures = RelatedField(help_text="The hold that it captures.")
    reverses = RelatedField(help_text="The transaction that it refunds.")
    entries = TransactionEntrySerializer(
        many=True, required=False, help_text="Only with expand=entries; empty for a hold."
    )


class ExpandedTransactionPageSerializer(serializers.Serializer[Any]):
    """A page of transactions. The newest transaction is first."""

    results = ExpandedTransactionSerializer(many=True)
    next = serializers.URLField(
        allow_null=True, help_text="URL of the next page, with older items."
    )


def read_for(
    rows: TransactionQuerySet, reader: User, names: Iterable[str] = ()
) -> TransactionQuerySet:
    """Returns the transactions with the categories that the reader has assigned. `names` is the
    value of `expand`. If `expand` needs the accounts, the same query also loads the accounts and
    their owners.
    """
    if set(names) & {*SIDES, "entries"}:
        rows = rows.select_related("from_account__user", "to_account__user")
    named: TransactionQuerySet = rows.annotate(own_category=own_category(reader))
    return named


def reads_any(caller: Caller) -> bool:
    """Returns whether the caller may read all transactions of the bank."""
    return caller.may(TokenScope.STAFF) and may_read_bank(caller.person)


def expanded(
    rows: Sequence[Transaction], names: frozenset[str], caller: Caller
) -> list[dict[str, Any]]:
    """Returns transactions as JSON data, expanded by `names`. Makes at most one query."""
    found = as_json(rows, caller)
    for data, row in zip(found, rows, strict=True):
        for name in SIDES:
            if name in names:
                data[name] = _side(getattr(row, name), row, caller)
        if "entries" in names:
            data["entries"] = _entries(row, caller)
    if related := [name for name in RELATED if name in names]:
        put_transactions(found, related, caller)
    return found


def as_json(rows: Sequence[Transaction], caller: Caller) -> list[dict[str, Any]]:
    """Returns transactions as JSON data. If a user may read all transactions but may not see names,
    texts that people wrote are null, as in the search. The texts of the user's own payments are not
    null. Makes one query for such a user, and no query for other users.
    """
    found: list[dict[str, Any]] = rows_of(TransactionSerializer, rows)
    if not reads_any(caller) or may_see_names(caller.person):
        return found
    own = set(own_accounts(caller.person.pk))
    for data, row in zip(found, rows, strict=True):
        if own.isdisjoint((row.from_account_id, row.to_account_id)):
            data.update(dict.fromkeys(WRITTEN))
    return found


def put_transactions(found: Iterable[dict[str, Any]], names: Iterable[str], caller: Caller) -> None:
    """Replaces the ids in the fields `names` by the transactions with these ids. If the caller may
    not read a transaction, its id stays. Makes one query.
    """
    found, names = list(found), list(names)
    ids = {data[name] for data in found for name in names} - {None}
    if not ids:
        return
    rows = read_for(Transaction.objects.filter(pk__in=ids), caller.person)
    if not reads_any(caller):
        rows = rows.visible_to(caller.person)
    by_id: Mapping[str, Any] = {data["id"]: data for data in as_json(list(rows), caller)}
    for data in found:
        for name in names:
            data[name] = by_id.get(data[name], data[name])


def _side(account: Account | None, row: Transaction, caller: Caller) -> dict[str, Any] | None:
    """Returns the account `account` with the name that the receipt shows, or None if there is no
    account.
    """
    if account is None:
        return None
    person = caller.person
    is_own = account.user_id == person.pk
    number, name = account.number, account.name if is_own else account.user.name
    if not row.is_of(person) and not may_see_names(person):
        name = masked_number(number)
    return {"id": str(account.pk), "number": number, "name": name, "is_own": is_own}


def _entries(row: Transaction, caller: Caller) -> list[dict[str, Any]]:
    """Returns the entries of the transaction on accounts of this bank. Only entries on the caller's
    own account contain the balance, as on the receipt. A hold has no entries.
    """
    if row.is_hold:
        return []
    found: list[dict[str, Any]] = []
    for account, direction, sign, balance in (
        (row.from_account, "debit", -1, row.from_balance),
        (row.to_account, "credit", 1, row.to_balance),
    ):
        if account is None:
            continue
        entry = {
            "account": str(account.pk),
            "direction": direction,
            "signed_amount": amount_text(sign * row.amount, row.currency),
            "balance": None,
        }
        if account.user_id == caller.person.pk and balance is not None:
            entry["balance"] = amount_text(balance, row.currency)
        found.append(entry)
    return found
