"""Who may sign in, and with which address. `accounts.services` has these beside its own.

Each call is one database transaction, run again where it failed without a trace.
"""

import uuid
from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.mail import send_mail
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import User
from ledger.db.retry import with_retry

EMAIL_CHANGED = "Your sign-in address was changed"
# Does not name the new address: whoever reads the old mailbox need not learn it.
HOW_IT_CHANGED = """Hello,

the bank has changed the email address with which you sign in to Ledger. This address no
longer signs you in, and no mail about your accounts will come here.

If you did not ask for this, tell the bank at once.
"""


def deactivate_user(*, user: User | uuid.UUID) -> User:
    """Closes a person's sign-in and ends their sessions; accounts and history stay."""
    person, _ = _set_deleted_at(user, timezone.now())
    _end_sessions(person)
    return person


def reactivate_user(*, user: User | uuid.UUID) -> User:
    """Lets a person sign in again. What they were signed in to before stays ended."""
    return _set_deleted_at(user, None)[0]


def set_sign_in(*, user: User | uuid.UUID, is_open: bool) -> bool:
    """Either of the two; False where somebody was quicker."""
    person, has_changed = _set_deleted_at(user, None if is_open else timezone.now())
    if not is_open:
        _end_sessions(person)
    return has_changed


@with_retry
def change_email(*, user: User, email: str) -> User:
    """Gives a person another sign-in address, which they have yet to confirm.

    The old one goes from allauth's list as well: whoever reads that mailbox could otherwise
    still sign in with it, or have the password reset. It is told, in case the person is not
    the one who asked.
    """
    with db_transaction.atomic():
        person = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        old, user.email = person.email, email
        user.save(update_fields=["email"])
        EmailAddress.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=user.email, primary=True)
        db_transaction.on_commit(
            lambda: send_mail(EMAIL_CHANGED, HOW_IT_CHANGED, None, [old]), robust=True
        )
    return user


@with_retry
def _set_deleted_at(user: User | uuid.UUID, moment: datetime | None) -> tuple[User, bool]:
    """The person, and whether it was this call that changed it."""
    pk = user.pk if isinstance(user, User) else user
    with db_transaction.atomic(durable=True):
        person: User = User.objects.select_for_update(no_key=True).get(pk=pk)
        has_changed = (person.deleted_at is None) != (moment is None)
        if has_changed:
            person.deleted_at = moment
            person.save(update_fields=["deleted_at"])
    return person, has_changed


def _end_sessions(user: User) -> None:
    """Deletes the person's sessions, or they would come alive again with the sign-in.

    Which session is whose stands inside each, so all that are alive are read: a
    millisecond for twenty of them, and sign-ins are rarely closed.
    """
    alive = Session.objects.filter(expire_date__gt=timezone.now())
    for session in alive.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
