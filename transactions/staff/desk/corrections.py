"""The forms for refunds and captures. `steps` handles their requests."""

from typing import Any

from accounts.admin.actions import ReasonForm
from accounts.models import Account, User
from accounts.obstacles import Obstacle
from ledger.text.currencies import minor_units
from ledger.text.dates import day_heading
from ledger.text.lines import tidy_line
from ledger.text.money import figure, money
from transactions import staff_services
from transactions.fields import AmountField
from transactions.lifecycle import lifecycle_of
from transactions.models import StaffReason, Transaction
from transactions.models.transaction import DESCRIPTION_LIMIT
from transactions.services import Draft
from transactions.staff.desk.steps import Review, StepForm, account_label, balance_fact
from transactions.staff_actions import CAPTURE, REFUND, StaffAction


class CorrectionForm(ReasonForm, StepForm):
    """A form that refunds a transaction or captures a hold. The fields are the amount and the
    reason.
    """

    action: StaffAction
    amount = AmountField()
    field_order = ("id", "amount", "reason", "message")

    def __init__(self, *args: Any, about: Transaction, **kwargs: Any) -> None:
        super().__init__(*args, about=about, **kwargs)
        self.row = about
        self.look_again()

    def look_again(self) -> None:
        self.lifecycle = lifecycle_of(self.row)

    @classmethod
    def refusal(cls, about: Transaction | None, clerk: User) -> str:
        return cls.action.refusal(lifecycle_of(about), clerk) if about else ""

    @classmethod
    def obstacles(cls, about: Transaction | None, clerk: User) -> list[Obstacle]:
        return cls.action.obstacles(lifecycle_of(about), clerk) if about else []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("amount"):
            self.refuse_decimals(data["amount"], self.row.currency)
        return data

    def book(self) -> Transaction:
        return staff_services.book(
            self.draft,
            action=StaffReason.Action(self.action.name),
            reason=self.cleaned_data["reason"],
            message=self.cleaned_data.get("message", ""),
            written_by=self.clerk,
        )

    def reason_facts(self) -> list[tuple[str, str]]:
        """Returns the reason and the message to the customer as they will be stored, each with a
        label.
        """
        data = self.cleaned_data
        kept = [("Reason", data["reason"]), ("The customer reads", data.get("message", ""))]
        return [(label, tidy_line(text)) for label, text in kept]


class RefundForm(CorrectionForm):
    """A form that refunds a transaction, completely or in part."""

    title = "Refund"
    action = REFUND
    permission = REFUND.permission

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = "Optional. Both sides see this on the receipt of the refund."
        self.fields["message"].help_text = help_text

    @property
    def figures(self) -> str:
        return f"{self.lifecycle.left:.{minor_units(self.row.currency)}f}"

    def look_again(self) -> None:
        """Reads again how much of the transaction can still be refunded, and updates the field."""
        super().look_again()
        self.fields["amount"].initial = self.figures
        left = money(self.lifecycle.left, self.row.currency)
        self["amount"].help_text = f"Enter all of {left}, or a part of it."

    @property
    def lead(self) -> str:
        row, lifecycle = self.row, self.lifecycle
        sentence = f"{money(row.amount, row.currency)} {_way(row)}, {day_heading(row.created_at)}."
        if not lifecycle.reversed:
            return sentence
        back, left = money(lifecycle.reversed, row.currency), money(lifecycle.left, row.currency)
        return f"{sentence} {back} was refunded before; {left} is left."

    @property
    def draft(self) -> Draft:
        """The draft of the refund. Its category is the category of the refunded payment, so that
        the refund reduces the spending in this category.
        """
        row, data = self.row, self.cleaned_data
        return Draft(
            id=self.transaction_id,
            from_account=row.to_account,
            to_account=row.from_account,
            amount=data["amount"],
            description=f"Refund: {row.description}"[:DESCRIPTION_LIMIT].removesuffix(": "),
            reference=row.reference,
            metadata={"category": row.category} if row.category else None,
            reverses=row,
            created_by=self.clerk,
        )

    def review(self, row: Transaction) -> Review:
        original = self.row
        part = f"{money(row.amount, row.currency)} of {money(original.amount, row.currency)}"
        if original.from_account:
            verb, sentence = "Refund", f"Refund {part} to {account_label(original.from_account)}."
        else:
            assert original.to_account is not None  # noqa: S101  a deposit has a recipient
            verb, sentence = (
                "Take back",
                f"Take {part} back from {account_label(original.to_account)}.",
            )
        facts = _balances(original.from_account, row.to_balance, row, comes_in=True)
        facts += _balances(original.to_account, row.from_balance, row, comes_in=False)
        facts.append(("Left to refund", figure(self.lifecycle.left - row.amount, row.currency)))
        button = f"{verb} {money(row.amount, row.currency)}"
        return Review(sentence, [*facts, *self.reason_facts()], button)

    def done(self, row: Transaction) -> str:
        return f"{self.lifecycle.back} {money(row.amount, row.currency)}."


