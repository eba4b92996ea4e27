"""Adapters of allauth with the bank's texts, redirects and mails."""

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

# Mails to an address that cannot be used to sign in or to sign up: either no user has the address,
# or another user has it. The links in these mails do not help a user whose sign-in is closed, so
# `_fitting` replaces the mail in this case.
TAKEN_ADDRESS_MAIL = "account/email/account_already_exists"
UNUSABLE_ADDRESS_MAILS = {"account/email/unknown_account", TAKEN_ADDRESS_MAIL}

STEP_UPS = {
    "mfa_reauthenticate:webauthn": "Use a passkey",
    "mfa_reauthenticate": "Use a code",
    "reauthenticate": "Use your password",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """An allauth adapter with the bank's texts and with mails that greet users by name."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "duplicate_email": "You have already added this address.",
        "email_password_mismatch": (
            "The email and password do not match. Check both, or choose a new password."
        ),
        "email_taken": (
            "This address is already in use. If the address is yours, sign in instead. You can "
            "choose a new password on the sign-in page."
        ),
        "enter_current_password": "This is not your current password. Type it again.",
        "incorrect_password": "This is not your password. Type it again.",
        "incorrect_code": (
            "This is not the code in our latest mail to you. Compare the code, or copy it "
            "from the mail."
        ),
        # allauth shows this message after the last attempt at a mailed code. For passwords, see
        # too_many_passwords.
        "too_many_login_attempts": (
            "There were too many wrong attempts, so the code is no longer valid. Request a new "
            "code on the sign-in page with “Send me a sign-in code”. To confirm another "
            "address, request a new code on the page Email addresses."
        ),
        "too_many_passwords": (
            "There were too many wrong attempts, perhaps by somebody else, so your password is "
            "blocked for some minutes. You can still sign in with a code that we send you by mail, "
            "or with a passkey."
        ),
        "too_many_step_ups": "Too many wrong attempts. Wait a few minutes, then try again.",
        "rate_limited": "Too many requests. Wait a few minutes, then try again.",
    }

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Returns the user with this address and password, or None. Also returns None for a sign-up
        whose address was never confirmed.

        Raises: ValidationError after too many wrong attempts. The password is then not checked. If
        the only exceeded limit is the limit in Note [Addresses of one person], returns None and
        raises nothing.
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
        """Returns whether this is the password of the signed-in user.

        Raises: ValidationError after too many wrong attempts.
        """
        request = context.request
        device = devices.known_device(request, user)  # a known device has a separate limit
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
        """Sets the password of a user whose sign-in is open. If the password was reset by mail,
        also ends all sessions and access tokens of the user. Replaces allauth's method, which
        overwrites the whole row.

        Raises: OwnerNotActive; SignInChanged, as described at `save_password`.
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
        """Resets the counts of wrong attempts for all addresses of the person. allauth calls this
        method after a password reset by mail.
        """
        if person := events.person_with(more.get("email", "")):
            for account in (*addresses_of(person), str(person.pk)):
                limits.forget(request, door="sign_in", account=account)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirms the address after the user has entered the code from the mail. The code can be
        entered only in the browser of the sign-up. Therefore the password from the sign-up stays
        valid.
        """
        email_address.is_confirmed_by_its_browser = True
        return bool(super().confirm_email(request, email_address))

    def is_safe_url(self, url: str) -> bool:
        """Returns whether a page may redirect to this URL. Returns False for an invalid URL such as
        `http://[`, for which allauth's check raises ValueError.
        """
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Returns the URL of the home page. By default, allauth would show the empty form again,
        and users would think that the password had not changed.
        """
        return str(resolve_url(settings.LOGIN_REDIRECT_URL))

    def get_login_stages(self) -> list[str]:
        """Returns the stages of a sign-in: allauth's stages, with three changes. The bank's stages
        replace the stage for the address and the stage for the second factor. An additional last
        stage refuses the sign-in if the credentials have changed since the first stage.
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
        """Returns the sign-out URL of the provider if the session began at a provider, otherwise
        allauth's URL. allauth calls this method before it ends our session, and redirects
        afterwards.
        """
        return provider_sign_out_url(request) or str(super().get_logout_redirect_url(request))

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Returns the methods of reauthentication, with our labels. The password is not offered to
        users who have a second factor.
        """
        ways = step_up.strongest(super().get_reauthentication_methods(user))
        methods = {way["id"]: way for way in ways}
        return [
            {**methods[name], "description": label}
            for name, label in STEP_UPS.items()
            if name in methods
        ] or ([proof.way()] if proof.only_at_provider(user) else [])

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        """Returns False if the page needs no reauthentication, or if the last reauthentication is
        still valid (see `step_up.fresh_until`). Never returns True.

        Raises: ImmediateHttpResponse if the user must sign in again; ReauthenticationRequired if
        the user must reauthenticate.
        """
        if super().is_reauthentication_required(app=app, **more):
            required = step_up.what_to_ask(self.request)
            if required is step_up.Ask.SIGN_IN:
                raise ImmediateHttpResponse(step_up.redirect_to_new_sign_in(self.request))
            if required is step_up.Ask.PROOF:
                raise ReauthenticationRequired
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sends a mail. Sends nothing after strangers have requested too many mails to this
        address. In templates, `person_name` is the name of the user in `context`, even if another
        user is signed in.

        Raises: MailNotSent.
        """
        requested = template_prefix
        if not mailed_codes.may_send(self.request, requested, email):
            return
        template_prefix, context = _fitting(template_prefix, email, context)
        context = {"person_name": mailed_name(context.get("user")), **bank_staff(), **context}
        try:
            super().send_mail(template_prefix, email, context)
        except MailNotSent:
            mailed_codes.not_sent(self.request, requested, email)
            raise
        if requested in mailed_codes.ASKED_BY_ANYBODY:
            mailed_codes.remember(email, context.get("code"))

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Sends a notification. Inside `locked_sign_in`, the notification is sent after the commit.
        If the mail cannot be sent, logs the error, because the change has already happened.
        """
        kept: list[Any] | None = getattr(self.request, KEPT_NOTICES, None)
        if kept is not None:
            kept.append((template_prefix, user, context, email))
            return
        try:
            with notices.limited_notice(user, template_prefix):
                super().send_notification_mail(
                    template_prefix, user, {"user": user, **(context or {})}, email
                )
        except MailNotSent as error:
            logger.error(  # noqa: TRY400
                "Notification not sent: %s, person %s (%s)", template_prefix, user.pk, error
            )


def _fitting(
    template_prefix: str, email: str, context: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Returns the template and the context for this mail. Usually these are the arguments. Another
    template or context is used if the sign-in of the address is closed, or if the address was never
    confirmed after the sign-up.
    """
    if template_prefix in UNUSABLE_ADDRESS_MAILS and (closed_at := closed_sign_in(email)):
        return "account/email/sign_in_closed", {"closed_at": closed_at}
    person = events.person_with(email) if template_prefix == TAKEN_ADDRESS_MAIL else None
    if person is not None and is_unconfirmed(person):
        return "account/email/sign_up_again", context
    return template_prefix, context


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """An allauth adapter that uses the bank's texts about second factors, and encrypts the secrets
    of second factors.
    """

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        # The message for passkeys. Codes have other messages (`accounts.security.forms`).
        "incorrect_code": "This did not match. Try again, or choose another way.",
        "unreadable_secret": (
            "The bank cannot check codes at the moment. Use a passkey, or contact the bank."
        ),
        "cannot_delete_authenticator": passwords.TOO_SHORT_WITHOUT_FACTOR,
    }

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Returns the decrypted secret.

        Raises: ValidationError, shown by the form, if the secret was encrypted with an unknown key.
        """
        try:
            return encryption.decrypt(encrypted_text)
        except InvalidToken:
            logger.critical("A second factor was encrypted with an unknown key: docs/security.md.")
            raise self.validation_error("unreadable_secret") from None

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Returns whether the password is long enough to be the only remaining factor."""
        return not passwords.is_too_short_without(authenticator.user, authenticator)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """Returns the name that the form for a new passkey suggests."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"
