"""The forms that place and release holds."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.admin.actions import ReasonForm, StaffStep
from accounts.forms import AccountNumberField
from accounts.models import Account
from ledger.text.dates import day_heading
from ledger.text.lines import tidy_line
from ledger.text.money import figure, money
from transactions import staff_services
from transactions.exceptions import ExpiryPassed, LedgerError
from transactions.fields import AmountField
from transactions.models import StaffReason, Transaction
from transactions.models.transaction import DESCRIPTION_LIMIT
from transactions.services import Draft
from transactions.staff.desk.cash import AccountStepForm
from transactions.staff.desk.steps import Review, account_label
from transactions.staff_actions import CAPTURE

HELD_FOR_DAYS, LONGEST_HOLD = 7, 366

RELEASE_HOLDS = StaffStep(
    verb="Release",
    consequence="The reserved money is available again immediately. This cannot be undone.",
    do=lambda hold, reason, message, by: staff_services.release(
        hold=hold, reason=reason, message=message, written_by=by
    ),
    done="released",
    is_done=lambda hold: hold.status == Transaction.Status.VOIDED,
    as_is="released already",
    message_help="Optional. The customer sees this on the receipt of the hold.",
)


class HoldForm(ReasonForm, AccountStepForm):
    """A form that places a hold on a customer's account."""

    title = "Place a hold"
    permission = CAPTURE.permission

    amount = AmountField()
    description = forms.CharField(
        label="Recipient", max_length=DESCRIPTION_LIMIT, help_text="The customer sees this."
    )
    payee = AccountNumberField(
        label="Their account",
        required=False,
        help_text="Enter this only if the recipient's account is at this bank.",
    )
    until = forms.DateField(
        label="Held until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The hold expires at the end of this day, unless it is captured before.",
    )
    field_order = ("id", "number", "amount", "description", "payee", "until", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["message"]

    @classmethod
    def prefilled(cls, query: Mapping[str, str]) -> dict[str, Any]:
        until = timezone.localdate() + timedelta(days=HELD_FOR_DAYS)
        return {**super().prefilled(query), "until": until}

    def clean_description(self) -> str:
        return tidy_line(self.cleaned_data["description"])

    def clean_payee(self) -> Account | None:
        """Returns the recipient's account, or None if the field is empty.

        Raises: ValidationError for an account of the clerk or of the clerk's household.
        """
        payee: Account | None = self.cleaned_data["payee"]
        if payee is not None:
            self.refuse_own(payee)
        return payee

    def clean_until(self) -> date:
        """Returns the day. Raises ValidationError for a day in the past or more than a year in the
        future, unless this form has already booked the hold.
        """
        until: date = self.cleaned_data["until"]
        if self.was_booked:
            return until
        today = timezone.localdate()
        if until < today:
            raise forms.ValidationError("This day is in the past. Choose today or a later day.")
        if until > today + timedelta(days=LONGEST_HOLD):
            raise forms.ValidationError("A hold can last one year at most. Choose an earlier day.")
        return until

    @property
    def draft(self) -> Draft:
        data = self.cleaned_data
        return Draft(
            id=self.transaction_id,
            from_account=data["number"],
            to_account=data["payee"],
            amount=data["amount"],
            description=data["description"],
            pending=True,
            expires_at=last_second_of(data["until"]),
            created_by=self.clerk,
        )

    def book(self) -> Transaction:
        reason = self.cleaned_data["reason"]
        reason_fields = {
            "action": StaffReason.Action.HOLD,
            "reason": reason,
            "written_by": self.clerk,
        }
        return staff_services.book(self.draft, **reason_fields)

    def field_of(self, refusal: LedgerError) -> str | None:
        return "until" if isinstance(refusal, ExpiryPassed) else super().field_of(refusal)

    def review(self, row: Transaction) -> Review:
        account: Account = self.cleaned_data["number"]
        amount, available = money(row.amount, row.currency), account.available
        before = figure(available, row.currency)
        after = money(available - row.amount, row.currency)
        facts = [
            ("For", row.description),
            ("Their account", account_label(row.to_account) if row.to_account else ""),
            ("Until", f"the end of {day_heading(row.expires_at)}"),
            ("Available", f"{before} → {after}"),
            ("Reason", tidy_line(self.cleaned_data["reason"])),
        ]
        return Review(f"Hold {amount} on {account_label(account)}.", facts, f"Hold {amount}")

    def done(self, row: Transaction) -> str:
        return f"Held {money(row.amount, row.currency)} for {row.description}."


def last_second_of(day: date) -> datetime:
    """Returns the last second of a day in the bank's time zone."""
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
