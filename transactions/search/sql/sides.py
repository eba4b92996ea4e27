"""Conditions on the two sides of a row (payer and payee) and on the direction of the money.

A search reads the transactions of a scope. The filter of an account statement reads the entries of
one account. The module has one class for transactions and one class for entries, with the same
methods.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVectorExact
from django.db.models import Q

from accounts.models import Account
from ledger.db.queries.words import words_of
from transactions.scope import Scope


class SideConditions(Protocol):
    """The methods that build conditions for transactions and for entries.

    `side` is "to" (the payee), "from" (the payer), "with" (the other person or account) or
    "account" (the payer or the payee). `id_field` is the field with the id of the transaction.
    Every row has at least one of the accounts in `own_ids`, which is empty for the whole bank.
    """

    id_field: str
    scope: Scope
    own_ids: list[UUID]

    def has_account(self, side: str, ids: Sequence[UUID]) -> Q:
        """Returns the condition for rows that have one of these accounts on this side."""
        ...

    def has_holder(self, side: str, name: SearchQuery) -> Q:
        """Returns the condition for rows in which the holder of the account on this side has this
        name. For the side "account" of transactions, compares the name of the account instead. The
        condition joins users.
        """
        ...

    def has_other_holder(self, name: SearchQuery) -> Q:
        """Returns the condition for rows in which the payer or the payee has this name. The name of
        the reader counts only in a search of the whole bank. The condition joins users.
        """
        ...

    def has_no_account(self, side: str) -> Q:
        """Returns the condition for rows without an account on this side, such as card payments."""
        ...

    def moved(self, direction: str, account_ids: Sequence[UUID] = ()) -> Q:
        """Returns the condition for rows that moved money in a direction: "in", "out", or between
        "own" accounts.

        "In" and "out" mean into and out of the accounts in `account_ids`, or of the whole scope if
        `account_ids` is empty.
        """
        ...


class TransactionSides:
    """Conditions on the sides of transactions, for one query scope."""

    id_field = "pk"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.own_ids = scope.ids

    def has_account(self, side: str, ids: Sequence[UUID]) -> Q:
        to, from_ = Q(to_account__in=ids), Q(from_account__in=ids)
        if side == "with" and not self.scope.is_bank:
            own = self.scope.ids
            return (to & Q(from_account__in=own)) | (from_ & Q(to_account__in=own))
        return {"to": to, "from": from_}.get(side, to | from_)

    def has_holder(self, side: str, name: SearchQuery) -> Q:
        column = "name" if side == "account" else "user__name"
        to, from_ = (
            _has_words(f"{each}__{column}", name) for each in ("to_account", "from_account")
        )
        return {"to": to, "from": from_}.get(side, to | from_)

    def has_other_holder(self, name: SearchQuery) -> Q:
        condition = Q()
        for side in ("to_account", "from_account"):
            has_name = _has_words(f"{side}__user__name", name)
            is_reader = Q(**{f"{side}__user": self.scope.reader.pk})
            condition |= has_name if self.scope.is_bank else has_name & ~is_reader
        return condition

    def has_no_account(self, side: str) -> Q:
        to, from_ = Q(to_account=None), Q(from_account=None)
        return {"to": to, "from": from_}.get(side, to | from_)

    def moved(self, direction: str, account_ids: Sequence[UUID] = ()) -> Q:
        if self.scope.is_bank and not account_ids:
            return Q(type={"in": "deposit", "out": "withdrawal", "own": "transfer"}[direction])
        ids = account_ids or self.scope.ids
        to, from_ = Q(to_account__in=ids), Q(from_account__in=ids)
        no_sender, no_recipient = Q(from_account=None), Q(to_account=None)
        return {
            "in": to & (no_sender | ~from_),
            "out": from_ & (no_recipient | ~to),
            "own": to & from_,
        }[direction]


class EntrySides:
    """Conditions for entries of one account. `scope` contains all accounts of the holder, so that
    each condition matches the same transactions as in a search.
    """

    id_field = "transaction_id"

    def __init__(self, account: Account, scope: Scope) -> None:
        self.account = account
        self.scope = scope
        self.own_ids = [account.pk]

    def has_account(self, side: str, ids: Sequence[UUID]) -> Q:
        is_other_side, is_this_side = Q(counterparty__in=ids), self.account.pk in ids
        if side == "account":
            return Q(account__in=ids) | is_other_side
        if side == "with":
            own = Q(counterparty__in=self.scope.ids)
            return is_other_side | own if is_this_side else is_other_side
        theirs, ours = ("debit", "credit") if side == "to" else ("credit", "debit")
        condition = Q(direction=theirs) & is_other_side
        return condition | Q(direction=ours) if is_this_side else condition

    def has_holder(self, side: str, name: SearchQuery) -> Q:
        has_name = _has_words("counterparty__user__name", name)
        if side in ("with", "account"):
            return has_name
        return has_name & Q(direction="debit" if side == "to" else "credit")

    def has_other_holder(self, name: SearchQuery) -> Q:
        return _has_words("counterparty__user__name", name) & ~Q(
            counterparty__user=self.account.user_id
        )

    def has_no_account(self, side: str) -> Q:
        is_missing = Q(counterparty=None)
        if side == "with":
            return is_missing
        return is_missing & Q(direction="debit" if side == "to" else "credit")

    def moved(self, direction: str, account_ids: Sequence[UUID] = ()) -> Q:
        if direction == "own":
            return Q(counterparty__user=self.account.user_id)
        return Q(direction="credit" if direction == "in" else "debit")


def _has_words(column: str, words: SearchQuery) -> Q:
    return Q(SearchVectorExact(words_of(**{column: "A"}), words))
