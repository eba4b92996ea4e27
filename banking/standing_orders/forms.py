"""The form for a new standing order (the transfer form with additional dates), and the form for a
new amount.
"""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone

from accounts.models import User
from banking.standing_orders.models import MAX_TIMES, Every
from banking.standing_orders.services import ONCE_HAS_NO_END, OrderDraft, first_day_refusal
from ledger.db.ids import uuid7_for
from transactions.exceptions import AccountNotFound
from transactions.fields import AmountField, DayField
from transactions.safeguards.recipients import NOT_PAYABLE
from transactions.transfers.forms import TransferForm

# Note [Proof for a series]: a user who sets up or changes payments to others must confirm their
# identity again. Article 14 of the EU's technical standards on strong customer authentication
# (2018/389) requires this.
WHY_PROOF = "Please confirm that it is you, because this standing order pays somebody else."

HOW_MANY = f"Type a whole number from 1 to {MAX_TIMES:,}."

FORM_FIELDS = (
    "from_account_id", "to_account_id", "amount", "every", "first_on", "last_on", "times",
    "description", "reference",
)  # fmt: skip


def order_id_for(owner: User, id: UUID) -> UUID:
    """Returns the id of the standing order that a form with the id `id` sets up. The id of an order
    never equals the id of a payment.
    """
    return uuid7_for(owner.pk, uuid7_for(owner.pk, id))


class StandingOrderForm(TransferForm):
    """The form for a new standing order: the transfer form with fields for the dates. `order_id`
    is the id of the order.
    """

    every = forms.ChoiceField(label="How often", choices=Every.choices, initial=Every.MONTH)
    first_on = DayField(label="First payment on")
    last_on = DayField(
        label="End date",
        required=False,
        help_text="Leave this empty to pay until you end the order.",
    )
    times = forms.IntegerField(
        label="Or number of payments", required=False, min_value=1, max_value=MAX_TIMES,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), HOW_MANY),
    )  # fmt: skip

    def clean_first_on(self) -> date:
        """Returns the day of the first payment.

        Raises: ValidationError if the day is in the past, or more than two years away.
        """
        day: date = self.cleaned_data["first_on"]
        if refusal := first_day_refusal(day, timezone.localdate()):
            raise forms.ValidationError(refusal)
        return day

    def clean(self) -> dict[str, Any]:
        """Adds an error in three cases: the form has both an end date and a number of payments, the
        end is before the first day, or an order that pays once has an end.
        """
        data = super().clean()
        first, last, times = data.get("first_on"), data.get("last_on"), data.get("times")
        if data.get("every") == Every.ONCE:
            if last or times not in (None, 1):
                self.add_error("last_on" if last else "times", ONCE_HAS_NO_END)
        elif last and times:
            self.add_error("times", "Enter an end date or a number of payments, not both.")
        elif first and last and last < first:
            self.add_error("last_on", "This is before the first payment.")
        return data

    @property
    def as_read(self) -> list[tuple[str, str]]:
        """The names and the values of the fields. The values are the texts that the review page
        sends to the server again, after the server has parsed what the user typed.
        """
        data = self.cleaned_data
        return [
            *super().as_read,
            ("every", data["every"]),
            ("first_on", data["first_on"].isoformat()),
            ("last_on", data["last_on"].isoformat() if data["last_on"] else ""),
            ("times", str(data["times"] or "")),
        ]

    @property
    def order_draft(self) -> OrderDraft:
        """The order that a valid form describes.

        Raises: AccountNotFound if no account has the number.
        """
        data = self.cleaned_data
        if self.to_account is None:
            raise AccountNotFound(NOT_PAYABLE)
        return OrderDraft(
            id=self.order_id, owner=self.user, from_account=data["from_account"],
            to_account=self.to_account, amount=data["amount"], every=data["every"],
            first_on=data["first_on"], last_on=data["last_on"], times=data["times"],
            description=data["description"], reference=data["reference"],
        )  # fmt: skip

    def describes(self, row: Any) -> bool:
        """Returns whether the stored order has the same values as the form."""
        if self.to_account is None:
            return False
        mine = self.order_draft.row
        return all(getattr(mine, name) == getattr(row, name) for name in FORM_FIELDS)

    @property
    def order_id(self) -> UUID:
        """The id of the order that this form sets up. See `order_id_for`."""
        id = self.cleaned_data["id"] if self.is_bound else self.initial["id"]
        return order_id_for(self.user, id)


class AmountForm(forms.Form):
    """The form for a new amount of an order."""

    amount = AmountField()
