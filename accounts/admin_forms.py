"""Forms of the admin: accounts and people as staff open and change them."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django import forms
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm

from accounts.currencies import minor_units
from accounts.exceptions import LedgerError
from accounts.forms import currency_choices
from accounts.models import Account, User

LIMITS = ("overdraft_limit", "transfer_limit", "daily_limit")


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name and limits of an account.

    `refusal` is what the service said of this very form, see `AccountAdmin.changeform_view`.
    """

    refusal: ClassVar[LedgerError | None] = None

    class Meta:
        model = Account
        fields = ("name", *LIMITS)

    def clean_name(self) -> str:
        """The name with its spaces in order."""
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.refusal:
            self.add_error(None, str(self.refusal))
        return data


class AccountChangeForm(AccountForm):
    """Knows what the page showed, so that only what this person changed is written.

    Without, a page opened before a colleague lowered a limit would raise it again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [name for name in self._meta.fields or () if name in self.fields]:
            shown = self.add_prefix(f"initial-{name}")
            self.fields[name].show_hidden_initial = not self.is_bound or shown in self.data
        for name in LIMITS:
            if self.initial.get(name) is not None:
                places = minor_units(self.instance.currency)
                self.initial[name] = f"{self.initial[name]:.{places}f}"


class AccountAddForm(AccountForm):
    """An account that staff open for a customer."""

    currency = forms.ChoiceField(choices=[("", "Choose one"), *currency_choices()])

    class Meta(AccountForm.Meta):
        fields = ("user", "currency", "name", *LIMITS)  # type: ignore[assignment]


class PersonAddForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A new person: e-mail, name and, if they want one now, a password."""

    class Meta:
        model = User
        fields = ("email", "name")
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}


class PersonChangeForm(UserChangeForm):  # type: ignore[type-arg]
    """A person as staff may change them."""

    class Meta:
        model = User
        fields = "__all__"
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}

    def clean_email(self) -> str:
        """Not an address that somebody else has confirmed as theirs."""
        email: str = self.cleaned_data["email"].lower()
        theirs = EmailAddress.objects.filter(email=email, verified=True)
        if theirs.exclude(user=self.instance).exists():
            raise forms.ValidationError("Somebody signs in with this address already.")
        return email
