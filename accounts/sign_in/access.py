"""Opens and closes sign-ins and changes their addresses. `accounts.services` exports these
functions.

Each change runs in one database transaction and is retried after a conflict with another
transaction.
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
    """Closes a person's sign-in, ends the person's sessions and access tokens, and returns the
    person. The accounts and the history do not change.
    """
    return _close(user)[0]


def close_sign_in(person: User) -> None:
    """Closes the sign-in of a person who leaves the bank, ends the person's sessions and access
    tokens, and notifies the person by mail. Runs in the database transaction of the caller, who
    must have locked the person's row.
    """
    if person.deleted_at is None:
        person.deleted_at = timezone.now()
        person.save(update_fields=["deleted_at"])
        notices.notify(person, notices.LEFT)
    sessions.end_all(person, "sign_in_closed")


def sign_out_everywhere(*, user: User) -> int:
    """Ends all sessions and access tokens of a person and returns the number of sessions. If there
    was a session or token, notifies the person by mail. The person can sign in again.
    """
    tokens = token_ends.revoke_all(user, token_ends.BY_STAFF)
    ended = sessions.end_all(user, "by_staff")
    if ended or tokens:
        notices.notify(user, notices.SIGNED_OUT)
    return ended


@with_retry
def revoke_tokens(*, user: User, by: User | None, reason: str) -> int:
    """Revokes all access tokens of a person and returns their number. If there was a token,
    notifies the person by mail.
    """
    with db_transaction.atomic(durable=True):
        ended = token_ends.revoke_all(user, reason, by)
        if ended:
            notices.notify(user, notices.tokens_revoked(user, by))
    return ended


def sign_everybody_out(*, with_tokens: bool = False) -> int:
    """Ends all sessions of the bank, also sessions without a signed-in user. This may be necessary
    after somebody has stolen the table of sessions. Returns the number of sessions of signed-in
    users.

    With `with_tokens`, also revokes all access tokens. Sends no mails, because the bank explains
    the reason in its own mail.
    """
    if with_tokens:
        many = token_ends.end(Q(), token_ends.BY_COMMAND, None)
        security_log.record("credential.revoked", kind="access_token", reason="all", many=many)
    ended, _ = WebSession.objects.filter(user__isnull=False).delete()
    WebSession.objects.all().delete()
    security_log.record("session.ended", reason="everybody", sessions=ended)
    return ended


def reactivate_user(*, user: User | uuid.UUID) -> User:
    """Lets a person sign in again and returns the person. Sessions that were ended stay ended.

    Raises: PersonErased.
    """
    return _set_deleted_at(user, None)[0]


def set_sign_in(*, user: User | uuid.UUID, is_open: bool) -> bool:
    """Opens or closes the sign-in. Returns whether the state has changed.

    Raises: PersonErased if the sign-in of an erased person would be opened.
    """
    return _set_deleted_at(user, None)[1] if is_open else _close(user)[1]


def _close(user: User | uuid.UUID) -> tuple[User, bool]:
    """Closes the sign-in and ends all sessions and tokens. Returns the person, and whether the
    sign-in was open.

    Sessions are ended once before the sign-in is closed, without a lock. Otherwise requests of
    these sessions could lock the person's row again and again, and this call might never get the
    lock.
    """
    person = user if isinstance(user, User) else User.objects.get(pk=user)
    sessions.end_all(person, "sign_in_closed")
    person, has_changed = _set_deleted_at(person, timezone.now())
    sessions.end_all(person, "sign_in_closed")  # ends sessions that began in the meantime
    return person, has_changed


@with_retry
def change_email(*, user: User, email: str) -> User:
    """Changes the sign-in address, ends all sessions and access tokens, and returns the user. The
    user must confirm the new address.

    Also deletes all addresses of the user in allauth, and the connection to the provider. Otherwise
    a person who can read the old mailbox could still sign in. Notifies the old address by mail.

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
    """Closes the sign-in at the time `moment`, or opens the sign-in if `moment` is None. Notifies
    the person by mail. Returns the person, and whether the state has changed.

    Raises: PersonErased if the sign-in of an erased person would be opened.
    """
    pk = user.pk if isinstance(user, User) else user
    with db_transaction.atomic(durable=True):
        person: User = User.objects.locked([pk]).get()
        current_access.refuse_if_ended()
        has_changed = (person.deleted_at is None) != (moment is None)
        if has_changed:
            if moment is None:
                person.refuse_if_erased()
                # A crash may have left sessions after the sign-in was closed
                sessions.end_all(person, "sign_in_closed")
            person.deleted_at = moment
            person.save(update_fields=["deleted_at"])
            notices.notify(person, notices.SIGN_IN_CLOSED if moment else notices.SIGN_IN_OPENED)
    return person, has_changed
