"""The forms of outside accounts: for the account, for the upload, and for the meaning of CSV
columns.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from accounts.forms import carry_initial, currency_choices
from accounts.models import User
from banking.outside.formats.columns import ROLES
from banking.outside.formats.lines import MAX_LINES
from banking.outside.formats.sheet import Sheet
from banking.outside.models import NAME_LIMIT, OutsideAccount
from ledger.db.ids import uuid7
from ledger.text.amounts import parse_figure, too_fine
from ledger.text.currencies import fits, minor_units
from ledger.text.lines import shortened, tidy_line
from ledger.web.form_fields import ReadableNameField


class BalanceField(forms.CharField):
    """A form field for an amount that may be negative."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(widget=widget, max_length=40, **kwargs)

    def clean(self, value: Any) -> Decimal:
        """Returns the amount. An empty value is zero.

        Raises: ValidationError if the text is not an amount.
        """
        typed = super().clean(value).strip().replace("\N{MINUS SIGN}", "-")
        if not typed:
            return Decimal(0)
        found = parse_figure(typed.removeprefix("-").strip())
        if found is None:
            raise forms.ValidationError("Type the balance in digits, like 950.00 or -20.00.")
        return -found if typed.startswith("-") else found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Returns whether the two texts are different amounts. For example, "5" and "5.00" are
        equal.
        """
        try:
            return not initial or self.clean(initial) != self.clean(data)
        except forms.ValidationError:
            return True


class OutsideChangeForm(forms.Form):
    """The form for the name and the opening balance of an outside account. An import can change the
    opening balance while the form is open. Therefore only the values that the person changed
    (`changes`) are saved.
    """

    name = ReadableNameField(
        max_length=NAME_LIMIT, help_text="For example \u201cING current\u201d."
    )
    opening = BalanceField(
        label="Balance before the first entry",
        required=False,
        help_text=(
            "Leave this empty if your first file includes balances. If we have no balance, "
            "we use 0."
        ),
    )

    def __init__(self, *args: Any, currency: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account_currency = currency
        if currency:
            carry_initial(self, self.fields)

    def clean(self) -> None:
        """Adds an error if the balance has more decimals than the currency."""
        data = self.cleaned_data
        currency, opening = data.get("currency") or self.account_currency, data.get("opening")
        if currency and opening and not fits(opening, minor_units(currency)):
            self.add_error("opening", too_fine(opening, currency))

    @property
    def changes(self) -> dict[str, Any]:
        """The values of a valid form that the person changed: they differ from the values that the
        page showed.
        """
        return {name: self.cleaned_data[name] for name in self.changed_data}


class OutsideAccountForm(OutsideChangeForm):
    """The form for a new outside account. The form contains the id of the account, so that a form
    that is sent twice opens only one account.
    """

    field_order = ("name", "currency", "opening")
    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    currency = forms.ChoiceField(choices=currency_choices)


class OutsideAccountChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A form field that lists the outside accounts of the person."""

    def label_from_instance(self, account: OutsideAccount) -> str:
        return f"{account.name}, {account.currency}"


