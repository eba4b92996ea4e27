"""Handles sign-ins, sign-outs and changes of credentials: writes the logs, ends sessions and sends
mails. The handlers are connected to signals of Django and allauth, so every page triggers them.
"""

from datetime import timedelta
from typing import Any

from allauth.account import signals as account_signals
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import signals as auth_signals
from django.contrib.auth import update_session_auth_hash
from django.db import transaction as db_transaction
from django.db.models.signals import m2m_changed, pre_save
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts.models import SignIn, User
from accounts.models.rights import read_session_version
from accounts.sign_in import devices, places, sessions, step_up
from accounts.sign_in.addresses import confirm_only_address, give_to_owner, may_be_a_strangers
from accounts.sign_in.factors import SECOND_FACTORS
from ledger.web import security_log

LONGEST_METHOD = 20
SIGN_UP = "sign_up"
SIGNED_UP = "signed_up"  # key of an authentication record: the password was chosen at sign-up
WHAT_ENDED = (
    "Your address is confirmed. The settings of the sign-up are no longer valid, because "
    "somebody else may have chosen these settings. Choose a password on the page Security."
)
SAME_ATTACK = timedelta(minutes=5)
# Sent when a user who has signed in before signs in on a new device, in the database transaction of
# the row `sign_in`.
new_device = Signal()


def connect() -> None:
    """Connects the functions of this module to the signals."""
    for through in (User.groups.through, User.user_permissions.through):
        m2m_changed.connect(read_session_version, sender=through)
    auth_signals.user_logged_in.connect(sessions.begin)
    auth_signals.user_logged_out.connect(_signed_out)
    account_signals.user_signed_up.connect(_signed_up)
    account_signals.user_logged_in.connect(_signed_in)
    account_signals.authentication_step_completed.connect(_proved)
    account_signals.password_changed.connect(_password_changed)
    account_signals.password_set.connect(_password_changed)
    account_signals.password_reset.connect(_password_reset)
    account_signals.email_changed.connect(_address_changed)
    account_signals.email_confirmed.connect(_address_confirmed)
    pre_save.connect(_address_saved, sender=EmailAddress)
    factor_signals.authenticator_added.connect(_factor_added)
    factor_signals.authenticator_removed.connect(_factor_removed)
    factor_signals.authenticator_reset.connect(_factor_reset)
    factor_signals.authentication_failed.connect(_factor_refused)


def person_with(email: str) -> User | None:
    """Returns the user who signs in with this address, or None."""
    people = filter_users_by_email(email, prefer_verified=True, for_login=True) if email else []
    return people[0] if people else None


def refused_sign_in(
    request: HttpRequest, person: User | None, method: str, *, limit: str = ""
) -> None:
    """Records a wrong password or code. Runs the same queries for an unknown address, so that the
    response takes the same time.

    `limit` is the name of a rate limit that refused the attempt, if the response must look like a
    wrong password. Only the security log then contains the limit.
    """
    _note(request, person, SignIn.Status.REFUSED, method)
    if limit:
        security_log.record(
            "sign_in", outcome="limited", person=person, request=request, limit=limit
        )
        return
    security_log.record("sign_in", outcome="refused", person=person, request=request, method=method)


def limited_sign_in(
    request: HttpRequest, person: User | None, limit: str, method: str = "password"
) -> None:
    """Records an attempt that was not checked because of a rate limit. If there are many such
    attempts, the list on the user's page contains only the first attempt.
    """
    latest = SignIn.objects.filter(user=person, outcome=SignIn.Status.LIMITED)
    if not latest.filter(at__gt=timezone.now() - SAME_ATTACK).exists():
        _note(request, person, SignIn.Status.LIMITED, method)
    security_log.record("sign_in", outcome="limited", person=person, request=request, limit=limit)


