"""Forms for people and their accounts."""

import uuid
from collections.abc import Iterable
from typing import Any, cast

from allauth.account import app_settings
from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.core import context
from django import forms
from django.db import IntegrityError
from django.db import transaction as db_transaction
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import SETTINGS, Account, Currency, User
from accounts.numbers import clean_account_number
from accounts.sign_in import devices, events, limits, mailed_codes, passwords
from accounts.sign_in.addresses import belongs_to
from accounts.sign_in.passkey_hosts import no_passkeys_at
from ledger.db.rights.row_security import RowScope, reading
from ledger.text.currencies import is_currency
from ledger.web.form_fields import ReadableNameField

FIRST_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "CZK", "JPY")


def currency_choices() -> list[tuple[str, str]]:
    """Returns the open currencies with their names, with common currencies first."""
    currencies = {currency.code: str(currency) for currency in Currency.objects.open()}
    first = [code for code in FIRST_CURRENCIES if code in currencies]
    return [(code, currencies.pop(code)) for code in first] + list(currencies.items())


class PasswordWords:
    """Mixin with this site's labels of password fields. The help text of the first field shows the
    password rules.
    """

    fields: dict[str, forms.Field]
    labels = {
        "oldpassword": "Current password",
        "password1": "New password",
        "password2": "New password, again",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in self.labels.items():
            if name in self.fields:
                self.fields[name].label = label
                self.fields[name].widget.attrs.pop("placeholder", None)
                self.fields[name].validators.append(passwords.refuse_too_long)
        if "password1" in self.fields:  # absent when signing up with a passkey
            help_text = passwords.help_for(getattr(self, "user", None))
            self.fields["password1"].help_text = help_text


class SignInForm(allauth_forms.LoginForm):  # type: ignore[misc]
    """A form for signing in with a password. A text that is too long for a password is refused
    before it is hashed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].validators.append(passwords.refuse_too_long)


class StepUpForm(allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    """A form for reauthentication with the password. A text that is too long for a password is
    refused before it is hashed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].validators.append(passwords.refuse_too_long)


class ChangePasswordForm(PasswordWords, allauth_forms.ChangePasswordForm):  # type: ignore[misc]
    """A password change by a user who knows the current password."""

    def clean_oldpassword(self) -> str:
        """Returns the current password.

        Raises: ValidationError for a wrong password, which counts as a wrong reauthentication.
        """
        password = str(self.cleaned_data["oldpassword"])
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


class AttemptsMixin:
    """Mixin for forms with a mailed code. After a wrong code, the form shows the number of
    remaining attempts. The message is the same for an address that is not registered.
    """

    most_attempts: int

    def failed_attempts(self) -> int:
        """Returns how many wrong codes this browser has already sent."""
        raise NotImplementedError

    def clean_code(self) -> str:
        """Returns the code.

        Raises: ValidationError for a wrong code.
        """
        try:
            return str(super().clean_code())  # type: ignore[misc]
        except forms.ValidationError as refusal:
            if refusal.code != "incorrect_code":
                raise
            left = self.most_attempts - self.failed_attempts() - 1
            attempts = "1 attempt" if left == 1 else f"{left} attempts"
            raise forms.ValidationError(f"{refusal.message} {attempts} left.") from None


class ConfirmAddressForm(AttemptsMixin, allauth_forms.ConfirmEmailVerificationCodeForm):  # type: ignore[misc]
    """A form for the code that confirms an address."""

    most_attempts = app_settings.EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS

    def failed_attempts(self) -> int:
        """Returns the number of wrong codes, which is stored in the session."""
        state = context.request.session.get(EMAIL_VERIFICATION_CODE_SESSION_KEY, {})
        return int(state.get("failed_attempts", 0))


