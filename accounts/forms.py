"""Forms of people and their accounts."""

from typing import Any

from allauth.account import forms as allauth_forms
from babel.numbers import get_currency_name
from django import forms
from django.http import HttpRequest

from accounts.currencies import CURRENCIES
from accounts.models import User

FIRST_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "CZK", "JPY")


def currency_choices() -> list[tuple[str, str]]:
    """Every currency with its name, the common ones first."""
    codes = [*FIRST_CURRENCIES, *(c for c in CURRENCIES if c not in FIRST_CURRENCIES)]
    return [(code, f"{code}, {get_currency_name(code, locale='en')}") for code in codes]


class SignupForm(allauth_forms.SignupForm):  # type: ignore[misc]
    """Signing up: a name besides the email and the password."""

    name = forms.CharField(
        label="Your name",
        max_length=200,
        help_text="As the people you pay should see it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("name", "email", "password1", "password2")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "username"

    def clean_name(self) -> str:
        """The name with its spaces in order."""
        return " ".join(self.cleaned_data["name"].split())

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Keep the name; allauth has saved the rest."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
        super().custom_signup(request, user)


class OpenAccountForm(forms.Form):
    """What a new account is called, and its currency."""

    name = forms.CharField(
        label="What is it for?",
        max_length=100,
        help_text="Only you see this name, like Everyday or Holiday.",
    )
    currency = forms.ChoiceField(choices=currency_choices, initial="EUR")

    def clean_name(self) -> str:
        """The name with its spaces in order."""
        return " ".join(self.cleaned_data["name"].split())
