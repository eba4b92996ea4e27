"""Decides which recipients a person may pay and see by name: the person's accounts, known
recipients and strangers.

A recipient is known if money was booked between the recipient and the person, in either direction.
The name is then on the account statement and the receipts, too. A recipient is new until the person
has paid the recipient. Bookings by staff, such as refunds, are not payments by the person.
"""

import uuid
from collections.abc import Collection

from django.db.models import Q

from accounts.models import Account, User
from ledger.db.queries.tsqueries import LexemeQuery, account_lexeme, any_account
from transactions.exceptions import CurrencyMismatch, RecipientClosed, RecipientFull
from transactions.models import Transaction
from transactions.models.transaction import TransactionQuerySet
from transactions.safeguards.names import masked_name

NOT_PAYABLE = (
    "This number cannot receive this payment: the account does not exist, is closed, or is in "
    "another currency. Compare the number with the original."
)
CANNOT_RECEIVE = (
    "This account cannot receive this payment. It may be closed, or in another currency."
)
# Errors with messages that would reveal something about the recipient's account.
RECIPIENT_REFUSED = (CurrencyMismatch, RecipientClosed, RecipientFull)
NOBODY = uuid.UUID(int=0)


def paid_by(person: User) -> Q:
    """Returns the condition for transfers that the person made, from any account.

    Transfers without an author, such as imported transfers, are included. Bookings by staff,
    refunds and captured holds are not included.
    """
    author = Q(created_by=person) | Q(created_by=None)
    return author & Q(
        type=Transaction.Type.TRANSFER, status=Transaction.Status.COMPLETED, reverses=None,
        captures=None,
    )  # fmt: skip


def own_accounts(person: uuid.UUID) -> list[uuid.UUID]:
    """Returns the ids of all accounts of a person, including closed accounts."""
    return list(Account.objects.filter(user=person).values_list("pk", flat=True))


def known_among(person: uuid.UUID, accounts: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Returns the ids of those `accounts` whose holder's name the person may see: the person's
    accounts, accounts that the person has paid, and accounts that have paid the person. Holds do
    not count.
    """
    own, booked = own_accounts(person), Transaction.objects.filter(status="completed")
    paid = booked.filter(from_account__in=own, to_account__in=accounts)
    payers = booked.filter(to_account__in=own, from_account__in=accounts)
    known = paid.values_list("to_account").union(payers.values_list("from_account"))
    return {pk for (pk,) in known} | (set(accounts) & set(own))


def has_paid(person: User, account: Account | None) -> bool:
    """Returns whether any account of the person has paid this account."""
    paid: bool = _between(person, account).filter(paid_by(person), to_account=account).exists()
    return paid


def knows(person: User, account: Account | None) -> bool:
    """Returns whether the person may see the name of the account's holder: the account belongs to
    the person, or money was booked between the person and the account's holder. If `account` is
    None, runs the same query, so that the response time does not reveal whether an account exists.
    """
    has_dealt: bool = _between(person, account).exists()
    return has_dealt or (account is not None and account.user_id == person.pk)


def shown_name(person: User, account: Account) -> str:
    """Returns the recipient's name as the person may see it: the name of the person's own account,
    the holder's name, or the masked name.
    """
    if account.user_id == person.pk:
        return account.name
    name: str = account.user.name
    return name if knows(person, account) else masked_name(name)


def is_payable(sender: Account, recipient: Account | None) -> bool:
    """Returns whether the recipient's account exists, is open, and has the same currency as the
    sender.
    """
    return (
        recipient is not None and not recipient.is_closed and recipient.currency == sender.currency
    )


def _between(person: User, account: Account | None) -> TransactionQuerySet:
    """Returns the completed transactions between a person and an account. The query uses the search
    column (see Note [Search column]), so it is fast even if both have many payments.
    """
    own, other = own_accounts(person.pk), account.pk if account else NOBODY
    if not own:
        return Transaction.objects.none()  # type: ignore[no-any-return]
    sides = LexemeQuery(f"({any_account(own)}) & {account_lexeme(other)}")
    either_way = Q(from_account__in=own, to_account=other) | Q(
        from_account=other, to_account__in=own
    )
    rows: TransactionQuerySet = Transaction.objects.filter(either_way, status="completed")
    return rows.filter(search=sides)
