"""Form fields for several pages: an amount, a day, and one of the payer's accounts."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Account
from ledger.text.amounts import decimals_refusal, read_amount
from ledger.text.money import figure


class AmountField(forms.CharField):
    """A field for an amount. `clean` returns a Decimal."""

    def __init__(self, **kwargs: Any) -> None:
        keys = {"inputmode": "decimal", "autocomplete": "off", "placeholder": "0.00"}
        kwargs.setdefault("label", "Amount")
        widget = forms.TextInput(attrs=keys)
        super().__init__(max_length=40, strip=False, widget=widget, **kwargs)

    def to_python(self, value: Any) -> str:
        """Returns the typed text without spaces at the start and the end."""
        return (super().to_python(value) or "").strip(" ")

    def clean(self, value: Any) -> Any:
        return read_amount(super().clean(value))


class DayField(forms.DateField):
    """A date field with the browser's date picker."""

    default_error_messages = {"invalid": "Type a day like 2026-03-14."}

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(widget=widget, **kwargs)


class OwnAccountField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A choice of accounts. The label of each account contains its available money."""

    def label_from_instance(self, account: Account) -> str:
        which = f"{account.name} \u00b7\u00b7{account.number[-4:]}"
        if account.is_frozen:
            return f"{which}, frozen"
        return f"{which}, {figure(account.available, account.currency)} {account.currency}"


class MoneyForm(forms.Form):
    """A form with the field `amount`. The currency of the amount depends on the chosen account."""

    def refuse_decimals(self, amount: Decimal, currency: str) -> None:
        """Adds an error to the form if the amount is ambiguous or has more decimals than the
        currency allows.
        """
        if refusal := decimals_refusal(amount, currency):
            self.add_error("amount", refusal)
