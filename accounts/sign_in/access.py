"""Controls who may sign in, and with which address. `accounts.services` exports these functions.

Each change is one database transaction, retried after a conflict with another one.
"""

import uuid
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import transaction as db_transaction
from django.db.models import Q
from django.utils import timezone

from accounts import current_access
from accounts.models import User, WebSession
from accounts.sign_in import notices, sessions, token_ends
from ledger.db.retry import with_retry
from ledger.web import security_log


def deactivate_user(*, user: User | uuid.UUID) -> User:
    """Closes a person's sign-in and ends their sessions. Accounts and history stay."""
    return _close(user)[0]


def close_sign_in(person: User) -> None:
    """Closes the sign-in of a person who leaves, and ends their sessions, as part of the caller's
    database transaction, which has locked the person's row. Notifies the person by mail.
    """
    if person.deleted_at is None:
        person.deleted_at = timezone.now()
        person.save(update_fields=["deleted_at"])
        notices.notify(person, notices.LEFT)
    sessions.end_all(person, "sign_in_closed")


def sign_out_everywhere(*, user: User) -> int:
    """Ends all sessions and access tokens of a person, who can sign in again. Notifies the person
    by mail if there were any. Returns the number of sessions.
    """
    tokens = token_ends.revoke_all(user, token_ends.BY_STAFF)
    ended = sessions.end_all(user, "by_staff")
    if ended or tokens:
        notices.notify(user, notices.SIGNED_OUT)
    return ended


@with_retry
def revoke_tokens(*, user: User, by: User | None, reason: str) -> int:
    """Revokes all access tokens of a person, and notifies the person by mail if there were any.
    Returns their number.
    """
    with db_transaction.atomic(durable=True):
        ended = token_ends.revoke_all(user, reason, by)
        if ended:
            notices.notify(user, notices.tokens_revoked(user, by))
    return ended


def sign_everybody_out(*, with_tokens: bool = False) -> int:
    """Ends all sessions, including those without a signed-in user, for example after a leak of the
    table. With `with_tokens`, also revokes all access tokens, although a leak contains only their
    digests. Returns the number of sessions of signed-in users. Sends no mails, because the bank
    explains this itself.
    """
    if with_tokens:
        many = token_ends.end(Q(), token_ends.BY_COMMAND, None)
        security_log.record("credential.revoked", kind="access_token", reason="all", many=many)
    ended, _ = WebSession.objects.filter(user__isnull=False).delete()
    WebSession.objects.all().delete()
    security_log.record("session.ended", reason="everybody", sessions=ended)
    return ended


def reactivate_user(*, user: User | uuid.UUID) -> User:
    """Lets a person sign in again. Their old sessions stay ended.

    Raises: PersonErased.
    """
    return _set_deleted_at(user, None)[0]


def set_sign_in(*, user: User | uuid.UUID, is_open: bool) -> bool:
    """Opens or closes the sign-in. Returns False if it already was open or closed.

    Raises: PersonErased when opening.
    """
    return _set_deleted_at(user, None)[1] if is_open else _close(user)[1]


def _close(user: User | uuid.UUID) -> tuple[User, bool]:
    """Closes the sign-in and ends all sessions and tokens, before and after. Returns the person,
    and whether the sign-in was open.

    Ending sessions needs no lock on the person's row. The requests of a session may lock this row
    again and again; they stop even if this call cannot get the lock.
    """
    person = user if isinstance(user, User) else User.objects.get(pk=user)
    sessions.end_all(person, "sign_in_closed")
    person, has_changed = _set_deleted_at(person, timezone.now())
    sessions.end_all(person, "sign_in_closed")  # sessions that began in between
    return person, has_changed


@with_retry
def change_email(*, user: User, email: str) -> User:
    """Changes the sign-in address; the new address must be confirmed.

    Also deletes the old address in allauth, because its mailbox could still sign in or reset the
    password, and the connected provider, whose account the same mailbox may open. A mail to the old
    address reports the change.

    Raises: PersonErased.
    """
    with db_transaction.atomic():
        person = User.objects.locked([user.pk]).get()
        person.refuse_if_erased()
        sessions.end_all(person, "address_changed")
        old, user.email = person.email, email
        user.save(update_fields=["email"])
        EmailAddress.objects.filter(user=user).delete()
        SocialAccount.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=user.email, primary=True)
        notices.notify(person, notices.ADDRESS_CHANGED, email=old)
    return user


@with_retry
def _set_deleted_at(user: User | uuid.UUID, moment: datetime | None) -> tuple[User, bool]:
    """Closes the sign-in at this time, or opens it for None, and notifies the person by mail.
    Returns the person, and whether this call changed anything.

    Raises: PersonErased when opening.
    """
    pk = user.pk if isinstance(user, User) else user
    with db_transaction.atomic(durable=True):
        person: User = User.objects.locked([pk]).get()
        current_access.refuse_if_ended()
        has_changed = (person.deleted_at is None) != (moment is None)
        if has_changed:
            if moment is None:
                person.refuse_if_erased()
                sessions.end_all(person, "sign_in_closed")  # sessions left by a crash
            person.deleted_at = moment
            person.save(update_fields=["deleted_at"])
            notices.notify(person, notices.SIGN_IN_CLOSED if moment else notices.SIGN_IN_OPENED)
    return person, has_changed
