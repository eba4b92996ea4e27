"""Adapts allauth: our texts, our redirects, our mails."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url

from accounts.models import User
from accounts.sign_in import (
    devices,
    encryption,
    events,
    limits,
    mailed_codes,
    notices,
    passwords,
    step_up,
)
from accounts.sign_in.addresses import addresses_of, closed_sign_in, is_unconfirmed, mailed_name
from accounts.sign_in.locked_sign_in import KEPT_NOTICES
from accounts.sign_in.providers import proof
from accounts.sign_in.providers.sign_out import provider_sign_out_url
from ledger.web import security_log
from ledger.web.contact import bank_staff
from ledger.web.mail import MailNotSent

logger = logging.getLogger(__name__)

# Mails to an address whose sign-in cannot be used as asked: nobody has it, or it is taken.
# Somebody whose sign-in is closed gets one mail in place of each, or they would lead in a circle.
TAKEN = "account/email/account_already_exists"
OF_NO_SIGN_IN = {"account/email/unknown_account", TAKEN}

STEP_UPS = {
    "mfa_reauthenticate:webauthn": "Use a passkey",
    "mfa_reauthenticate": "Use a code",
    "reauthenticate": "Use your password",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Our texts in place of allauth's, and mails that greet people by name."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "duplicate_email": "You have already added this address.",
        "email_password_mismatch": (
            "The email and password do not match. Check both, or choose a new password."
        ),
        "email_taken": (
            "This address is already in use. If it is yours, sign in instead; you can choose a "
            "new password there."
        ),
        "enter_current_password": "This is not your current password. Type it again.",
        "incorrect_password": "This is not your password. Type it again.",
        "incorrect_code": (
            "This is not the code in our latest mail to you. Compare it, or copy it from there."
        ),
        # What allauth says after the last attempt at a mailed code; passwords have the next one.
        "too_many_login_attempts": (
            "That was one wrong code too many, so the code no longer counts. Ask for a new one: on "
            "the sign-in page by “Send me a sign-in code”, for a further address on the page Email "
            "addresses."
        ),
        "too_many_passwords": (
            "There were too many wrong attempts, perhaps by somebody else, so no password is taken "
            "for now. You can still sign in with a code that we send you by mail, or with a "
            "passkey; or wait some minutes."
        ),
        "too_many_step_ups": "Too many wrong attempts. Wait a few minutes, then try again.",
        "rate_limited": "Too many requests. Wait a few minutes, then try again.",
    }

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The person with this address and password, or None. Raises ValidationError for too many
        wrong attempts, without looking at the password; but None for those of a person at several
        addresses, in the time of a wrong one: see Note [Addresses of one person].
        """
        email = credentials.get("email", "")
        person = events.person_with(email)
        attempt = limits.begin(
            request,
            door="sign_in",
            account=email.lower(),
            person=str(person.pk) if person else "",
            device=devices.known_device(request, person) if person else "",
        )
        if attempt.refused_by and not attempt.is_refused_in_silence:
            events.limited_sign_in(request, person, attempt.refused_by)
            raise self.validation_error("too_many_passwords")
        user: User | None = super().authenticate(request, **credentials)
        if attempt.is_refused_in_silence or user is None or is_unconfirmed(user):
            events.refused_sign_in(request, person, "password", limit=attempt.refused_by)
            return None
        attempt.succeeded()
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether this is the password of somebody who is signed in. Raises ValidationError for too
        many wrong attempts.
        """
        request = context.request
        device = devices.known_device(request, user)  # or strangers could use up the limit in all
        attempt = limits.begin(request, door="step_up", account=str(user.pk), device=device)
        if attempt.refused_by:
            security_log.record(
                "step_up", outcome="limited", person=user, request=request, limit=attempt.refused_by
            )
            raise self.validation_error("too_many_step_ups")
        if user.check_password(password):
            attempt.succeeded()
            return True
        security_log.record("step_up", outcome="refused", person=user, request=request)
        return False

    def set_password(self, user: User, password: str) -> None:
        """Sets the password of an open sign-in. Raises OwnerNotActive, and SignInChanged as
        `save_password` does. By mail, it ends all sessions and access tokens too. allauth's own
        writes the whole row as it was read.
        """
        user.refuse_unless_active()
        read_with = user.get_session_auth_hash()
        user.set_password(password)
        is_reset = self.request is not None and not self.request.user.is_authenticated
        reason = "password_reset" if is_reset else ""
        is_own = self.request is not None and self.request.user.pk == user.pk
        key = self.request.session.session_key if is_own else None
        passwords.save_password(user, read_with=read_with, session_key=key, ends_all=reason)

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **more: Any) -> None:
        """allauth's hook after a new password by mail: the owner is there, so attempts of strangers
        no longer count.
        """
        if person := events.person_with(more.get("email", "")):
            for account in (*addresses_of(person), str(person.pk)):
                limits.forget(request, door="sign_in", account=account)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirms the address by the code that the browser of the sign-up itself asked for: so the
        password of that sign-up stays.
        """
        email_address.is_confirmed_by_its_browser = True
        return bool(super().confirm_email(request, email_address))

    def is_safe_url(self, url: str) -> bool:
        """Whether a page may lead there. False for what cannot be read as a URL, such as `http://[`,
        at which allauth's own check raises ValueError.
        """
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Returns the home page: an empty form again would look as if nothing had changed."""
        return str(resolve_url(settings.LOGIN_REDIRECT_URL))

    def get_login_stages(self) -> list[str]:
        """Returns allauth's steps of a sign-in, with ours for the address and the second factor.
        The last compares with the first.
        """
        ours = {
            "allauth.account.stages.EmailVerificationStage": (
                "accounts.sign_in.addresses.AddressStage"
            ),
            "allauth.mfa.stages.AuthenticateStage": (
                "accounts.sign_in.providers.second_factor_stage.SecondFactorStage"
            ),
        }
        stages = [ours.get(stage, stage) for stage in super().get_login_stages()]
        return [*stages, "accounts.sign_in.pending.UnchangedStage"]

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Returns the provider's sign-out for a session that began there. allauth asks before it
        ends our session, and redirects after that.
        """
        return provider_sign_out_url(request) or str(super().get_logout_redirect_url(request))

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """The ways to step up, in our words: the password only for who has no second factor."""
        ways = step_up.strongest(super().get_reauthentication_methods(user))
        methods = {way["id"]: way for way in ways}
        return [
            {**methods[name], "description": label}
            for name, label in STEP_UPS.items()
            if name in methods
        ] or ([proof.way()] if proof.only_at_provider(user) else [])

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """False: nothing more to prove in this app of allauth. Otherwise raises, so that allauth's
        own rule decides nothing: see `step_up.fresh_until`.
        """
        if super().is_reauthentication_required(app=app, **more):
            asked = step_up.what_to_ask(self.request)
            if asked is step_up.Ask.SIGN_IN:
                raise ImmediateHttpResponse(step_up.told_to_sign_in_again(self.request))
            if asked is step_up.Ask.PROOF:
                raise ReauthenticationRequired
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sends a mail. `person_name` is the person it is about, never the one signed in. Sends
        nothing if strangers have had too many sent to this address. Raises MailNotSent.
        """
        asked = template_prefix
        if not mailed_codes.may_send(self.request, asked, email):
            return
        template_prefix, context = _fitting(template_prefix, email, context)
        context = {"person_name": mailed_name(context.get("user")), **bank_staff(), **context}
        try:
            super().send_mail(template_prefix, email, context)
        except MailNotSent:
            mailed_codes.not_sent(self.request, asked, email)
            raise
        if asked in mailed_codes.ASKED_BY_ANYBODY:
            mailed_codes.remember(email, context.get("code"))

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Sends a notification, or keeps it until `locked_sign_in` has committed. Adds the user to
        its context, which allauth leaves out. It tells of what has happened, so one that cannot be
        sent stops nothing: a line of the log says so, and whom to tell.
        """
        kept: list[Any] | None = getattr(self.request, KEPT_NOTICES, None)
        if kept is not None:
            kept.append((template_prefix, user, context, email))
            return
        try:
            with notices.telling(user, template_prefix):
                super().send_notification_mail(
                    template_prefix, user, {"user": user, **(context or {})}, email
                )
        except MailNotSent as error:
            logger.error(  # noqa: TRY400
                "Not told by mail: %s, person %s (%s)", template_prefix, user.pk, error
            )


