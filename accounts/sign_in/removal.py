"""Removes a password or a passkey, but never the user's last way to sign in.

`remove_password` and `remove_passkey` lock the user's row, so the second of two parallel removals
sees the result of the first. Pages call them under the lock of Note [Lock of a session].
"""

from allauth.mfa.models import Authenticator
from django.db import transaction as db_transaction

from accounts.exceptions import LastWayIn, PasswordTooShort
from accounts.models import User
from accounts.refusal_counts import counts_refusals
from accounts.sign_in import notices, sessions
from accounts.sign_in.factors import SECOND_FACTORS, Kind, factors_of
from accounts.sign_in.passwords import TOO_SHORT_WITHOUT_FACTOR, is_too_short_without
from ledger.db.retry import with_retry
from ledger.web import security_log

NO_PASSKEY = (
    "You can sign in only with your password. Add a passkey first, then remove the password."
)
LAST_PASSKEY = "You have no other way to sign in. Choose a password or add another passkey first."


@counts_refusals
@with_retry
def remove_password(*, user: User) -> User:
    """Removes the password, ends all sessions (also the current session), and returns the user. The
    user can then sign in only with passkeys.

    Raises: LastWayIn if the user has no passkey that can be used without a password.
    """
    with db_transaction.atomic():
        person = _locked(user)
        if not factors_of(person).signs_in_without_password:
            raise LastWayIn(NO_PASSKEY)
        person.set_unusable_password()
        person.save(update_fields=["password"])
    return person


@counts_refusals
@with_retry
def remove_passkey(*, passkey: Authenticator) -> list[Authenticator]:
    """Removes a passkey and returns the removed rows. If no second factor remains, also removes the
    recovery codes.

    Raises: LastWayIn if there is no other way to sign in; PasswordTooShort if only the password
    would remain and the password is too short to be the only factor.
    """
    with db_transaction.atomic():
        person = _locked(passkey.user)
        if not factors_of(person).signs_in_without(passkey.pk):
            raise LastWayIn(LAST_PASSKEY)
        if is_too_short_without(person, passkey):
            raise PasswordTooShort(TOO_SHORT_WITHOUT_FACTOR)
        mine = Authenticator.objects.filter(user=person)
        removed = list(mine.filter(pk=passkey.pk))
        if not mine.filter(type__in=SECOND_FACTORS).exclude(pk=passkey.pk).exists():
            removed += mine.filter(type=Kind.RECOVERY_CODES)
        mine.filter(pk__in=[factor.pk for factor in removed]).delete()
    return removed


@with_retry
def remove_second_factors(*, user: User) -> int:
    """Removes every second factor and the recovery codes, ends all sessions, and notifies the user
    by mail. Also removes a password that is too short to be the only protection. This helps users
    who have lost all factors.

    Returns the number of removed rows. Changes nothing if the user has no factors.
    """
    with db_transaction.atomic(durable=True):
        person = _locked(user)
        mine = Authenticator.objects.filter(user=person)
        kinds = list(mine.values_list("type", flat=True))
        if not kinds:
            return 0
        # Must happen first, see Note [Lock of a session]
        sessions.end_all(person, "factors_removed")
        mine.delete()
        too_short = person.has_usable_password() and not person.password_is_long
        if too_short:
            person.set_unusable_password()
            person.save(update_fields=["password"])
        notice = notices.factors_removed(kinds, person, password_removed=too_short)
        notices.notify(person, notice)
    sessions.end_all(person, "factors_removed")  # ends sessions that began in the meantime
    for kind in sorted(set(kinds)):
        security_log.record("factor.removed", person=person, kind=kind)
    return len(kinds)


def _locked(user: User) -> User:
    """Returns the user's current row, with a lock until the transaction ends."""
    person: User = User.objects.locked([user.pk]).get()
    return person
