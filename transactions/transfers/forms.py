"""The form for a transfer."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django import forms

from accounts.forms import AccountNumberField, account_numbered
from accounts.models import Account, User
from ledger.db.ids import uuid7, uuid7_for
from ledger.text.lines import tidy_line
from ledger.text.money import figure
from transactions.exceptions import AccountNotFound, CurrencyMismatch, LedgerError
from transactions.fields import AmountField, MoneyForm, OwnAccountField
from transactions.models import Transaction
from transactions.models.transaction import DESCRIPTION_LIMIT, REFERENCE_LIMIT
from transactions.payees.reads import sees_currency
from transactions.safeguards.names import LONGEST_NAME
from transactions.safeguards.quota import NUMBERS_ASKED, may_check_number
from transactions.safeguards.recipients import (
    CANNOT_RECEIVE,
    NOT_PAYABLE,
    RECIPIENT_REFUSED,
    is_payable,
    knows,
)
from transactions.services import Draft


class TransferForm(MoneyForm):
    """A form for a payment from one of the user's accounts to any account of this bank.

    The form has an id from the first request on. The id of the transaction is computed from this id
    (see `uuid7_for`). So a user who sends the form twice, goes back or reloads makes only one
    payment.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    from_account = OwnAccountField(Account.objects.none(), label="From", empty_label=None)
    number = AccountNumberField(
        label="To account number", suggestions="known-accounts", must_exist=False
    )
    name = forms.CharField(
        label="Recipient\u2019s name",
        max_length=LONGEST_NAME,
        required=False,
        help_text="We check whether it matches the account holder\u2019s name before you pay.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    amount = AmountField()
    description = forms.CharField(
        label="What is the payment for?",
        max_length=DESCRIPTION_LIMIT,
        required=False,
        help_text="You and the recipient see this.",
    )
    reference = forms.CharField(
        max_length=REFERENCE_LIMIT,
        required=False,
        help_text="An invoice or customer number, if they asked for one.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.own_accounts = Account.objects.owned_by(user).not_closed()
        self.fields["from_account"].queryset = self.own_accounts  # type: ignore[attr-defined]

    @property
    def to_account(self) -> Account | None:
        """The account with the typed number, or None if there is no such account or the form is not
        valid.
        """
        return getattr(self, "cleaned_data", {}).get("number")

    @property
    def payment_id(self) -> UUID:
        """The id of the transaction. The form must be valid, or must have an initial id."""
        id = self.cleaned_data["id"] if self.is_bound else self.initial["id"]
        return uuid7_for(self.user.pk, id)

    def refuse_unknown(self) -> bool:
        """Returns False if the person knows the account with the typed number, or if this account
        can be paid. Otherwise adds an error to the form and returns True.

        Counts the numbers that cannot be paid. After the daily limit, all unknown numbers get the
        same error, so that the form does not reveal which accounts exist.
        """
        if knows(self.user, self.to_account):
            return False
        is_good = is_payable(self.cleaned_data["from_account"], self.to_account)
        if refusal := self._other_currency:
            self.add_error("number", refusal)
        elif not may_check_number(self.user.pk, is_payable=is_good):
            self.add_error("number", NUMBERS_ASKED)
        elif not is_good:
            self.add_error("number", NOT_PAYABLE)
        return not self.is_valid()

    @property
    def sender(self) -> Account | None:
        """The chosen account, or else the first account, or else None."""
        chosen = self["from_account"].value()
        mine = list(self.own_accounts)
        named = [account for account in mine if str(account.pk) == str(chosen)]
        return next(iter(named or mine), None)

    def clean_description(self) -> str:
        """Returns the description in one line, without invisible characters."""
        return tidy_line(self.cleaned_data["description"])

    def clean_reference(self) -> str:
        """Returns the reference in one line, without invisible characters."""
        return tidy_line(self.cleaned_data["reference"])

    def clean(self) -> dict[str, Any]:
        """Adds an error if the amount has more decimals than the sender's currency allows."""
        data = super().clean() or {}
        account, amount = data.get("from_account"), data.get("amount")
        if account and amount:
            self.refuse_decimals(amount, account.currency)
        return data

    @property
    def as_read(self) -> list[tuple[str, str]]:
        """The names and parsed values of the fields, for hidden fields of the review."""
        data = self.cleaned_data
        return [
            ("id", str(data["id"])),
            ("from_account", str(data["from_account"].pk)),
            ("number", data["number"].number if data["number"] else ""),
            ("name", data["name"]),
            ("amount", f"{data['amount']:f}"),
            ("description", data["description"]),
            ("reference", data["reference"]),
        ]

    @property
    def is_between_own(self) -> bool:
        """Whether both accounts belong to the user."""
        return self.to_account is not None and self.to_account.user_id == self.user.pk

    def clean_name(self) -> str:
        """Returns the name in one line, without invisible characters."""
        return tidy_line(self.cleaned_data["name"])

    def describes(self, row: Any) -> bool:
        """Returns whether `row`, the payment that this form has made, has the same values as the
        form. The form must be valid.
        """
        data, to = self.cleaned_data, self.to_account
        return (
            row.from_account_id, row.to_account_id, row.amount, row.description, row.reference
        ) == (
            data["from_account"].pk, to and to.pk, data["amount"], data["description"],
            data["reference"],
        )  # fmt: skip

    def in_words(self, refusal: LedgerError) -> str:
        """Returns the message for an error. All errors about another person's account have the same
        message, so that the message does not reveal the cause.

        The message about a wrong currency is an exception: it contains the recipient's currency if
        the person may know the currency.
        """
        if isinstance(refusal, CurrencyMismatch) and (other := self._other_currency):
            return other
        is_about_recipient = isinstance(refusal, RECIPIENT_REFUSED)
        return CANNOT_RECEIVE if is_about_recipient and not self.is_between_own else str(refusal)

    @property
    def _other_currency(self) -> str:
        """A message that the recipient's account has another currency, or "" if the currencies are
        equal or the person may not know the recipient's currency. The form must be valid.
        """
        sender, to = self.cleaned_data["from_account"], self.to_account
        if not sees_currency(self.user, to) or to is None or to.currency == sender.currency:
            return ""
        others = [account for account in self.own_accounts if account.pk != to.pk]
        if any(account.currency == to.currency for account in others):
            return (
                f"This account is in {to.currency}. Choose one of your accounts in {to.currency}."
            )
        which = "another account" if self.is_between_own else "an account"
        return f"This account is in {to.currency}. Open {which} in {to.currency} first."

    @property
    def draft(self) -> Draft:
        """The draft of the payment. The form must be valid.

        Raises: AccountNotFound if no account has the number.
        """
        data = self.cleaned_data
        if self.to_account is None:
            raise AccountNotFound(NOT_PAYABLE)
        return Draft(
            id=self.payment_id,
            from_account=data["from_account"],
            to_account=self.to_account,
            amount=data["amount"],
            description=data["description"],
            reference=data["reference"],
            created_by=self.user,
        )


def prefilled(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """Returns the initial values of the transfer form from the parameters of a link."""
    initial = _as_paid(user, query.get("again", ""))
    initial |= _payer_of(user, query.get("to", ""))
    with suppress(ValueError):
        initial["id"] = UUID(query.get("id", ""))
    for field, parameter in (
        ("amount", "amount"), ("description", "description"), ("number", "to"),
    ):  # fmt: skip
        if parameter in query:
            initial[field] = tidy_line(query[parameter])
    with suppress(ValueError):
        wanted = UUID(query.get("from", ""))
        initial["from_account"] = Account.objects.owned_by(user).filter(pk=wanted).first()
    return initial


def _payer_of(user: User, number: str) -> dict[str, Any]:
    """Returns the initial value `from_account`: the first account of the person that can pay this
    number. A frozen account comes last.

    Returns an empty dict if there is no such account, or if the person may not know the currency of
    the number.
    """
    account = None
    with suppress(ValueError):
        account = account_numbered(number)
    if not sees_currency(user, account) or account is None:
        return {}
    mine = Account.objects.owned_by(user).not_closed().filter(currency=account.currency)
    found = sorted(mine.exclude(pk=account.pk), key=lambda each: each.is_frozen)
    return {"from_account": found[0]} if found else {}


def _as_paid(user: User, transaction: str) -> dict[str, Any]:
    """Returns the initial values that repeat a payment of the person, or an empty dict if there is
    no such payment.
    """
    with suppress(ValueError):
        sent = Transaction.objects.visible_to(user).with_sides().filter(pk=UUID(transaction))
        row = sent.filter(from_account__user=user, type=Transaction.Type.TRANSFER).first()
        if row is not None:
            other = row.to_account
            return {
                "from_account": row.from_account, "number": other.number,
                "name": "" if other.user_id == user.pk else other.user.name,
                "amount": figure(row.amount, row.currency), "description": row.description,
                "reference": row.reference,
            }  # fmt: skip
    return {}