def _signed_up(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    """Records in the session that the user entered the password at sign-up. The record takes effect
    only when the code from the mail has completed the sign-in.
    """
    if user.has_usable_password():
        record_authentication(request, user, "password", **{SIGNED_UP: True})


def _signed_in(
    *, request: HttpRequest, response: HttpResponseBase, user: User, **_signal: Any
) -> None:
    method = method_of(request, user)
    is_known = bool(devices.known_device(request, user))
    is_first = not SignIn.objects.of(user).succeeded().exists()
    is_notified = not is_known and not is_first
    with db_transaction.atomic():
        row = _note(request, user, SignIn.Status.OK, method)
        if is_notified:
            new_device.send(sender=SignIn, sign_in=row)
    devices.remember(request, response, user)
    security_log.record(
        "sign_in", person=user, request=request, method=method, new_device=not is_known
    )
    if is_notified:
        get_adapter(request).send_notification_mail(
            "account/email/new_device", user, {"device": row.device, "place": row.place}
        )


def method_of(request: HttpRequest, user: User) -> str:
    """Returns the method of the user's latest proof of identity, for example password, code,
    passkey, mfa or socialaccount. Returns SIGN_UP if the user has only signed up and confirmed the
    address.
    """
    records = get_authentication_records(request, user)
    if not records or records[-1].get(SIGNED_UP):
        return SIGN_UP
    if records[-1].get("type") == Authenticator.Type.WEBAUTHN:
        return "passkey"
    return str(records[-1]["method"])[:LONGEST_METHOD]


def _note(request: HttpRequest, user: User | None, outcome: SignIn.Status, method: str) -> SignIn:
    return SignIn.objects.create(
        user=user,
        outcome=outcome,
        method=method,
        device=devices.words_for(request)[:100],
        place=places.words_for(request)[:200],
    )


def _signed_out(*, request: HttpRequest, user: User | None, **_signal: Any) -> None:
    if user is not None:
        security_log.record("sign_out", person=user, request=request)


def _proved(
    *, request: HttpRequest, user: User, method: str, reauthenticated: bool = False, **_signal: Any
) -> None:
    if reauthenticated:
        sessions.renew(request)
        security_log.record("step_up", person=user, request=request, method=method)


def _password_changed(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    sessions.end_others(user, request.session.session_key, "password_changed")
    security_log.record("credential.changed", person=user, request=request, kind="password")


def _password_reset(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    sessions.end_all(user, "password_reset")
    confirm_only_address(user)
    security_log.record("credential.changed", person=user, request=request, kind="password_reset")


def _address_saved(*, instance: EmailAddress, **_signal: Any) -> None:
    """Calls `give_to_owner` if the address of a sign-up is confirmed outside the browser of the
    sign-up.
    """
    is_own_browser = getattr(instance, "is_confirmed_by_its_browser", False)
    if not instance.verified or instance._state.adding or is_own_browser:
        return
    is_new = EmailAddress.objects.filter(pk=instance.pk, verified=False).exists()
    if not is_new or not may_be_a_strangers(instance.user):
        return
    give_to_owner(user=instance.user, address=instance)
    security_log.record(
        "credential.changed", person=instance.user, request=context.request, kind="sign_up_taken"
    )
    if context.request is not None:
        messages.warning(context.request, WHAT_ENDED, fail_silently=True)
        get_adapter(context.request).send_notification_mail(
            "account/email/sign_up_taken", instance.user, email=instance.email
        )


def _address_confirmed(
    *, request: HttpRequest, email_address: EmailAddress, **_signal: Any
) -> None:
    """Notifies the main address that an additional address was confirmed, because an additional
    address can be used to sign in and to request a new password.
    """
    user = email_address.user
    if email_address.email != user.email:
        security_log.record("credential.changed", person=user, request=request, kind="further")
        get_adapter(request).send_notification_mail(
            "account/email/address_added", user, {"added_email": email_address.email}, user.email
        )


def _address_changed(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    """Ends the user's sessions after a change of the main address, except the session that made the
    change.
    """
    if request.user.is_authenticated and request.user.pk == user.pk:
        update_session_auth_hash(request, user)
    sessions.end_others(user, request.session.session_key, "address_changed")
    security_log.record("credential.changed", person=user, request=request, kind="main_address")


def _factor_added(*, request: HttpRequest, user: User, authenticator: Any, **_signal: Any) -> None:
    sessions.renew(request)
    if authenticator.type in SECOND_FACTORS:  # adding the factor required a code or a signature
        record_authentication(request, user, step_up.NEW_FACTOR, type=authenticator.type)
    security_log.record("factor.added", person=user, request=request, kind=authenticator.type)


def _factor_removed(
    *, request: HttpRequest, user: User, authenticator: Any, **_signal: Any
) -> None:
    sessions.renew(request)
    security_log.record("factor.removed", person=user, request=request, kind=authenticator.type)


def _factor_reset(*, request: HttpRequest, user: User, authenticator: Any, **_signal: Any) -> None:
    sessions.renew(request)
    security_log.record("factor.reset", person=user, request=request, kind=authenticator.type)


def _factor_refused(
    *, request: HttpRequest, user: User, reauthentication: bool, **_signal: Any
) -> None:
    if reauthentication:
        security_log.record("step_up", outcome="refused", person=user, request=request)
    else:
        refused_sign_in(request, user, "mfa")