class CaptureForm(CorrectionForm):
    """A form that captures a hold, completely or in part. The rest of the hold is released."""

    title = "Capture"
    action = CAPTURE
    permission = CAPTURE.permission

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.row
        self.fields["amount"].initial = f"{row.amount:.{minor_units(row.currency)}f}"
        self.fields[
            "amount"
        ].help_text = "Enter the full amount, or a part. The rest is released immediately."
        del self.fields["message"]

    @property
    def lead(self) -> str:
        row = self.row
        return f"{money(row.amount, row.currency)} is held {_place(row)}."

    @property
    def draft(self) -> Draft:
        """The draft of the capture, with the texts and metadata of the hold, as in
        `services.capture`.
        """
        row, data = self.row, self.cleaned_data
        return Draft(
            id=self.transaction_id,
            from_account=row.from_account,
            to_account=row.to_account,
            amount=data["amount"],
            description=row.description,
            reference=row.reference,
            metadata=row.metadata,
            captures=row,
            created_by=self.clerk,
        )

    def review(self, row: Transaction) -> Review:
        held, captured = money(self.row.amount, row.currency), money(row.amount, row.currency)
        sentence = f"Capture {captured} of {held} held {_place(self.row)}."
        facts = _balances(self.row.from_account, row.from_balance, row, comes_in=False)
        facts += _balances(self.row.to_account, row.to_balance, row, comes_in=True)
        facts.append(("Released immediately", figure(self.row.amount - row.amount, row.currency)))
        return Review(sentence, [*facts, *self.reason_facts()], f"Capture {captured}")

    def done(self, row: Transaction) -> str:
        return f"Captured {money(row.amount, row.currency)}."


def _place(hold: Transaction) -> str:
    """Returns a text with the recipient and the account whose money is held."""
    account, payee = hold.from_account, hold.to_account
    on = f"on {account.name} of {account.user}" if account else ""
    return f"{on} for {payee.user if payee else hold.description or 'a payment'}"


def _way(row: Transaction) -> str:
    """Returns a text with the sender and the recipient of a transaction. A recipient outside the
    bank is replaced by the description.
    """
    sender = f"from {row.from_account.name} of {row.from_account.user}" if row.from_account else ""
    to = row.to_account
    recipient = f"to {to.name} of {to.user}" if to else f"for {row.description or 'a payment'}"
    return f"{sender} {recipient}".strip()


def _balances(
    account: Account | None, after: Any, row: Transaction, *, comes_in: bool
) -> list[tuple[str, str]]:
    """Returns a list with one pair for `Review.facts`: a label, and the balance of the account
    before and after the booking. The list is empty if the account is None.
    """
    if account is None:
        return []
    _, change = balance_fact(account, after, row.amount if comes_in else -row.amount)
    return [(f"Balance of {account.user}", change)]
