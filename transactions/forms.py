"""What people type about money, made exact or answered in a sentence."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from accounts.currencies import fits, minor_units, plain
from accounts.forms import AccountNumberField
from accounts.lines import shortened, tidy_line
from accounts.models import Account, User
from ledger.db.ids import uuid7
from transactions.drafts import Draft
from transactions.query_language import parse
from transactions.statements import Filters, moment_of
from transactions.values import DESCRIPTION_LIMIT, REFERENCE_LIMIT

# 1234.50, 1,234.50 and 1 234.50; ASCII digits only, so that what is read is what is seen.
TYPED_AMOUNT = re.compile(
    r"(?P<whole>[0-9]{1,15}|[0-9]{1,3}([, \u00a0\u202f][0-9]{3}){1,4})(\.(?P<part>[0-9]+))?",
    re.ASCII,
)

UNSEEN_SPACE = "Type the amount anew: beside it is a space that is not the keyboard's."


def read_amount(typed: str) -> Decimal:
    """The amount in what a person typed. ValidationError with a sentence otherwise.

    Around it stand spaces of the keyboard, if any, as a cell that is pasted brings them:
    `str.strip` would take two dozen others away, which nobody sees.
    """
    typed = typed.strip(" \t\r\n")
    if typed != typed.strip():
        raise forms.ValidationError(UNSEEN_SPACE)
    found = TYPED_AMOUNT.fullmatch(typed)
    if not found:
        raise forms.ValidationError(_why_no_amount(typed))
    whole = re.sub("[^0-9]", "", found["whole"])
    amount = Decimal(f"{whole}.{found['part'] or 0}")
    if not amount:
        raise forms.ValidationError("Type an amount above zero.")
    return amount


def too_fine(amount: Decimal, currency: str) -> str:
    """Why an amount that does not fit its currency is not taken."""
    said = shortened(f"{amount:f}")
    return f"{currency} has {minor_units(currency) or 'no'} decimals; {said} has more."


def _why_no_amount(typed: str) -> str:
    if typed.startswith(("-", "\N{MINUS SIGN}")):
        return "Type the amount without a minus sign; money is sent here, never taken."
    if re.fullmatch(r"[0-9]+,[0-9]{1,2}", typed):
        return f"Type decimals after a point, like {shortened(typed.replace(',', '.'))}."
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?", typed):
        english = typed.replace(".", "").replace(",", ".")
        return (
            "Type decimals after a point and no point between thousands, "
            f"like {shortened(english)}."
        )
    if re.search(r"[0-9]", typed) and re.search(r"[^0-9.,\s]", typed):
        return "Type the amount in digits alone, like 950.00; the account gives the currency."
    if sum(character.isdigit() for character in typed) > 15:
        return "That is more than any account can hold; check the number of digits."
    return "Type the amount in digits, like 950.00."


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


class TransferForm(MoneyForm):
    """A payment from one's own account to any account of this bank.

    It carries the id of the transaction from the first page on, so that sending it twice,
    going back or reloading pays once.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    from_account = OwnAccountField(Account.objects.none(), label="From", empty_label=None)
    number = AccountNumberField(label="To account number", suggestions="known-accounts")
    amount = AmountField()
    description = forms.CharField(
        label="What is it for?",
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
        """Whom the number names, once the form was read."""
        return getattr(self, "cleaned_data", {}).get("number")

    @property
    def sender(self) -> Account | None:
        """The account that is chosen as the form stands: the first, unless another is named."""
        chosen = self["from_account"].value()
        chosen = chosen.pk if isinstance(chosen, Account) else chosen
        mine = list(self.own_accounts)
        named = [account for account in mine if str(account.pk) == str(chosen)]
        return next(iter(named or mine), None)

    def clean_description(self) -> str:
        """The text without characters that nobody sees."""
        return tidy_line(self.cleaned_data["description"])

    def clean_reference(self) -> str:
        """The same for the reference."""
        return tidy_line(self.cleaned_data["reference"])

    def clean(self) -> dict[str, Any]:
        """The amount has the decimals of the sender's currency."""
        data = super().clean() or {}
        account, amount = data.get("from_account"), data.get("amount")
        if account and amount:
            self.refuse_decimals(amount, account.currency)
        return data

    @property
    def as_read(self) -> list[tuple[str, str]]:
        """The fields of a clean form as they were understood, for the review to send."""
        data = self.cleaned_data
        return [
            ("id", str(data["id"])),
            ("from_account", str(data["from_account"].pk)),
            ("number", data["number"].number),
            ("amount", f"{data['amount']:f}"),
            ("description", data["description"]),
            ("reference", data["reference"]),
        ]

    @property
    def is_between_own(self) -> bool:
        """Whether both accounts are the sender's own."""
        return self.to_account is not None and self.to_account.user_id == self.user.pk

    @property
    def recipient_name(self) -> str:
        """Who is paid: a person, or another account of one's own."""
        if self.to_account is None:
            return ""
        return self.to_account.name if self.is_between_own else self.to_account.user.name

    @property
    def draft(self) -> Draft:
        """What a clean form asks to be booked."""
        data = self.cleaned_data
        return Draft(
            id=data["id"],
            from_account=data["from_account"],
            to_account=self.to_account,
            amount=data["amount"],
            description=data["description"],
            reference=data["reference"],
            created_by=self.user,
        )


def _day(label: str) -> forms.DateField:
    """A day within the years that dates and time zones can count in."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
    )


class WordsField(forms.CharField):
    """Any text at all, as the search reads it. What it cannot read gets a sentence there."""

    def to_python(self, value: Any) -> str:
        return parse(super().to_python(value) or "").text


class StatementForm(forms.Form):
    """The filters of a statement, as they stand in its address."""

    start = _day("From")
    end = _day("To")
    direction = forms.ChoiceField(
        choices=[("", "All"), ("in", "Money in"), ("out", "Money out")],
        required=False,
        error_messages={"invalid_choice": "Money goes in or out; choose one of them."},
    )
    q = WordsField(
        label="Words, a name or an amount",
        required=False,
        help_text="Like rent, a person, or the amount to the cent",
    )
    before = forms.CharField(required=False, widget=forms.HiddenInput)
    after = forms.CharField(required=False, widget=forms.HiddenInput)
    paper = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """The period runs forwards; a mark is a time."""
        data = super().clean() or {}
        start, end = data.get("start"), data.get("end")
        if start and end and end < start:
            self.add_error("end", f"The period ends before it begins, on {end.day} {end:%B %Y}.")
        for name in ("before", "after"):
            try:
                data[name] = moment_of(int(data[name])) if data.get(name) else None
            except (ValueError, OverflowError):
                self.add_error(None, "There is no such page; go back to the newest entries.")
        return data

    @property
    def filters(self) -> Filters:
        """What a clean form asks for."""
        data = self.cleaned_data if self.is_valid() else {}
        return Filters(
            start=data.get("start"),
            end=data.get("end"),
            direction=data.get("direction", ""),
            text=data.get("q", ""),
        )

    def mark(self, name: str) -> datetime | None:
        """The booking time that the page ends `before` or begins `after`."""
        return self.cleaned_data.get(name) if self.is_valid() else None


def prefilled(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """What a link to the transfer form may fill in: its id, one's own account, the rest."""
    initial: dict[str, Any] = {"number": query.get("to", "")}
    with suppress(ValueError):
        initial["id"] = UUID(query.get("id", ""))
    initial |= {name: query[name] for name in ("amount", "description") if name in query}
    try:
        wanted = UUID(query.get("from", ""))
    except ValueError:
        return initial
    return initial | {"from_account": Account.objects.owned_by(user).filter(pk=wanted).first()}