class MailedCodeForm(allauth_forms.ConfirmLoginCodeForm):  # type: ignore[misc]
    """A form for the sign-in code from the mail. A code is valid for three attempts, and only in
    the browser that requested the mail: see `accounts.sign_in.mailed_codes`.
    """

    expected_code: str  # "" for an unknown address

    def clean_code(self) -> str:
        """Returns the entered code if it is the code from the mail.

        Raises: ValidationError for a wrong code.
        """
        request, login = context.request, context.request._login_stage.login
        device = devices.known_device(request, login.user) if login.user else ""
        email = login.email.lower()
        attempt = limits.begin(request, door="mail_code", account=email, device=device)
        if attempt.refused_by:
            events.limited_sign_in(request, login.user, attempt.refused_by, method="code")
            raise get_adapter().validation_error("too_many_step_ups")
        try:
            code = self._right_code(login)
        except forms.ValidationError:
            events.refused_sign_in(request, login.user, "code")
            raise
        attempt.succeeded()
        return code

    def _right_code(self, login: Any) -> str:
        typed = self.cleaned_data["code"]
        stands_in = mailed_codes.stands_in(login.email, self.expected_code, typed)
        if login.user is not None and not belongs_to(login.user, login.email):
            raise get_adapter().validation_error("incorrect_code")  # changed after the mail
        if stands_in and login.user is not None:
            self.expected_code = typed
        code = str(super().clean_code())
        if not mailed_codes.use(login.email, code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class SignInCodeForm(AttemptsMixin, MailedCodeForm):
    """A form for the sign-in code from the mail. After a wrong code, the form shows how many
    attempts are left.
    """

    most_attempts = app_settings.LOGIN_BY_CODE_MAX_ATTEMPTS

    def failed_attempts(self) -> int:
        """Returns the number of wrong codes, which is stored in the pending sign-in."""
        return int(context.request._login_stage.state.get("failed_attempts", 0))


class AskForCodeForm(allauth_forms.RequestLoginCodeForm):  # type: ignore[misc]
    """A form that requests a sign-in code by mail. A button of the sign-in form also submits its
    data to this form, with the address in the field `login`. If `login` is empty, this form stays
    unbound, so that the page of this form is shown without an error.
    """

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        if data is not None and "login" in data and "email" not in data:
            data = {"email": data["login"]} if data["login"].strip() else None
            kwargs["files"] = None  # otherwise the form would be bound
        super().__init__(data, *args, **kwargs)


class SetPasswordForm(PasswordWords, allauth_forms.SetPasswordForm):  # type: ignore[misc]
    """A form for the first password of a user who has no password."""


class ResetPasswordKeyForm(PasswordWords, allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """A form for a new password. The user opened the form with a link from a mail."""


class NameField(ReadableNameField):
    """A person's name."""

    def __init__(self) -> None:
        super().__init__(
            label="Your name",
            max_length=200,
            help_text="The people that you pay see this name.",
            widget=forms.TextInput(attrs={"autocomplete": "name"}),
        )


class NameForm(forms.Form):
    """A form for the name of a user who has no name."""

    name = NameField()


PASSWORDS_DIFFER = "You must type the same password each time."


class SignupForm(PasswordWords, allauth_forms.SignupForm):  # type: ignore[misc]
    """A sign-up form with a name, an email address, and a password or a passkey."""

    account_already_exists: bool
    by_passkey: bool
    name = NameField()
    field_order = ("name", "email", "password1", "password2")
    labels = {"password1": "Password", "password2": "Password, again"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username"
        self.no_passkeys_here = no_passkeys_at(context.request) if self.by_passkey else ""

    def clean(self) -> dict[str, Any]:
        """Returns the cleaned data. In addition to allauth, refuses a password that is similar to
        the name, refuses passkeys on hosts where they cannot work, and reports that the two
        passwords differ even if the first password is refused.
        """
        if self.no_passkeys_here:
            raise forms.ValidationError(self.no_passkeys_here)
        cleaned: dict[str, Any] = super().clean()
        password, user = cleaned.get("password1"), User(name=cleaned.get("name", ""))
        if password:
            try:
                get_adapter().clean_password(password, user=user)
            except forms.ValidationError as err:
                self.add_error("password1", err)
        may_differ = not self.by_passkey and not self.has_error("password2")
        if may_differ and self["password1"].value() != self["password2"].value():
            self.add_error("password2", PASSWORDS_DIFFER)
        return cleaned

    def try_save(self, request: HttpRequest) -> tuple[User | None, Any]:
        """Saves the user. If the address is already registered, sends a mail to its owner instead.
        The response is the same in both cases and takes the same time. So it does not reveal
        whether an address is registered.
        """
        saved: tuple[User | None, Any]
        if self.account_already_exists:
            self._save_and_take_back(request)
            saved = super().try_save(
                request
            )  # mails are sent outside a transaction, like at sign-up
            return saved
        try:
            with db_transaction.atomic():
                saved = super().try_save(request)
        except IntegrityError:
            if not User.objects.filter(email=self.cleaned_data["email"]).exists():
                raise
            self.account_already_exists = True  # registered since the form was checked
            saved = super().try_save(request)
        return saved

    def _save_and_take_back(self, request: HttpRequest) -> None:
        """Saves a user and rolls the transaction back, so that the response for a registered
        address takes as long as for a free address.
        """
        email = self.cleaned_data["email"]
        self.cleaned_data["email"] = f"{uuid.uuid4().hex}@taken.invalid"
        self.account_already_exists = False
        try:
            with db_transaction.atomic():
                self.save(request)
                db_transaction.set_rollback(True)
        finally:
            self.cleaned_data["email"], self.account_already_exists = email, True

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Saves the name. allauth calls this method after it has saved the other fields."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
        super().custom_signup(request, user)


NO_SUCH_NUMBER = "No account at this bank has this number. Compare it with the original."


def account_numbered(typed: str) -> Account | None:
    """Returns the account with the entered number and its owner, or None if no account has this
    number.

    Raises: ValueError with a message if the text cannot be an account number. In this case, no
    query is made.
    """
    digits = clean_account_number(typed)
    with reading(RowScope.DIRECTORY):
        found: Account | None = Account.objects.select_related("user").filter(number=digits).first()
    return found


class AccountNumberField(forms.CharField):
    """A field for an account number. `clean` returns the Account with its owner. With
    `must_exist=False`, `clean` returns None for an unknown number, so that the form can decide what
    the user may learn.
    """

    def __init__(self, *, suggestions: str = "", must_exist: bool = True, **kwargs: Any) -> None:
        self.must_exist = must_exist
        keys = {"inputmode": "numeric", "autocomplete": "off"}
        keys |= {"list": suggestions} if suggestions else {}
        super().__init__(max_length=40, widget=forms.TextInput(attrs=keys), **kwargs)

    def clean(self, value: Any) -> Any:
        """Returns the account, or None if the field is optional and empty."""
        typed = super().clean(value)
        if not typed:
            return None
        try:
            found = account_numbered(typed)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if found is None and self.must_exist:
            raise forms.ValidationError(NO_SUCH_NUMBER)
        return found


USUAL_CURRENCY = "EUR"  # the default if no account and no browser language suggests a currency


def currency_of_languages(accept_language: str) -> str:
    """Returns the currency of the first country in an Accept-Language header, for example USD for
    "en-US". Returns USUAL_CURRENCY if no country in the header has a known currency.

    Source: CLDR's territory currencies, from Babel.
    """
    from babel.numbers import get_territory_currencies

    for language, _quality in parse_accept_lang_header(accept_language):
        territory = language.rpartition("-")[2].upper()
        if len(territory) == 2 and "-" in language:
            for currency in get_territory_currencies(territory):
                if is_currency(currency):
                    return currency
    return USUAL_CURRENCY


class LongSelect(forms.Select):
    """A select with many options, which is faster than Django's select because it renders no
    template per option.
    """

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Returns the HTML of the select. The choices must not be grouped."""
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (code, mark_safe(" selected") if code == value else "", label)
                for code, label in self.choices
            ),
        )
        attributes = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        return format_html("<select{}>{}</select>", attributes, options)


class AccountNameField(ReadableNameField):
    """The name of an account."""

    def __init__(self) -> None:
        super().__init__(
            label="Account name",
            max_length=100,
            help_text=(
                "For example Everyday or Holiday. Only you and the bank's staff see this name."
            ),
        )


class AccountSettingsForm(forms.Form):
    """A form for the settings that the owner of an account can choose: see SETTINGS in
    `accounts.models.account`.
    """

    name = AccountNameField()

    def __init__(self, data: Any = None, *, account: Account) -> None:
        super().__init__(data, initial=forms.model_to_dict(account, SETTINGS))
        others = [name for name in SETTINGS if name not in self.fields]
        self.fields |= forms.fields_for_model(Account, others)

    @property
    def changes(self) -> dict[str, Any]:
        """The values that differ from the account's current settings."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class OpenAccountForm(forms.Form):
    """A form for the name and the currency of a new account."""

    name = AccountNameField()
    currency = forms.ChoiceField(
        initial=USUAL_CURRENCY,
        widget=LongSelect(attrs={"data-filter": "Find a currency by name or code"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["currency"])
        choices = currency_choices()  # one query, although Django reads the choices several times
        field.choices = choices
        first = ", ".join(code for code, _name in choices[: len(FIRST_CURRENCIES)])
        field.error_messages["invalid_choice"] = (
            f"%(value)s is not the code of an open currency, such as {first}."
            f" {reverse('accounts:open')} lists all {len(choices)}."
        )


def carry_initial(form: forms.BaseForm, names: Iterable[str]) -> None:
    """Adds hidden fields with the values that the page showed, so that `changed_data` contains only
    fields that this user changed. A submitted form without these hidden fields is compared with the
    current row.
    """
    are_sent = any(name.startswith(form.add_prefix("initial-")) for name in form.data)
    if are_sent or not form.is_bound:
        for name in names:
            form.fields[name].show_hidden_initial = True
