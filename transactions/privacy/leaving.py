"""Lets customers close their accounts and their sign-in themselves."""

from django.db import transaction as db_transaction

from accounts import services as account_services
from accounts.models import Account, User
from accounts.obstacles import Obstacle
from accounts.refusal_counts import counts_refusals
from ledger.db.retry import with_retry
from transactions.closing.services import obstacles_of_money
from transactions.exceptions import LedgerError
from transactions.privacy.personal_data import REGISTERED

STAFF = "You work for this bank. Ask a colleague to close your sign-in."
REASON = "Closed by the customer, who left the bank."


class CannotLeave(LedgerError):
    """The person's accounts cannot be closed yet. The field detail contains the reasons."""


def obstacles(person: User) -> list[Obstacle]:
    """Returns the obstacles that the person must remove before leaving the bank. The list is empty
    if the person can leave now.
    """
    if person.is_staff:
        return [Obstacle(STAFF)]
    accounts = list(Account.objects.owned_by(person).not_closed())
    return obstacles_of_money(accounts)


@counts_refusals
@with_retry
def leave(*, person: User) -> User:
    """Closes the person's accounts and sign-in, and ends the sessions, in one database transaction.
    Returns the person. The history stays.

    Raises CannotLeave if the person is staff, or if an account is frozen or has money or holds.
    Also raises the errors of `lock_active`. If an error is raised, nothing changes.
    """
    with db_transaction.atomic(durable=True):
        person = User.objects.lock_active(person.pk)
        if person.is_staff:
            raise CannotLeave(STAFF)
        ids = Account.objects.owned_by(person).not_closed().values_list("pk", flat=True)
        accounts = list(Account.objects.locked(list(ids)))
        if found := obstacles_of_money(accounts):
            raise CannotLeave(" ".join(obstacle.sentence for obstacle in found))
        for account in accounts:
            account_services.set_status(
                account, Account.Status.CLOSED, reason=REASON, changed_by=person
            )
        for data in REGISTERED:
            data.on_leaving(person)
        account_services.close_sign_in(person)
    return person
