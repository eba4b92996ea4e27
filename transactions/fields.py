"""Form fields that several pages share: an amount, and one of the payer's own accounts."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Account
from ledger.text.amounts import read_amount, too_fine
from ledger.text.currencies import fits, plain


class AmountField(forms.CharField):
    """An amount as people type it; a Decimal once clean."""

    def __init__(self, **kwargs: Any) -> None:
        keys = {"inputmode": "decimal", "autocomplete": "off", "placeholder": "0.00"}
        kwargs.setdefault("label", "Amount")
        widget = forms.TextInput(attrs=keys)
        super().__init__(max_length=40, strip=False, widget=widget, **kwargs)

    def to_python(self, value: Any) -> str:
        """What was typed, without the spaces that `read_amount` lets stand around it."""
        return (super().to_python(value) or "").strip(" ")

    def clean(self, value: Any) -> Any:
        return read_amount(super().clean(value))


class OwnAccountField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Shows what each account has available, so that nobody has to go and look."""

    def label_from_instance(self, account: Account) -> str:
        which = f"{account.name} \u00b7\u00b7{account.number[-4:]}"
        if account.is_frozen:
            return f"{which}, frozen"
        return f"{which}, {plain(account.available, account.currency)} {account.currency}"


class MoneyForm(forms.Form):
    """A form with an `amount`, whose currency only an account can tell."""

    def refuse_decimals(self, amount: Decimal, currency: str) -> None:
        """An error on the amount where it has more decimals than the currency."""
        if not fits(amount, currency):
            self.add_error("amount", too_fine(amount, currency))
