"""Choosing a file, and the account that pays."""

from typing import Any

from django import forms

from accounts.models import Account, User
from ledger.db.ids import uuid7
from transactions.forms import OwnAccountField
from transactions.payment_files.reading import MOST_LINES


def csv_field() -> forms.FileField:
    """The file itself."""
    return forms.FileField(
        label="CSV file",
        allow_empty_file=True,  # the reader says more about it
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=f"Up to {MOST_LINES:,} lines. You see what each would do before anything moves.",
        error_messages={"required": "Choose the file with the payments."},
    )


class PaymentFileForm(forms.Form):
    """An upload. It carries the file's id, so that sending it twice stores it once."""

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    from_account = OwnAccountField(Account.objects.none(), label="From", empty_label=None)
    file = csv_field()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own_accounts = Account.objects.owned_by(user).not_closed()
        self.fields["from_account"].queryset = self.own_accounts  # type: ignore[attr-defined]
