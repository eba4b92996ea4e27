"""The cash desk, where staff book deposits and withdrawals for customers."""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms

from accounts.forms import AccountNumberField
from accounts.models import Account
from ledger.text.lines import grouped
from ledger.text.money import figure, money
from transactions.exceptions import AccountNotActive, InvalidAmount, LedgerError
from transactions.fields import AmountField
from transactions.models import Transaction
from transactions.models.transaction import DESCRIPTION_LIMIT, REFERENCE_LIMIT
from transactions.services import Draft
from transactions.staff.desk.steps import Review, StepForm, account_label, balance_fact

METADATA = {"category": "cash", "channel": "cash desk"}
DESCRIPTIONS = {"deposit": "Cash deposit", "withdraw": "Cash withdrawal"}


class AccountStepForm(StepForm):
    """A form whose first field is a customer's account number."""

    number = AccountNumberField(label="Account number")

    @classmethod
    def prefilled(cls, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the initial account number. The link on an account's page contains the id of the
        account.
        """
        try:
            account = Account.objects.filter(pk=uuid.UUID(query.get("account", ""))).first()
        except ValueError:
            account = None
        return {"number": grouped(account.number)} if account else {}

    def clean_number(self) -> Account:
        """Returns the customer's account.

        Raises: ValidationError for an account of the clerk or of the clerk's household.
        """
        account: Account = self.cleaned_data["number"]
        self.refuse_own(account)
        return account

    def refuse_own(self, account: Account) -> None:
        """Raises ValidationError if the account belongs to the clerk or to a person in the clerk's
        household.
        """
        if account.user_id == self.clerk.pk:
            raise forms.ValidationError("This account is yours. A colleague must do this for you.")
        if self.clerk.is_close_to(account.user):
            raise forms.ValidationError(
                "This account belongs to your household. A colleague must do this for them."
            )

    def clean(self) -> dict[str, Any]:
        """Adds an error if the amount has more decimals than the account's currency allows."""
        data = super().clean() or {}
        if data.get("amount") and data.get("number"):
            self.refuse_decimals(data["amount"], data["number"].currency)
        return data


class SlipForm(AccountStepForm):
    """A form that deposits or withdraws cash for a customer."""

    title = "Cash desk"
    permission = "transactions.use_cash_desk"

    kind = forms.ChoiceField(
        label="Kind",
        choices=[("deposit", "Deposit"), ("withdraw", "Withdraw")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose deposit or withdrawal."},
    )
    amount = AmountField(help_text="Digits with a decimal point, like 1250.00 or 1,250.00.")
    description = forms.CharField(
        max_length=DESCRIPTION_LIMIT,
        required=False,
        help_text=(
            "The customer sees this. If this is empty, the customer sees “Cash deposit” or "
            "“Cash withdrawal”."
        ),
    )
    reference = forms.CharField(
        max_length=REFERENCE_LIMIT, required=False, help_text="The number on the printed slip."
    )

    def clean(self) -> dict[str, Any]:
        """Sets an empty description to "Cash deposit" or "Cash withdrawal"."""
        data = super().clean()
        data["description"] = data.get("description") or DESCRIPTIONS.get(data.get("kind", ""), "")
        return data

    @property
    def not_done(self) -> str:
        kind = self.data.get("kind", "")
        return f"{DESCRIPTIONS[kind]} not booked." if kind in DESCRIPTIONS else super().not_done

    @property
    def comes_in(self) -> bool:
        return bool(self.cleaned_data["kind"] == "deposit")

    @property
    def draft(self) -> Draft:
        data = self.cleaned_data
        return Draft(
            id=self.transaction_id,
            from_account=None if self.comes_in else data["number"],
            to_account=data["number"] if self.comes_in else None,
            amount=data["amount"],
            description=data["description"],
            reference=data["reference"],
            metadata=METADATA,
            created_by=self.clerk,
        )

    def review(self, row: Transaction) -> Review:
        account: Account = self.cleaned_data["number"]
        verb, way = ("Deposit", "into") if self.comes_in else ("Withdraw", "from")
        amount = money(row.amount, row.currency)
        after = row.to_balance if self.comes_in else row.from_balance
        facts = [
            balance_fact(account, after, row.amount if self.comes_in else -row.amount),
            ("Available now", figure(account.available, account.currency)),
            ("Status", account.get_status_display()),
            ("Description", row.description),
            ("Reference", row.reference),
        ]
        return Review(f"{verb} {amount} {way} {account_label(account)}.", facts, f"{verb} {amount}")

    def done(self, row: Transaction) -> str:
        return f"Booked: {row.description}, {money(row.amount, row.currency)}."

    def in_words(self, refusal: LedgerError) -> str:
        account: Account = self.cleaned_data["number"]
        account.refresh_from_db()
        if isinstance(refusal, AccountNotActive) and account.is_frozen:
            problem = (
                "is frozen. It can receive deposits. Unfreeze the account before a withdrawal."
            )
        elif isinstance(refusal, AccountNotActive):
            problem = "is closed. Ask the customer for another account."
        elif isinstance(refusal, InvalidAmount):
            problem = "would have too large a balance. Deposit less."
        else:
            return super().in_words(refusal)
        return f"{account_label(account)}, {problem}"
