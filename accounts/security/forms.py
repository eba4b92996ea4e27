"""Forms of second factors: allauth's forms with our labels. Factors can be added only after the
email address is confirmed.
"""

import re
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
    SignupWebAuthnForm,
)
from django import forms

from accounts.models import User
from accounts.security.credentials import MALFORMED, NO_PASSKEY, CredentialField
from accounts.sign_in import devices, events, limits
from accounts.sign_in.factors import Kind, must_confirm_address
from accounts.sign_in.passkey_hosts import no_passkeys_at
from accounts.sign_in.recovery_codes import OLD_LENGTH, use_recovery_code
from ledger.text.lines import tidy_line, tidy_reason
from ledger.web import security_log
from ledger.web.form_fields import ReadableNameField

CONFIRM_FIRST = "Confirm your email address first, on the page Email addresses."
WRONG_CODE = "This code is wrong. Wait for the app's next code."
WRONG_RECOVERY_CODE = (
    "This is not one of your unused recovery codes. A code has 25 letters (older codes: 8 digits)"
    " and works only once."
)
WRONG_FIRST_CODE = "This code is wrong. Check the phone's clock, and wait for the app's next code."
NAME_LIMIT = 60


class ReadablePasskeyMixin:
    """Mixin that refuses an unreadable credential and records the refusal. allauth's form would
    fail with a server error.
    """

    user: User | None

    def clean_credential(self) -> Any:
        """Returns the credential in the form that allauth parses.

        Raises: ValidationError for an invalid credential.
        """
        try:
            return super().clean_credential()  # type: ignore[misc]
        except MALFORMED:
            self.note_refusal()
            raise forms.ValidationError(NO_PASSKEY) from None
        except forms.ValidationError:
            self.note_refusal()
            raise

    def note_refusal(self) -> None:
        """Records the refusal for the user. The user is known, because the password was right."""
        events.refused_sign_in(context.request, self.user, "passkey")


class SignInByPasskeyForm(ReadablePasskeyMixin, LoginWebAuthnForm):  # type: ignore[misc]
    """A form for signing in with only a passkey. An invalid passkey does not identify a user, so it
    is written only to the log. Otherwise strangers could fill the table of sign-ins.
    """

    credential = CredentialField()

    def note_refusal(self) -> None:
        security_log.record("sign_in", outcome="refused", request=context.request, method="passkey")


class SecondPasskeyForm(ReadablePasskeyMixin, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A form for the second step of a sign-in: after the password, the user uses a passkey."""

    credential = CredentialField()


class StepUpByPasskeyForm(ReadablePasskeyMixin, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A form for reauthentication with a passkey."""

    credential = CredentialField()

    def note_refusal(self) -> None:
        security_log.record("step_up", outcome="refused", person=self.user, request=context.request)


class LimitedCodeMixin(forms.Form):
    """Mixin that checks recovery codes and codes of an authenticator app. After too many wrong
    codes, it refuses every code.

    Wrong codes of an app, wrong recovery codes and wrong codes in an open session are counted
    separately. Therefore an attacker who knows the password and guesses codes of the app cannot
    block the owner's recovery codes or open session. The mixin replaces allauth's check of recovery
    codes, because we store digests instead of a seed.
    """

    user: User
    authenticator: Authenticator  # the factor to which the code belongs, for allauth's `save`
    app_door: limits.Door = "second_factor"
    code = forms.CharField(
        label="Code",
        max_length=100,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "characters",
                "autocorrect": "off",
                "spellcheck": "false",
            }
        ),
    )

    def clean_code(self) -> str:
        """Returns the entered code if it belongs to this user. A long code is checked as a recovery
        code.

        Raises: ValidationError for a wrong code, or after too many wrong codes.
        """
        typed = str(self.cleaned_data["code"])
        length = len(normalize_user_code(typed))
        is_of_app = length <= app_settings.TOTP_DIGITS
        of_codes: limits.Door = "old_recovery_code" if length == OLD_LENGTH else "recovery_code"
        attempt = limits.begin(
            context.request,
            door=self.app_door if is_of_app else of_codes,
            account=str(self.user.pk),
            device=devices.known_device(context.request, self.user),
        )
        if attempt.refused_by:
            security_log.record(
                "second_factor", outcome="limited", person=self.user, limit=attempt.refused_by
            )
            raise forms.ValidationError(self._too_many(attempt.refused_by, is_of_app=is_of_app))
        self.authenticator = self._factor_of(typed, is_of_app=is_of_app)
        attempt.succeeded()
        return typed

    def _factor_of(self, typed: str, *, is_of_app: bool) -> Authenticator:
        """Returns the factor to which the code belongs.

        Raises: ValidationError for a wrong code, after recording the wrong code.
        """
        if is_of_app:
            app = Authenticator.objects.filter(user=self.user, type=Kind.TOTP).first()
            found = app if app and app.wrap().validate_code(typed) else None
        else:
            found = use_recovery_code(user=self.user, code=typed)
        if found is None:
            self._emit_authentication_failed(None)  # type: ignore[attr-defined]
            raise forms.ValidationError(WRONG_CODE if is_of_app else WRONG_RECOVERY_CODE)
        found.user = self.user
        return found

    def _too_many(self, limit: str, *, is_of_app: bool) -> str:
        """Returns the message after too many wrong codes. If the codes came from an app, the
        message may offer a recovery code, which has a separate count.
        """
        wait = str(get_adapter().error_messages["too_many_step_ups"])
        codes = Authenticator.objects.filter(user=self.user, type=Kind.RECOVERY_CODES)
        if is_of_app and limit != limits.IN_ALL and codes.exists():
            return f"{wait} A recovery code still works now."
        return wait


