"""Who somebody may pay and see by name: own accounts, known recipients, strangers.

A recipient is known if money was booked between them and the person, in either direction; then the
statement and the receipts show the name too. A recipient is new until the person has paid them:
what staff booked between them, such as a refund, does not make them known to the person.
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
    "No account with this number can receive this payment: there is none, it is closed, or it is "
    "in another currency. Compare the number with the original."
)
CANNOT_RECEIVE = (
    "This account cannot receive this payment. It may be closed, or in another currency."
)
# Refusals whose sentence tells something about the recipient's account.
RECIPIENT_REFUSED = (CurrencyMismatch, RecipientClosed, RecipientFull)
NOBODY = uuid.UUID(int=0)


def paid_by(person: User) -> Q:
    """Transfers that the person made themselves, out of any account. Not what staff booked, a
    refund or a captured hold. Rows without an author, such as those of an import, count as theirs.
    """
    author = Q(created_by=person) | Q(created_by=None)
    return author & Q(
        type=Transaction.Type.TRANSFER, status=Transaction.Status.COMPLETED, reverses=None,
        captures=None,
    )  # fmt: skip


def own_accounts(person: uuid.UUID) -> list[uuid.UUID]:
    """The ids of a person's accounts, closed ones too."""
    return list(Account.objects.filter(user=person).values_list("pk", flat=True))


def known_among(person: uuid.UUID, accounts: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """The accounts out of these whose holders the person may see by name: their own, those that
    they have paid, and those that have paid them. Holds do not count.
    """
    own, booked = own_accounts(person), Transaction.objects.filter(status="completed")
    paid = booked.filter(from_account__in=own, to_account__in=accounts)
    payers = booked.filter(to_account__in=own, from_account__in=accounts)
    known = paid.values_list("to_account").union(payers.values_list("from_account"))
    return {pk for (pk,) in known} | (set(accounts) & set(own))


def has_paid(person: User, account: Account | None) -> bool:
    """Whether the person has paid this account from any of theirs, by themselves."""
    paid: bool = _between(person, account).filter(paid_by(person), to_account=account).exists()
    return paid


def knows(person: User, account: Account | None) -> bool:
    """Whether the person may see the holder's name: their own account, or money was booked between
    them. Without an account the work is the same.
    """
    has_dealt: bool = _between(person, account).exists()
    return has_dealt or (account is not None and account.user_id == person.pk)


def shown_name(person: User, account: Account) -> str:
    """The recipient for the person's eyes: another of their own accounts, a name, or its mask."""
    if account.user_id == person.pk:
        return account.name
    name: str = account.user.name
    return name if knows(person, account) else masked_name(name)


def is_payable(sender: Account, recipient: Account | None) -> bool:
    """Whether a stranger's account could receive money from the sender."""
    return (
        recipient is not None and not recipient.is_closed and recipient.currency == sender.currency
    )


def _between(person: User, account: Account | None) -> TransactionQuerySet:
    """What was booked between a person and an account, found by Note [Search column]: neither a
    busy sender nor a busy recipient makes it slow.
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