class UploadForm(forms.Form):
    """The form that uploads a file. The form contains the id of the import, so that a form that is
    sent twice stores the file only once.
    """

    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    account = OutsideAccountChoice(OutsideAccount.objects.none(), label="Account", empty_label=None)
    file = forms.FileField(
        allow_empty_file=True,  # the file reader has a better message
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.ofx,.qfx,.qif,.xml,.sta,.mt940,.940"}),
        help_text=(
            "CSV, OFX, QIF, camt.053 or MT940, as you downloaded it from your bank. Up to "
            f"{MAX_LINES:,} lines. You see the lines before anything is imported."
        ),
        error_messages={"required": "Choose the file that you downloaded from your bank."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = OutsideAccount.objects.owned_by(user).order_by("name", "pk")
        self.fields["account"].queryset = mine  # type: ignore[attr-defined]


LABELS = {
    "date": "Date",
    "amount": "Amount, with a sign",
    "side": "Money in or out",
    "fee": "Fee",
    "out": "Money out",
    "in": "Money in",
    "balance": "Balance after the line",
    "currency": "Currency",
    "status": "Status",
    "other": "Name of the other side",
    "reference": "Reference",
    "id": "The bank\u2019s id",
}
HELP = {
    "side": "Choose the column that shows, for each amount, whether it was money in or money out. "
    "The column contains words such as credit and debit, C and D, H and S, or Bij and Af.",
    "balance": "We use this column only if the balances match the amounts.",
    "fee": (
        "Choose this column if the amounts do not include the fees. We then subtract the "
        "fee: less money in, or more money out."
    ),
    "status": "We skip lines that are pending, reverted, declined or similar.",
    "currency": "If a line is in a different currency than the account, the file is not imported.",
}
ORDER_CHOICES = [
    ("dmy", "day, month, year"), ("mdy", "month, day, year"), ("ymd", "year, month, day"),
]  # fmt: skip
MARKS = [(".", "a point: 1,234.50"), (",", "a comma: 1.234,50")]


class ColumnsForm(forms.Form):
    """The form for the meaning of the columns of a CSV file. See Note [Columns]."""

    def __init__(self, data: Any, *, sheet: Sheet, known: Mapping[str, Any]) -> None:
        given = {role: known.get(role) for role in ROLES}
        initial = {**known, **{f"role_{role}": place for role, place in given.items()}}
        super().__init__(data, initial=initial)
        self.sheet = sheet
        columns = [(str(place), _label(sheet, place)) for place in range(len(sheet.names))]
        for role in ROLES:
            self.fields[f"role_{role}"] = forms.TypedChoiceField(
                label=LABELS[role], choices=[("", "\u2013 none \u2013"), *columns],
                required=role == "date", coerce=int, empty_value=None,
                help_text=HELP.get(role, ""),
            )  # fmt: skip
        self.fields["texts"] = forms.TypedMultipleChoiceField(
            label="Description", choices=columns, coerce=int, required=False,
            widget=forms.CheckboxSelectMultiple,
        )  # fmt: skip
        self.fields["order"] = forms.ChoiceField(label="Order of the date", choices=ORDER_CHOICES)
        self.fields["decimal"] = forms.ChoiceField(label="Decimal separator", choices=MARKS)
        self.fields["flip"] = forms.BooleanField(
            label="Amounts without a minus are money out", required=False
        )

    def clean(self) -> None:
        """Adds an error in three cases. No column with amounts is chosen. A column for all amounts
        and a column for one direction are both chosen. A column for the direction or for the fee is
        chosen, but no column for all amounts.
        """
        data = self.cleaned_data
        amount, out, into = (data.get(f"role_{role}") for role in ("amount", "out", "in"))
        if amount is None and (out is None and into is None):
            self.add_error(
                "role_amount",
                "Choose the column of the amount, or the columns of money in and money out.",
            )
        elif amount is not None and (out is not None or into is not None):
            self.add_error("role_amount", "Choose the amount, or money in and out, not both.")
        elif amount is None:
            for name in ("role_side", "role_fee"):
                if data.get(name) is not None:
                    self.add_error(
                        name,
                        "To use this column, also choose the column of the amount.",
                    )

    @property
    def mapping(self) -> dict[str, Any]:
        """The columns of a valid form, by role."""
        data = self.cleaned_data
        return {role: data[f"role_{role}"] for role in ROLES} | {
            name: data[name] for name in ("texts", "order", "decimal", "flip")
        }


def _label(sheet: Sheet, place: int) -> str:
    """Returns the name of the column, with the first text in the column as an example."""
    examples = (row[place].strip() for row in sheet.rows if place < len(row))
    example = shortened(tidy_line(next((text for text in examples if text), "")), 24)
    name = sheet.names[place] or f"column {place + 1}"
    return f"{name} ({example})" if example else name
