"""Whose money a reader may ask about. Every search and every report begins here."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q

from accounts.models import Account, User
from accounts.models.account import AccountQuerySet
from transactions.models import Entry, Transaction
from transactions.models.entry import EntryQuerySet
from transactions.models.transaction import TransactionQuerySet

MINE, BANK = "mine", "bank"


@dataclass(frozen=True, slots=True)
class Scope:
    """The reader's own accounts, or all of the bank's (`is_bank`, `accounts` is then empty).

    `names` says whether the reader may know who the other people are, and `addresses`, with it,
    whether they may find them by their email addresses over the whole bank. Rows come from
    `transactions()`, `entries()` and `flows()` alone, so that nothing beyond the scope is ever
    matched, counted or summed up.
    """

    reader: User
    accounts: tuple[Account, ...] = ()
    is_bank: bool = False
    names: bool = True
    addresses: bool = True

    @property
    def whose(self) -> str:
        """As addresses say it: "mine" or "bank"."""
        return BANK if self.is_bank else MINE

    @property
    def ids(self) -> list[UUID]:
        """The ids of the reader's own accounts."""
        return [account.pk for account in self.accounts]

    @property
    def currencies(self) -> list[str]:
        """The currencies there is money in, that of the most accounts first."""
        if self.is_bank:
            return currencies_of_bank()
        kept = [account.currency for account in self.accounts]
        return sorted(set(kept), key=lambda currency: (-kept.count(currency), currency))

    def all_accounts(self) -> AccountQuerySet:
        """Every account within the scope, closed ones too."""
        accounts: AccountQuerySet = Account.objects.all()
        return accounts if self.is_bank else accounts.filter(pk__in=self.ids)

    def transactions(self) -> TransactionQuerySet:
        """Every row with a side within the scope, holds too."""
        rows: TransactionQuerySet = Transaction.objects.all()
        if self.is_bank:
            return rows
        return rows.filter(Q(from_account__in=self.ids) | Q(to_account__in=self.ids))

    def entries(self) -> EntryQuerySet:
        """Every booked entry of the accounts within the scope."""
        entries: EntryQuerySet = Entry.objects.all()
        return entries if self.is_bank else entries.filter(account__in=self.ids)

    def flows(self, currency: str) -> EntryQuerySet:
        """The entries that made the whole richer or poorer: not what moved within it.

        For a person, what came from others or went to others; for the bank, what came into it
        or left it: deposits and withdrawals.
        """
        return self.entries().filter(self.is_outside, currency=currency)

    @property
    def is_outside(self) -> Q:
        """The condition that an entry's other side is not within the scope."""
        is_outside = Q(counterparty__isnull=True)
        return is_outside if self.is_bank else is_outside | ~Q(counterparty__in=self.ids)


def newest_first(rows: TransactionQuerySet, scope: Scope) -> TransactionQuerySet:
    """Rows of a scope, the newest first, to cut off the first of many.

    Over the whole bank by the index of Note [Newest of the bank], which is walked until there
    are enough, where a sort would read every match; one's own rows are few enough to sort.
    """
    newest: TransactionQuerySet = (
        rows.newest_first() if scope.is_bank else rows.order_by("-created_at")
    )
    return newest


def scope_for(reader: User, whose: str = MINE) -> Scope:
    """What `reader` may ask about. PermissionDenied for the bank's without the right to it."""
    if whose != BANK:
        return Scope(reader, tuple(Account.objects.owned_by(reader)))
    if not may_read_bank(reader):
        raise PermissionDenied("Only analysts and staff read the figures of the whole bank.")
    return Scope(reader, is_bank=True, names=reader.has_perm("accounts.view_user"))


def may_read_bank(reader: User) -> bool:
    """Whether somebody may read everybody's rows: analysts and staff."""
    return reader.has_perms(["transactions.view_transaction", "transactions.view_entry"])


def may_see_plans(reader: User) -> bool:
    """Whether somebody may see plans: they count rows that were read and thrown away, which are
    other people's."""
    return settings.DEBUG or may_read_bank(reader)


def currencies_of_bank() -> list[str]:
    """The currencies of all accounts, that of the most accounts first."""
    counted = (
        Account.objects.values("currency")
        .annotate(many=Count("pk"))
        .order_by("-many", "currency")
        .values_list("currency", flat=True)
    )
    return list(counted)
