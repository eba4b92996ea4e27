"""Closes a person's own account, and names what keeps it open."""

from collections.abc import Sequence

from django.db import transaction as db_transaction
from django.db.models import Q
from django.urls import reverse

from accounts import services as account_services
from accounts.models import Account, User
from accounts.obstacles import DEBT, HELD, MONEY, NO_LINK, Link, Obstacle, obstacles_to_closing
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import with_retry
from transactions.exceptions import LedgerError
from transactions.models import PaymentFile, StandingOrder

REASON = "Closed by the customer."
STAFF = "You work for this bank. Ask a colleague to close your account."


class CannotClose(LedgerError):
    """Something keeps the account open; the text says what."""


def obstacles(person: User, account: Account) -> list[Obstacle]:
    """What the owner has to do before they can close this account."""
    if person.is_staff:
        return [Obstacle(STAFF)]
    return [*obstacles_of_money([account]), *_orders(account), *_files(account)]


def obstacles_of_money(accounts: Sequence[Account]) -> list[Obstacle]:
    """Freezes, holds, money and debts of a person's accounts, with the pages of customers."""
    found = obstacles_to_closing(accounts, _link)
    sentences = []
    for account in accounts:
        if account.is_frozen:
            frozen = f"{account.name} is frozen. Ask the bank to unfreeze it first."
            sentences.append(Obstacle(frozen))
        sentences += found[account.pk]
    return sentences


@counts_refusals
@with_retry
def close_own_account(*, account: Account, person: User) -> Account:
    """Closes an account for its owner, for good. Nothing changes if it is closed already.

    Raises CannotClose, with nothing changed, with all obstacles, and as `lock_active` does.
    """
    with db_transaction.atomic(durable=True):
        person = User.objects.lock_active(person.pk)
        locked: Account = Account.objects.locked([account.pk]).get(user=person)
        if locked.is_closed:
            return locked
        if found := obstacles(person, locked):
            raise CannotClose(" ".join(obstacle.sentence for obstacle in found))
        account_services.set_status(locked, Account.Status.CLOSED, reason=REASON, changed_by=person)
        return locked


def _link(kind: str, account: Account) -> Link:
    transfer = reverse("transactions:transfer")
    links = {
        HELD: ("See the holds", reverse("transactions:statement", args=[account.pk])),
        MONEY: ("Send money", f"{transfer}?from={account.pk}"),
        DEBT: ("Add money", reverse("add_money")),
    }
    return links.get(kind, NO_LINK)


def _orders(account: Account) -> list[Obstacle]:
    """The owner's standing orders from this account, or to it."""
    sides = Q(from_account=account) | Q(to_account=account)
    owner = StandingOrder.objects.owned_by(account.user)
    if not (count := owner.filter(sides).not_ended().count()):
        return []
    pay, them = ("standing order pays", "it") if count == 1 else ("standing orders pay", "them")
    sentence = f"{count} {pay} from or to {account.name}; end {them} first."
    return [Obstacle(sentence, "Standing orders", reverse("transactions:standing_orders"))]


def _files(account: Account) -> list[Obstacle]:
    """Files that the owner uploaded, and whose payments are not all made."""
    waiting = (PaymentFile.State.STORED, PaymentFile.State.CHECKED, PaymentFile.State.PAYING)
    rows = PaymentFile.objects.filter(
        from_account=account, created_by=account.user_id, state__in=waiting
    )
    return [
        Obstacle(
            f"The payment file {file.name} waits; pay it or remove it first.",
            "Go to the file",
            reverse("transactions:file", args=[file.pk]),
        )
        for file in rows.newest_first()
    ]