def _fitting(
    template_prefix: str, email: str, context: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The mail that says how this address can be used now: nobody signs in "as before" with one
    whose sign-in is closed, or that a sign-up has never confirmed.
    """
    if template_prefix in OF_NO_SIGN_IN and (closed_at := closed_sign_in(email)):
        return "account/email/sign_in_closed", {"closed_at": closed_at}
    person = events.person_with(email) if template_prefix == TAKEN else None
    if person is not None and is_unconfirmed(person):
        return "account/email/sign_up_again", context
    return template_prefix, context


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Our texts about second factors, and their secrets encrypted."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        # Of a passkey; codes have sentences of their own (`accounts.security.forms`).
        "incorrect_code": "This did not match. Try again, or choose another way.",
        "unreadable_secret": (
            "The bank cannot check codes at present. Use a passkey, or ask the bank's staff."
        ),
        "cannot_delete_authenticator": passwords.TOO_SHORT_ALONE,
    }

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret. Raises ValidationError, for the form, if no known key has encrypted it."""
        try:
            return encryption.decrypt(encrypted_text)
        except InvalidToken:
            logger.critical("A second factor was encrypted with an unknown key: docs/security.md.")
            raise self.validation_error("unreadable_secret") from None

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether the password is long enough to be what remains."""
        return not passwords.is_too_short_without(authenticator.user, authenticator)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """The name that the form for a new passkey proposes."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"
