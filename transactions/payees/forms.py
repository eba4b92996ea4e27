"""Forms for payees."""

from typing import Any

from django import forms

from accounts.forms import AccountNumberField
from accounts.models import Account, User
from ledger.text.lines import tidy_line
from ledger.web.form_fields import ReadableNameField
from transactions.payees.models import NAME_LIMIT, NOTE_LIMIT
from transactions.safeguards.quota import NUMBERS_ASKED, may_check_number
from transactions.safeguards.recipients import knows

NOT_SAVED = (
    "You cannot pay this number: the account does not exist, is closed, or has a currency in which "
    "you have no account. Compare the number with the original."
)


class PayeeNameForm(forms.Form):
    """A form for the name and the note of a payee."""

    name = ReadableNameField(
        max_length=NAME_LIMIT,
        help_text="The name that you use. We check whether it is the account holder\u2019s name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(
        max_length=NOTE_LIMIT, required=False, help_text="Only you see the name and the note."
    )

    def clean_note(self) -> str:
        """Returns the note in one line, without invisible characters."""
        return tidy_line(self.cleaned_data["note"])


class PayeeForm(PayeeNameForm):
    """A form for a new payee: account number, name and note."""

    number = AccountNumberField(label="Account number", must_exist=False)
    field_order = ("number", "name", "note")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def refuse_unknown(self) -> bool:
        """Returns False if the account with this number can be saved: the person knows the account,
        or can pay it. Otherwise adds an error to the form and returns True. Call this method only
        for a valid form.

        Wrong numbers count towards a daily limit, as in the transfer form. After the limit, only
        accounts that the person knows are accepted.
        """
        account: Account | None = self.cleaned_data["number"]
        if knows(self.user, account):
            return False
        is_good = account is not None and not account.is_closed and self._has(account.currency)
        if not may_check_number(self.user.pk, is_payable=is_good):
            self.add_error("number", NUMBERS_ASKED)
        elif not is_good:
            self.add_error("number", NOT_SAVED)
        return not self.is_valid()

    def _has(self, currency: str) -> bool:
        mine = Account.objects.owned_by(self.user).not_closed()
        has: bool = mine.filter(currency=currency).exists()
        return has
