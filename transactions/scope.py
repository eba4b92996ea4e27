"""The scope of a reader: the rows that the reader may query in every search and report."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q

from accounts.models import Account, User
from accounts.models.account import AccountQuerySet
from accounts.models.token_rights import SEE_NAMES
from accounts.shown import opened_by_right
from ledger.db.rights.row_security import read_bank
from transactions.models import Entry, Transaction
from transactions.models.entry import EntryQuerySet
from transactions.models.transaction import TransactionQuerySet

MINE, BANK = "mine", "bank"  # the kinds of scope, and the values of the URL parameter `whose`


@dataclass(frozen=True, slots=True)
class Scope:
    """The reader's own accounts, or the whole bank (`is_bank` is true and `accounts` is empty).

    `shows_names`: the reader may see the names of other people. `finds_texts`: the reader may see
    and search texts that people wrote. `finds_numbers`: the reader may see and search whole account
    numbers, not only the last digits. `finds_addresses`: in the whole bank, the reader may also
    find people by email address.

    Query rows only through `transactions()`, `entries()` and `flows()`, which return no row outside
    the scope.
    """

    reader: User
    accounts: tuple[Account, ...] = ()
    is_bank: bool = False
    shows_names: bool = True
    finds_texts: bool = True
    finds_numbers: bool = True
    finds_addresses: bool = True

    @property
    def kind(self) -> str:
        """MINE or BANK, the value of the URL parameter `whose`."""
        return BANK if self.is_bank else MINE

    @property
    def own_reader(self) -> User | None:
        """The user whose own categories are used: the reader, or None for the whole bank."""
        return None if self.is_bank else self.reader

    @property
    def ids(self) -> list[UUID]:
        """The ids of the reader's own accounts, or an empty list for the whole bank."""
        return [account.pk for account in self.accounts]

    @property
    def currencies(self) -> list[str]:
        """The currencies of the accounts in the scope, the most frequent first."""
        if self.is_bank:
            return currencies_of_bank()
        currencies = [account.currency for account in self.accounts]
        return sorted(set(currencies), key=lambda currency: (-currencies.count(currency), currency))

    def all_accounts(self) -> AccountQuerySet:
        """Returns all accounts in the scope, including closed accounts."""
        accounts: AccountQuerySet = Account.objects.all()
        return accounts if self.is_bank else accounts.filter(pk__in=self.ids)

    def transactions(self) -> TransactionQuerySet:
        """Returns all transactions, including holds, whose payer's or payee's account is in the
        scope.
        """
        rows: TransactionQuerySet = Transaction.objects.all()
        if self.is_bank:
            return rows
        return rows.filter(Q(from_account__in=self.ids) | Q(to_account__in=self.ids))

    def entries(self) -> EntryQuerySet:
        """Returns all booked entries of the accounts in the scope."""
        entries: EntryQuerySet = Entry.objects.all()
        return entries if self.is_bank else entries.filter(account__in=self.ids)

    def flows(self, currency: str) -> EntryQuerySet:
        """Returns the entries in this currency that change the total of the scope. Transfers
        between two accounts of the scope are left out.

        For a person, these are payments from or to other people. For the bank, these are deposits
        and withdrawals.
        """
        return self.entries().filter(self.is_outside, currency=currency)

    @property
    def is_outside(self) -> Q:
        """The condition that the other account of an entry is outside the scope."""
        is_outside = Q(counterparty__isnull=True)
        return is_outside if self.is_bank else is_outside | ~Q(counterparty__in=self.ids)


def newest_first(rows: TransactionQuerySet, scope: Scope) -> TransactionQuerySet:
    """Orders transactions of a scope by booking time, newest first. Use this function only for
    queries of the first rows.

    For the whole bank, this order uses the index of Note [Newest of the bank], so that Postgres
    stops after enough rows. The few rows of a single reader are sorted.
    """
    newest: TransactionQuerySet = (
        rows.newest_first() if scope.is_bank else rows.order_by("-created_at")
    )
    return newest


def scope_for(reader: User, kind: str = MINE) -> Scope:
    """Returns the reader's scope of this kind. BANK means the whole bank, and any other kind means
    the reader's own accounts.

    Raises PermissionDenied for BANK if the reader may not read data of the whole bank.
    """
    if kind != BANK:
        return Scope(reader, tuple(Account.objects.owned_by(reader)))
    if not may_read_bank(reader):
        raise PermissionDenied("Only analysts and staff may see data of the whole bank.")
    read_bank()
    opened_by_right()
    sees_names = reader.has_perm(SEE_NAMES)
    return Scope(
        reader,
        is_bank=True,
        shows_names=sees_names,
        finds_texts=sees_names,
        finds_numbers=sees_names,
    )


def may_read_bank(reader: User) -> bool:
    """Returns whether the reader may read the rows of all people, as analysts and staff may.

    Returns False for a reader who is no longer staff but still in a group that may see names.
    """
    is_staff = reader.is_staff or reader.is_superuser
    return reader.has_perms(["transactions.view_transaction", "transactions.view_entry"]) and (
        is_staff or not reader.has_perm(SEE_NAMES)
    )


def may_see_names(reader: User) -> bool:
    """Returns whether the reader may see the names of all people in the bank."""
    return may_read_bank(reader) and reader.has_perm(SEE_NAMES)


def may_see_plans(reader: User) -> bool:
    """Returns whether the reader may see query plans. The row counts in a plan include rows of
    other people.
    """
    return settings.DEBUG or may_read_bank(reader)


def may_explore_bank(reader: User) -> bool:
    """Returns whether the reader may query the rows of the whole bank with SQL in the explorer."""
    is_open = settings.LEDGER_EXPLORER != "off"
    return is_open and may_read_bank(reader) and reader.has_perm("explorer.use_explorer")


def currencies_of_bank() -> list[str]:
    """Returns the currencies of all accounts in the bank, the most frequent first."""
    counted = (
        Account.objects.values("currency")
        .annotate(many=Count("pk"))
        .order_by("-many", "currency")
        .values_list("currency", flat=True)
    )
    return list(counted)
