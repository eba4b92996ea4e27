"""Forms by which staff open and change accounts and people in the admin."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django import forms
from django.contrib.auth.forms import UserChangeForm

from accounts.exceptions import LedgerError
from accounts.forms import currency_choices
from accounts.models import Account, User
from ledger.text.currencies import minor_units

LIMITS = ("overdraft_limit", "transfer_limit", "daily_limit")


def reason_field(help_text: str) -> forms.CharField:
    """Returns an optional field for a reason; the form decides when it is required."""
    rows = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(max_length=500, required=False, widget=rows, help_text=help_text)


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name and limits of an account.

    `refusal` is the error by which the service refused; see `AccountAdmin.changeform_view`.
    """

    refusal: ClassVar[LedgerError | None] = None

    class Meta:
        model = Account
        fields = ("name", *LIMITS)

    def clean_name(self) -> str:
        """Returns the name without spaces at its ends and with one space between words."""
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.refusal:
            self.add_error(None, str(self.refusal))
        return data


class AccountChangeForm(AccountForm):
    """Carries the values that the page showed, so that only changed fields are written.

    Otherwise a page that was opened before a colleague lowered a limit would restore the old one.
    """

    reason = reason_field(
        "Required to change a limit. Stored permanently in the account's history."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [name for name in ("name", *LIMITS) if name in self.fields]:
            field_name = self.add_prefix(f"initial-{name}")
            self.fields[name].show_hidden_initial = not self.is_bound or field_name in self.data
        for name in LIMITS:
            if self.initial.get(name) is not None:
                places = minor_units(self.instance.currency)
                self.initial[name] = f"{self.initial[name]:.{places}f}"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if set(LIMITS) & set(self.changed_data) and not data.get("reason"):
            self.add_error("reason", "Say why the limit changes.")
        return data


class AccountAddForm(AccountForm):
    """An account that staff open for a customer."""

    currency = forms.ChoiceField(choices=lambda: [("", "Choose one"), *currency_choices()])

    class Meta(AccountForm.Meta):
        fields = ("user", "currency", "name")  # type: ignore[assignment]


class PersonAddForm(forms.ModelForm):  # type: ignore[type-arg]
    """Adds a person, who chooses a password by a link in a mail: see `accounts.admin.people`."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return unclaimed(self.cleaned_data["email"], self.instance)


class PersonChangeForm(UserChangeForm):  # type: ignore[type-arg]
    """Changes a person. Only superusers have the fields `email` and `reason`."""

    reason = reason_field(
        "Required to change the email address. Stored permanently in the history."
    )

    class Meta:
        model = User
        fields = "__all__"
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}

    def clean_email(self) -> str:
        return unclaimed(self.cleaned_data["email"], self.instance)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "email" in self.changed_data and not data.get("reason"):
            self.add_error("reason", "Say why the email address changes.")
        return data


def unclaimed(email: str, person: User) -> str:
    """Returns the address. Raises ValidationError if somebody else has confirmed it."""
    theirs = EmailAddress.objects.filter(email=email.lower(), verified=True)
    if theirs.exclude(user=person.pk).exists():
        raise forms.ValidationError("Somebody already signs in with this address.")
    return email.lower()
