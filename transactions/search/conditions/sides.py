"""Sides and directions, said of transactions and of the entries of one account."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.contrib.postgres.search import SearchVectorExact as Matches
from django.db.models import Q

from accounts.models import Account
from transactions.scope import Scope


class SideConditions(Protocol):
    """How a kind of row is asked for its sides. `way` is "to", "from", "with" or "account"."""

    pk: str
    scope: Scope

    def sides(self, way: str, ids: Sequence[UUID]) -> Q:
        """Rows that have one of these accounts there."""
        ...

    def named(self, way: str, name: SearchQuery) -> Q:
        """Rows whose holder there bears the name, by a join."""
        ...

    def strangers_named(self, name: SearchQuery) -> Q:
        """Rows whose other side is somebody else of this name, by a join."""
        ...

    def outside(self, way: str) -> Q:
        """Rows whose side there is no account of the bank: they show what they were for."""
        ...

    def moved(self, way: str, inside: Sequence[UUID] = ()) -> Q:
        """What came "in" from outside, went "out" of it, or moved between "own" accounts.

        "in" and "out" are said of the accounts `inside`, or else of the whole scope.
        """
        ...


class TransactionSides:
    """Rows of `Transaction` within a scope."""

    pk = "pk"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def sides(self, way: str, ids: Sequence[UUID]) -> Q:
        to, from_ = Q(to_account__in=ids), Q(from_account__in=ids)
        if way == "with" and not self.scope.is_bank:
            mine = self.scope.ids
            return (to & Q(from_account__in=mine)) | (from_ & Q(to_account__in=mine))
        return {"to": to, "from": from_}.get(way, to | from_)

    def named(self, way: str, name: SearchQuery) -> Q:
        column = "name" if way == "account" else "user__name"
        to, from_ = (_bears(f"{side}__{column}", name) for side in ("to_account", "from_account"))
        return {"to": to, "from": from_}.get(way, to | from_)

    def strangers_named(self, name: SearchQuery) -> Q:
        either = Q()
        for side in ("to_account", "from_account"):
            bears = _bears(f"{side}__user__name", name)
            either |= bears if self.scope.is_bank else bears & ~Q(**{f"{side}__user": self.reader})
        return either

    @property
    def reader(self) -> UUID:
        return self.scope.reader.pk

    def outside(self, way: str) -> Q:
        to, from_ = Q(to_account=None), Q(from_account=None)
        return {"to": to, "from": from_}.get(way, to | from_)

    def moved(self, way: str, inside: Sequence[UUID] = ()) -> Q:
        if self.scope.is_bank and not inside:
            return Q(type={"in": "deposit", "out": "withdrawal", "own": "transfer"}[way])
        ids = inside or self.scope.ids
        to, from_ = Q(to_account__in=ids), Q(from_account__in=ids)
        nobody_paid, nobody_got = Q(from_account=None), Q(to_account=None)
        return {
            "in": to & (nobody_paid | ~from_),
            "out": from_ & (nobody_got | ~to),
            "own": to & from_,
        }[way]


class EntrySides:
    """Rows of `Entry` of one account."""

    pk = "transaction_id"

    def __init__(self, account: Account) -> None:
        self.account = account
        self.scope = Scope(account.user, (account,))

    def sides(self, way: str, ids: Sequence[UUID]) -> Q:
        if way == "account":
            return Q(account__in=ids)
        there = Q(counterparty__in=ids)
        if way == "with":
            return there
        theirs, ours = ("debit", "credit") if way == "to" else ("credit", "debit")
        found = Q(direction=theirs) & there
        return found | Q(direction=ours) if self.account.pk in ids else found

    def named(self, way: str, name: SearchQuery) -> Q:
        there = _bears("counterparty__user__name", name)
        if way in ("with", "account"):
            return there
        return there & Q(direction="debit" if way == "to" else "credit")

    def strangers_named(self, name: SearchQuery) -> Q:
        return _bears("counterparty__user__name", name) & ~Q(
            counterparty__user=self.account.user_id
        )

    def outside(self, way: str) -> Q:
        there = Q(counterparty=None)
        if way == "with":
            return there
        return there & Q(direction="debit" if way == "to" else "credit")

    def moved(self, way: str, inside: Sequence[UUID] = ()) -> Q:
        if way == "own":
            return Q(counterparty__user=self.account.user_id)
        return Q(direction="credit" if way == "in" else "debit")


def _bears(column: str, name: SearchQuery) -> Q:
    return Q(Matches(SearchVector(column, config="simple"), name))
