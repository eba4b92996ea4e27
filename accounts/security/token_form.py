"""The form for a new access token."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.exceptions import TokenInvalid
from accounts.models import Account, ApiToken, User
from accounts.sign_in import tokens
from accounts.sign_in.step_up import limit_in
from accounts.sign_in.tokens import NAME_LIMIT, IssuedToken
from ledger.text.amounts import decimals_refusal, read_amount
from ledger.web.form_fields import ReadableNameField

Scope = ApiToken.TokenScope
WHAT = {
    Scope.READ: "Read: your accounts, entries and notes",
    Scope.PAY: "Pay: send money from your accounts, without asking you again",
    Scope.STAFF: "Staff: what your groups may do for customers",
    Scope.REPORT: "Reports: the numbers of the whole bank",
}
DAYS = {30: "30 days", 90: "90 days", 180: "180 days", 365: "A year"}
USUAL_DAYS = 90
OF_PAYING = ("currency", "per_payment", "per_day")


class LimitField(forms.CharField):
    """A form field for a limit. For an empty field, `clean` returns None, which means "no
    limit".
    """

    def __init__(self, **kwargs: Any) -> None:
        keys = {"inputmode": "decimal", "autocomplete": "off"}
        widget = forms.TextInput(attrs=keys)
        super().__init__(max_length=40, required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        return read_amount(typed) if typed else None


class NewTokenForm(forms.Form):
    """A form for a new token. It offers only the scopes that the user may have. Limits and their
    currency apply only to the scope `pay`.
    """

    name = ReadableNameField(
        label="What is the token for?",
        max_length=NAME_LIMIT,
        help_text="A name to recognise the token later, for example the name of the program.",
        error_messages={"required": "Enter what the token is for."},
    )
    scopes = forms.MultipleChoiceField(
        label="What may the token do?",
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ],
        error_messages={"required": "Choose what the token may do."},
    )
    days = forms.TypedChoiceField(
        label="How long is the token valid?",
        choices=list(DAYS.items()),
        coerce=int,
        initial=USUAL_DAYS,
    )
    currency = forms.ChoiceField(
        label="Currency",
        help_text="The token pays only in this currency.",
        error_messages={"required": "Choose the currency in which the token pays."},
    )
    per_payment = LimitField(
        label="Limit per payment",
        help_text="A larger payment is refused. Leave this empty for no limit.",
    )
    per_day = LimitField(
        label="Limit per day",
        help_text=(
            "The limit for payments to others per day. Payments that you make yourself count, "
            "too. Leave this empty for no limit."
        ),
    )

    def __init__(self, *args: Any, person: User, second_factor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person, self.second_factor = person, second_factor
        currencies = _currencies_of(person)
        offered = [scope for scope in Scope if person.may_have_scope(scope)]
        if not currencies:
            offered.remove(Scope.PAY)
            for name in OF_PAYING:
                del self.fields[name]
        self.fields["scopes"].choices = [(scope.value, WHAT[scope]) for scope in offered]  # type: ignore[attr-defined]
        if currencies:
            self.fields["currency"].choices = [(code, code) for code in currencies]  # type: ignore[attr-defined]
            for name in ("per_payment", "per_day"):
                self.fields[name].initial = f"{limit_in(currencies[0]):f}"

    def clean(self) -> dict[str, Any]:
        """Returns the cleaned data. Adds an error to limits that have more decimals than their
        currency.
        """
        cleaned = super().clean() or {}
        if Scope.PAY not in cleaned.get("scopes", ()):
            without = {"currency": "", "per_payment": None, "per_day": None}
            for name in OF_PAYING:
                self.errors.pop(name, None)  # these fields do not apply
            return cleaned | without
        currency = cleaned.get("currency")
        for name in ("per_payment", "per_day"):
            limit = cleaned.get(name)
            if currency and limit and (refusal := decimals_refusal(limit, currency)):
                self.add_error(name, refusal)
        return cleaned

    def in_general(self) -> list[forms.BoundField]:
        """Returns the fields that apply to every token."""
        return [self[name] for name in self.fields if name not in OF_PAYING]

    def of_paying(self) -> list[forms.BoundField]:
        """Returns the fields that apply only to the scope `pay`. Returns an empty list if this
        scope is not offered.
        """
        return [self[name] for name in self.fields if name in OF_PAYING]

    def issue(self, session_key: str | None) -> IssuedToken | None:
        """Creates and returns the token. Returns None and adds an error to the form if the user
        cannot have this token.

        Raises: TooManyTokens; SignInChanged if the session is no longer valid.
        """
        given = self.cleaned_data
        try:
            return tokens.issue(
                person=self.person,
                name=given["name"],
                scopes=given["scopes"],
                expires_at=timezone.now() + timedelta(days=given["days"]),
                per_payment=given.get("per_payment"),
                per_day=given.get("per_day"),
                currency=given.get("currency", ""),
                second_factor=self.second_factor,
                session_key=session_key,
            )
        except TokenInvalid as refusal:
            self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal))
            return None


def _currencies_of(person: User) -> list[str]:
    """Returns the currencies of the user's open accounts, in the order of the accounts, oldest
    first.
    """
    mine = Account.objects.filter(user=person).exclude(status=Account.Status.CLOSED)
    codes = mine.order_by("created_at").values_list("currency", flat=True)
    return list(dict.fromkeys(codes))
