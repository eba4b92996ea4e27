"""The form of a new order, which is a transfer with its days, and that of another amount."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone

from accounts.models import User
from banking.standing_orders.models import MOST_TIMES, Every, StandingOrder
from banking.standing_orders.services import ONCE_HAS_NO_END, OrderDraft, first_day_refusal
from ledger.db.ids import uuid7_for
from transactions.exceptions import AccountNotFound
from transactions.fields import AmountField, DayField
from transactions.safeguards.recipients import NOT_PAYABLE
from transactions.transfers.forms import TransferForm

# Note [Proof for a series]: who sets up or changes payments to others proves who they are, as
# Article 14 of the EU's technical standards on strong customer authentication asks (2018/389).
WHY_PROOF = "A standing order that pays others needs a proof that it is you."

HOW_MANY = f"Type a whole number from 1 to {MOST_TIMES:,}."

SAID = (
    "from_account_id", "to_account_id", "amount", "every", "first_on", "last_on", "times",
    "description", "reference",
)  # fmt: skip


def order_id_for(owner: User, id: UUID) -> UUID:
    """The id of the order that a form with this id makes; never that of a payment."""
    return uuid7_for(owner.pk, uuid7_for(owner.pk, id))


class StandingOrderForm(TransferForm):
    """A new order. `payment_id` is the id of the order."""

    every = forms.ChoiceField(label="How often", choices=Every.choices, initial=Every.MONTH)
    first_on = DayField(label="First payment on")
    last_on = DayField(
        label="End date",
        required=False,
        help_text="Without an end it pays until you end it.",
    )
    times = forms.IntegerField(
        label="Or number of payments", required=False, min_value=1, max_value=MOST_TIMES,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), HOW_MANY),
    )  # fmt: skip

    def clean_first_on(self) -> date:
        """Returns the day. Raises ValidationError for one that is past or too far away."""
        day: date = self.cleaned_data["first_on"]
        if refusal := first_day_refusal(day, timezone.localdate()):
            raise forms.ValidationError(refusal)
        return day

    def clean(self) -> dict[str, Any]:
        """Refuses two ends, an end before the first day, and any end of what is paid once."""
        data = super().clean()
        first, last, times = data.get("first_on"), data.get("last_on"), data.get("times")
        if data.get("every") == Every.ONCE:
            if last or times not in (None, 1):
                self.add_error("last_on" if last else "times", ONCE_HAS_NO_END)
        elif last and times:
            self.add_error("times", "Say until when it pays, or how many times; not both.")
        elif first and last and last < first:
            self.add_error("last_on", "This is before the first payment.")
        return data

    @property
    def as_read(self) -> list[tuple[str, str]]:
        """The fields as they were understood, for the review to send on."""
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
        """The order that a valid form describes, if its number names an account."""
        data = self.cleaned_data
        if self.to_account is None:
            raise AccountNotFound(NOT_PAYABLE)
        return OrderDraft(
            id=self.order_id, owner=self.user, from_account=data["from_account"],
            to_account=self.to_account, amount=data["amount"], every=data["every"],
            first_on=data["first_on"], last_on=data["last_on"], times=data["times"],
            description=data["description"], reference=data["reference"],
        )  # fmt: skip

    def describes_order(self, order: StandingOrder) -> bool:
        """Whether the order is what the form says, as long as nobody has changed it since."""
        if self.to_account is None:
            return False
        mine = self.order_draft.row
        return all(getattr(mine, name) == getattr(order, name) for name in SAID)

    @property
    def order_id(self) -> UUID:
        """See `order_id_for`."""
        id = self.cleaned_data["id"] if self.is_bound else self.initial["id"]
        return order_id_for(self.user, id)


class AmountForm(forms.Form):
    """Another amount for an order."""

    amount = AmountField()
