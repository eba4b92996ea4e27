"""Forms with which staff add and change accounts and people in the admin."""

from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
from django.contrib.auth.models import Group

from accounts.admin.parts import ReasonField
from accounts.exceptions import LedgerError
from accounts.forms import carry_initial, currency_choices
from accounts.groups import RIGHTS_BY_TWO
from accounts.models import LIMITS, Account, User
from accounts.services import LARGEST_LIMIT
from accounts.shown import add
from accounts.sign_in.passwords import save_password_of_bank
from ledger.db.history.facts import set_reason
from ledger.text.currencies import minor_units
from ledger.text.lines import tidy_line, unfit_name

GROUPS_CHANGED = (
    "You may not add one of these groups. If the person was in the group when you opened this "
    "page, a colleague has removed the person in the meantime. Choose again."
)
REMOVING = (
    "Until this person chooses a new password, they sign in with a passkey, or with a code that "
    "we mail them."
)


class ReasonedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that requires a reason for every change and stores the reason in the history.

    Hidden fields contain the values that the page showed, so that only fields which this user
    changed are written. Otherwise an open page could restore a limit that a colleague has lowered
    in the meantime.
    """

    reason = ReasonField(
        required=False,  # required by `clean` if a field was changed
        help_text="Required. Only staff can see this. It is deleted with the customer's data.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            carry_initial(self, self.fields.keys() - {"reason", "password"})

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        changes = self.instance._state.adding or set(self.changed_data) - {"reason"}
        if "reason" in self.fields and changes and not data.get("reason"):
            self.add_error("reason", "Enter a reason.")
        return data


class NamedForm(ReasonedForm):
    """A form with a name. The rule for names is the same as at sign-up."""

    def clean_name(self) -> str:
        """Returns the name without extra spaces. An unchanged name is not checked, so an old name
        that violates the rule does not prevent other changes.

        Raises: ValidationError if a changed name is unreadable or imitates another name.
        """
        name = tidy_line(self.cleaned_data["name"])
        if name and "name" in self.changed_data and (reason := unfit_name(name)):
            raise forms.ValidationError(reason)
        return name


class AccountForm(NamedForm):
    """A form for the name and limits of an account. `refusal` is the error with which the service
    refused the change, or None: see `AccountAdmin.changeform_view`.
    """

    refusal: ClassVar[LedgerError | None] = None

    class Meta:
        model = Account
        fields = ("name", *LIMITS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in LIMITS.keys() & self.fields.keys():
            self.fields[name].validators.append(partial(_check_limit, name))

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.refusal:
            field = getattr(self.refusal, "field", "")
            self.add_error(field if field in self.fields else None, str(self.refusal))
        return data


def _check_limit(name: str, limit: Decimal) -> None:
    """Checks a limit by the rules of the database constraints, so that the error appears at the
    field.

    Raises: ValidationError if the limit is not allowed.
    """
    if limit < 0 and name == "overdraft_limit":
        raise forms.ValidationError("Enter zero or more.")
    if limit <= 0 and name != "overdraft_limit":
        raise forms.ValidationError("Enter a limit above zero. Leave the field empty for no limit.")
    if limit > LARGEST_LIMIT:
        raise forms.ValidationError(f"The largest possible limit is {LARGEST_LIMIT:,f}.")


class AccountChangeForm(AccountForm):
    """A form for an existing account, in which limits have the decimals of the account's
    currency.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in LIMITS:
            if self.initial.get(name) is not None:
                places = minor_units(self.instance.currency)
                self.initial[name] = round(self.initial[name], places)


class AccountAddForm(AccountForm):
    """A form for an account that staff open for a customer."""

    currency = forms.ChoiceField(choices=lambda: [("", "Choose one"), *currency_choices()])

    class Meta(AccountForm.Meta):
        fields = ("user", "currency", "name")


class PersonAddForm(NamedForm):
    """A form for a new person. The person gets a mail with a link to choose a password."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return unclaimed(self.cleaned_data["email"], self.instance)


class PersonChangeForm(NamedForm, UserChangeForm):  # type: ignore[type-arg]
    """A form for changes to a person. The field `email` exists only if the user is a superuser."""

    class Meta:
        model = User
        fields = "__all__"  # noqa: DJ007 - the admin lists the fields
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}
        help_texts: ClassVar[dict[str, str]] = {
            "groups": "The person has all rights of all these groups.",
            "is_superuser": "The person may do everything. Only a command can give this right.",
        }
        error_messages: ClassVar[dict[str, dict[str, str]]] = {
            "groups": {"invalid_choice": GROUPS_CHANGED}
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if password := self.fields.get("password"):
            password.help_text = (
                "Nobody can read a password. If you set a new password, the person gets an email."
            )

    def clean_is_staff(self) -> bool:
        """Returns whether the person is staff.

        Raises: ValidationError if the database would refuse the change, see Note [Rights by two].
        """
        is_staff: bool = self.cleaned_data["is_staff"]
        by_two = self.instance.groups.filter(permissions__codename__in=RIGHTS_BY_TWO)
        is_given = is_staff and "is_staff" in self.changed_data
        if is_given and not self.instance.is_staff and (group := by_two.first()):
            raise forms.ValidationError(
                f"This person is in {group}, which needs approval. Remove this group and save. "
                "Then make the person staff, and request the group again."
            )
        return is_staff

    def clean_groups(self) -> list[Group]:
        """Returns the groups that the person will have. Adds the groups that the user has selected
        to the person's current groups, and removes the groups that the user has deselected.
        """
        wanted, now = {*self.cleaned_data["groups"]}, {*self.instance.groups.all()}
        if not self.fields["groups"].show_hidden_initial:
            return [*wanted]
        field = self["groups"]
        hidden = field.field.hidden_widget()
        shown = {*hidden.value_from_datadict(self.data, self.files, field.html_initial_name)}
        return [
            group
            for group in wanted | now
            if group in (now if (group in wanted) == (str(group.pk) in shown) else wanted)
        ]

    def clean_email(self) -> str:
        """Returns the entered email address in lowercase.

        Raises: ValidationError if another person has the address, or if this person was erased.
        """
        if "email" in self.changed_data:
            try:
                self.instance.refuse_if_erased()
            except LedgerError as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return unclaimed(self.cleaned_data["email"], self.instance)


class PersonPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A form that sets or removes a person's password, with a reason for the history. The person is
    notified by mail.
    """

    reason = ReasonField()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        if choice := self.fields.get("usable_password"):
            choice.label = "Signs in by password"
            choice.help_text = REMOVING
            choice.choices = [("true", "Yes"), ("false", "No")]  # type: ignore[attr-defined]
        self.order_fields(["reason", "usable_password"])

    def save(self, commit: bool = True) -> User:
        """Sets or removes the password and returns the person.

        Raises: SignInChanged, as described at `save_password_of_bank`.
        """
        set_reason(self.cleaned_data["reason"])
        read_with = self.user.get_session_auth_hash()
        person: User = super().save(commit=False)
        save_password_of_bank(person, read_with=read_with)
        return person


def unclaimed(email: str, person: User) -> str:
    """Returns the address in lowercase, if no other person has the address.

    Raises: ValidationError if another person uses the address or has confirmed it. The read log
    then records this other person.
    """
    email = email.lower()
    confirmed = EmailAddress.objects.filter(email=email, verified=True)
    others = {
        *User.objects.filter(email=email).values_list("pk", flat=True),
        *confirmed.values_list("user", flat=True),
    } - {person.pk}
    for other in others:
        add(other)
    if others:
        raise forms.ValidationError("Somebody already signs in with this address.")
    return email
