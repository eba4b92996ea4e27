"""The upload forms for customers and for staff, and the form for the reason of a payment by
staff.
"""

from typing import Any

from django import forms

from accounts.admin.actions import ReasonForm
from accounts.models import Account, User
from accounts.numbers import clean_account_number
from banking.payment_files.parser import MAX_LINES
from ledger.db.ids import uuid7
from transactions.fields import OwnAccountField


def csv_field() -> forms.FileField:
    """Returns the form field in which a person chooses the CSV file."""
    return forms.FileField(
        label="CSV file",
        allow_empty_file=True,  # the parser has a better message for an empty file
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=(
            f"Up to {MAX_LINES:,} lines. You see the result of each line before anything is paid."
        ),
        error_messages={"required": "Choose the file with the payments."},
    )


class PaymentFileForm(forms.Form):
    """The upload form for customers. The form contains the id of the file, so that a form that is
    sent twice stores the file only once.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    from_account = OwnAccountField(Account.objects.none(), label="From", empty_label=None)
    file = csv_field()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own_accounts = Account.objects.owned_by(user).not_closed()
        self.fields["from_account"].queryset = self.own_accounts  # type: ignore[attr-defined]


class CustomersFileForm(forms.Form):
    """The form with which staff upload a file for a customer. The form contains the id of the
    file.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    number = forms.CharField(
        label="From account number",
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    file = csv_field()

    def __init__(self, *args: Any, clerk: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clerk = clerk

    def clean_number(self) -> Account:
        """Returns the customer's account with the typed number.

        Raises: ValidationError if there is no such account, or if the account belongs to the member
        of staff.
        """
        try:
            digits = clean_account_number(self.cleaned_data["number"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        account: Account | None = Account.objects.filter(number=digits).first()
        if account is None:
            raise forms.ValidationError("No account has this number. Compare it with the card.")
        if account.user_id == self.clerk.pk:
            raise forms.ValidationError("This account is yours. Ask a colleague.")
        return account


class PayForm(ReasonForm):
    """The form for the reason why staff pay a customer's file."""

    not_done = "Nothing was paid."
    field_order = ("reason",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["message"]
