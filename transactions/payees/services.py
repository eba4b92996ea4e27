"""Saves and removes payees."""

from django.db import transaction as db_transaction

from accounts.models import Account, User
from ledger.db.retry import with_retry
from transactions.exceptions import InvalidDetails
from transactions.models import Payee
from transactions.models.payee import id_of
from transactions.models.payment_file import NameCheck
from transactions.safeguards.names import compared
from transactions.safeguards.quota import Questions
from transactions.safeguards.recipients import knows

MOST_PAYEES = 500  # of one person
OWN_ACCOUNT = "This is an account of your own. You can choose it without saving it."
SAVED_ALREADY = "You have this payee already, so nothing was changed."
TOO_MANY = f"You have {MOST_PAYEES} payees. Remove one first."


@with_retry
def save_payee(
    *, owner: User, account: Account, name: str, note: str = "", is_new: bool = False
) -> Payee:
    """Saves an account under a name, in place of what the owner saved for this account before.
    With `is_new`, nothing is replaced; the same name and note again are saved once.

    A new name is compared with the holder's. If the owner does not see that one, a wrong name
    counts towards the limit of a day.
    Raises InvalidDetails if the account is the owner's, with MOST_PAYEES others, or for a payee
    that `is_new` and is not.
    """
    if account.user_id == owner.pk:
        raise InvalidDetails(OWN_ACCOUNT)
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)  # for the limit, and once
        mine, pk = Payee.objects.owned_by(owner), id_of(owner, account)
        before = mine.filter(pk=pk).first()
        if before is None and mine.count() >= MOST_PAYEES:
            raise InvalidDetails(TOO_MANY)
        if before and is_new and (before.name, before.note) != (name, note):
            raise InvalidDetails(SAVED_ALREADY)
        facts = {"name": name, "note": note}
        if before is None or before.name != name:
            facts["name_check"] = _compared(owner, account, name)
        saved, _is_new = mine.update_or_create(
            pk=pk, defaults=facts, create_defaults={**facts, "owner": owner, "account": account}
        )
        return saved


def _compared(owner: User, account: Account, name: str) -> NameCheck:
    """Who sees the holder's name anyway may call them anything."""
    if knows(owner, account):
        return compared(name, account.user.name)
    questions = Questions(owner.pk)
    check = questions.name(name, account.user.name)
    questions.write_down()
    return check


@with_retry
def remove_payee(*, payee: Payee) -> None:
    """Removes a payee. Removing it twice does no harm."""
    with db_transaction.atomic(durable=True):
        Payee.objects.filter(pk=payee.pk).delete()
