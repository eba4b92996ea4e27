"""Saves and removes payees."""

from django.db import transaction as db_transaction

from accounts.models import Account, User
from ledger.db.retry import with_retry
from transactions.exceptions import InvalidDetails
from transactions.models import NameCheck
from transactions.payees.models import Payee, id_of
from transactions.safeguards.names import compared
from transactions.safeguards.quota import name_check
from transactions.safeguards.recipients import knows

MAX_PAYEES = 500  # per person
OWN_ACCOUNT = "This is your own account. You can choose it without saving it."
SAVED_ALREADY = "You have already saved this payee, so nothing was changed."
TOO_MANY = f"You have {MAX_PAYEES} payees. Remove one first."


def save_payee(
    *, owner: User, account: Account, name: str, note: str = "", is_new: bool = False
) -> Payee:
    """Saves an account as a payee with a name and a note, and returns the payee. Replaces the name
    and the note of an existing payee, unless `is_new`.

    A new name is compared with the name of the account's holder. If the owner may not see the
    holder's name, a wrong name counts towards the daily limit. The count is written in a separate
    database transaction before the payee is saved. An upload also locks the count before the
    owner's row, so there is no deadlock with an upload.

    Raises InvalidDetails if the account belongs to the owner, if the owner already has MAX_PAYEES
    other payees, or if `is_new` and the payee exists with another name or note.
    """
    if account.user_id == owner.pk:
        raise InvalidDetails(OWN_ACCOUNT)
    payee = Payee(pk=id_of(owner, account), owner=owner, account=account, name=name, note=note)
    before, check = _saved_before(payee, is_new=is_new), NameCheck.NONE
    if before is None or before.name != name:
        check = _compared(owner, account, name)
    return _save(payee, check, is_new=is_new)


@with_retry
def _save(payee: Payee, check: NameCheck, *, is_new: bool) -> Payee:
    """Saves and returns the payee. Stores `check` only if the name is new."""
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(payee.owner_id)  # makes the limit exact for parallel requests
        before = _saved_before(payee, is_new=is_new)
        facts = {"name": payee.name, "note": payee.note}
        if before is None or before.name != payee.name:
            facts["name_check"] = check
        created = {**facts, "owner": payee.owner, "account": payee.account}
        saved, _is_new = Payee.objects.update_or_create(
            pk=payee.pk, defaults=facts, create_defaults=created
        )
        return saved


def _saved_before(payee: Payee, *, is_new: bool) -> Payee | None:
    """Returns the stored payee, or None if the account is not saved yet. Raises InvalidDetails as
    described at `save_payee`.
    """
    mine = Payee.objects.owned_by(payee.owner)
    before: Payee | None = mine.filter(pk=payee.pk).first()
    if before is None and mine.count() >= MAX_PAYEES:
        raise InvalidDetails(TOO_MANY)
    if before and is_new and (before.name, before.note) != (payee.name, payee.note):
        raise InvalidDetails(SAVED_ALREADY)
    return before


def _compared(owner: User, account: Account, name: str) -> NameCheck:
    """Returns the result of comparing the name with the holder's name. A wrong name counts towards
    the daily limit, unless the owner knows the account.
    """
    if knows(owner, account):
        return compared(name, account.user.name)
    return name_check(owner.pk, name, account.user.name)


@with_retry
def remove_payee(*, payee: Payee) -> None:
    """Removes a payee. Does nothing if the payee no longer exists."""
    with db_transaction.atomic(durable=True):
        Payee.objects.filter(pk=payee.pk).delete()