class SecondCodeForm(LimitedCodeMixin, AuthenticateForm):  # type: ignore[misc]
    """A form for the second step of a sign-in: after the password, the user enters a code.
    `has_passkey` and `has_app` describe which factors the user has.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Authenticator.objects.filter(user=self.user)
        kinds = set(mine.values_list("type", flat=True))
        self.has_passkey, self.has_app = Kind.WEBAUTHN in kinds, Kind.TOTP in kinds


class StepUpCodeForm(LimitedCodeMixin, ReauthenticateForm):  # type: ignore[misc]
    """A form for reauthentication with a code."""

    app_door = "step_up_code"


class ConfirmedAddressMixin:
    """Mixin that refuses a new factor if the email address of the user is not confirmed."""

    user: User

    def clean(self) -> dict[str, Any]:
        """Returns the cleaned data.

        Raises: ValidationError if the address must be confirmed first.
        """
        if must_confirm_address(self.user):
            raise forms.ValidationError(CONFIRM_FIRST)
        cleaned: dict[str, Any] = super().clean() or {}  # type: ignore[misc]
        return cleaned


class AddAppForm(ConfirmedAddressMixin, ActivateTOTPForm):  # type: ignore[misc]
    """A form for a new authenticator app. The user enters a code that the app shows."""

    code = forms.CharField(
        label="Code from the app",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def clean_code(self) -> str:
        """Returns the code.

        Raises: ValidationError for a wrong code. The user has no recovery codes yet, so the message
        does not mention them.
        """
        try:
            code = str(super().clean_code())
        except forms.ValidationError as refusal:
            if refusal.code != "incorrect_code":  # for example, an address that must be confirmed
                raise
            raise forms.ValidationError(WRONG_FIRST_CODE) from None
        # So that this code cannot be used to sign in
        TOTP(Authenticator(user=self.user))._mark_code_used(code)
        return code

    def key_in_groups(self) -> list[str]:
        """Returns the app's key in groups of four characters, which are easier to type."""
        return re.findall(".{1,4}", self.secret)


class NewPasskeyMixin(forms.Form):
    """The form fields of a new passkey."""

    credential = CredentialField()
    name = forms.CharField(
        label="Name of the passkey",
        max_length=NAME_LIMIT,
        required=False,
        help_text="A name to recognise the passkey later, for example the name of the phone.",
    )

    @property
    def no_passkeys_here(self) -> str:
        """The reason why passkeys cannot work at the host of this request, or "" if they work."""
        return no_passkeys_at(context.request)

    def clean_name(self) -> str:
        """Returns the name without extra spaces or invisible characters, or a suggested name if
        nothing readable is left.
        """
        self.cleaned_data["name"] = tidy_reason(self.cleaned_data["name"])
        return tidy_line(str(super().clean_name()))  # type: ignore[misc]

    def clean(self) -> dict[str, Any]:
        """Returns the cleaned data.

        Raises: ValidationError if the credential cannot be read.
        """
        try:
            cleaned: dict[str, Any] = super().clean() or {}
        except MALFORMED:
            raise forms.ValidationError(NO_PASSKEY) from None
        return cleaned


class AddPasskeyForm(ConfirmedAddressMixin, NewPasskeyMixin, AddWebAuthnForm):  # type: ignore[misc]
    """A form for a new passkey. Its hidden checkbox makes the script create a passkey that can be
    used to sign in without an address.
    """

    passwordless = forms.BooleanField(
        required=False, initial=True, widget=forms.CheckboxInput(attrs={"hidden": True})
    )


class FirstPasskeyForm(NewPasskeyMixin, SignupWebAuthnForm):  # type: ignore[misc]
    """A form for the passkey of a person who signs up without a password."""


class RenamePasskeyForm(EditWebAuthnForm):  # type: ignore[misc]
    """A form for a new name of a passkey."""

    name = ReadableNameField(max_length=NAME_LIMIT)
