"""Closes an account for its owner, and finds the obstacles to closing an account."""

from collections.abc import Callable, Sequence

from django.db import transaction as db_transaction
from django.urls import reverse

from accounts import services as account_services
from accounts.models import Account, User
from accounts.obstacles import DEBT, HELD, MONEY, NO_LINK, Link, Obstacle, obstacles_to_closing
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import with_retry
from transactions.exceptions import LedgerError

REASON = "Closed by the customer."
STAFF = "You work for this bank. Ask a colleague to close your account."
# A function that returns obstacles to closing an account.
Find = Callable[[Account], list[Obstacle]]
FINDERS: list[Find] = []


class CannotClose(LedgerError):
    """The account cannot be closed yet. The field detail contains all obstacles."""


def register(find: Find) -> Find:
    """Registers a function that returns obstacles to closing an account. Use `register` as a
    decorator in the module `closing_obstacles` of a feature.
    """
    FINDERS.append(find)
    return find


def obstacles(person: User, account: Account) -> list[Obstacle]:
    """Returns the obstacles that the owner must remove before this account can be closed. The list
    is empty if the account can be closed now.
    """
    if person.is_staff:
        return [Obstacle(STAFF)]
    further = [obstacle for find in FINDERS for obstacle in find(account)]
    return [*obstacles_of_money([account]), *further]


def obstacles_of_money(accounts: Sequence[Account]) -> list[Obstacle]:
    """Returns the obstacles to closing these accounts, with links to pages for customers. Obstacles
    are, for example: an account is frozen, or has holds, money or debts.
    """
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
    """Closes an account permanently for its owner, and returns the account. Does nothing if the
    account is already closed.

    Raises CannotClose with all obstacles, or an error of `lock_active`.
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
