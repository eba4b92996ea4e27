"""Reads of transactions and entries. They chain."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast

if TYPE_CHECKING:
    from accounts.models import Account, User
    from transactions.models import Entry


# Note [Newest of the bank]: the newest rows of all accounts come from an index on the booking time
# without its zone. One on `created_at` itself would tempt the planner away from an account's own
# index on every statement: it would walk back through the whole bank's rows for one account's page.
BOOKED_AT = models.Func(
    models.F("created_at"),
    template="(%(expressions)s AT TIME ZONE 'UTC')",
    output_field=models.DateTimeField(),
)


def pk_of(thing: Any) -> uuid.UUID:
    """The id of an instance, or the id itself."""
    return thing if isinstance(thing, uuid.UUID) else thing.pk


# The models import this module, a circle that django-stubs cannot follow: name-defined.
class TransactionQuerySet(models.QuerySet["Transaction"]):  # type: ignore[name-defined]
    def visible_to(self, user: "User") -> Self:
        """What this person may read: a side of it is theirs."""
        return self.filter(Q(from_account__user=user) | Q(to_account__user=user))

    def readable_by(self, user: "User") -> Self:
        """What this person may open: for staff who may view transactions, each."""
        if user.is_staff and user.has_perm("transactions.view_transaction"):
            return self.all()
        return self.visible_to(user)

    def pending(self) -> Self:
        """Holds neither captured nor voided yet."""
        return self.filter(status="pending")

    def counted_against_limit(self, account: "Account | uuid.UUID", since: datetime) -> Self:
        """What the limit of a day counts since then: what went out, and holds, in full and on
        their own day, unless they were released. Not what completes a hold, which was counted,
        nor what is given back."""
        return self.filter(
            from_account=pk_of(account),
            status__in=["completed", "pending", "captured"],
            captures__isnull=True,
            reverses__isnull=True,
            created_at__gte=since,
        )

    def newest_first(self) -> Self:
        """In order of booking, over the whole bank too, see Note [Newest of the bank]."""
        return self.order_by(BOOKED_AT.desc(), "-pk")

    def oldest_first(self) -> Self:
        """The same the other way round."""
        return self.order_by(BOOKED_AT.asc(), "pk")

    def with_sides(self) -> Self:
        """Both accounts and their holders, in the same query."""
        return self.select_related("from_account__user", "to_account__user", "created_by")

    def with_stored_metadata(self) -> Self:
        """`metadata_stored`: the metadata as text, whose numbers keep the digits they came with."""
        return self.annotate(metadata_stored=Cast("metadata", models.TextField()))


class TransactionManager(models.Manager.from_queryset(TransactionQuerySet)):  # type: ignore[misc]
    """Leaves the search column in the database: it is for matching, not for reading."""

    def get_queryset(self) -> TransactionQuerySet:
        queryset: TransactionQuerySet = super().get_queryset().defer("search")
        return queryset


class EntryQuerySet(models.QuerySet["Entry"]):
    def for_account(self, account: "Account | uuid.UUID") -> Self:
        """One account's entries. Only its own stretch of the two indexes is read."""
        return self.filter(account=pk_of(account))

    def between(self, start: datetime | None, end: datetime | None) -> Self:
        """Booked from `start` on and before `end`; None leaves that side open."""
        entries = self
        if start is not None:
            entries = entries.filter(created_at__gte=start)
        if end is not None:
            entries = entries.filter(created_at__lt=end)
        return entries

    def credits(self) -> Self:
        """Money in."""
        return self.filter(direction="credit")

    def debits(self) -> Self:
        """Money out."""
        return self.filter(direction="debit")

    def directed(self, direction: str) -> Self:
        """Only money "in", or only "out"; anything else leaves both."""
        return {"in": self.credits, "out": self.debits}.get(direction, self.all)()

    def newest_first(self) -> Self:
        """The order of a statement. `created_at` never ties within an account."""
        return self.order_by("-created_at")

    def with_counterparty(self) -> Self:
        """The other side's account and holder, in the same query."""
        return self.select_related("counterparty__user")

    def balance_at(self, account: "Account | uuid.UUID", moment: datetime) -> Any:
        """The booked balance just before `moment`: the last stored link of the chain, or None."""
        return (
            self.for_account(account)
            .filter(created_at__lt=moment)
            .order_by("-created_at")
            .values_list("balance", flat=True)
            .first()
        )


class EntryManager(models.Manager.from_queryset(EntryQuerySet)):  # type: ignore[misc]
    """Completed rows that have an account: the sides that are in this bank's books."""

    def get_queryset(self) -> EntryQuerySet:
        queryset: EntryQuerySet = super().get_queryset()
        return queryset.filter(status="completed", account__isnull=False).defer("search")

    def latest_of(self, accounts: Iterable["Account | uuid.UUID"], count: int) -> list["Entry"]:
        """The newest `count` entries over several accounts, newest first, in three queries.

        A UNION ALL of one page per account: each comes off its own stretch of the indexes.
        `account IN (...)` would read and sort every entry of each account instead (36 ms
        against 0.4 ms at a million rows).
        """
        pages = [self.for_account(account).newest_first()[:count] for account in accounts]
        if len(pages) > 1:
            pages = [pages[0].union(*pages[1:], all=True).order_by("-created_at")[:count]]
        entries = [entry for page in pages for entry in page]
        models.prefetch_related_objects(entries, "account", "counterparty__user")
        return entries
