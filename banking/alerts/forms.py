"""The forms for a person's alerts: one form for each kind of alert, and one for the times of
emails.
"""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Account, User
from banking.alerts.models import AlertChoice, AlertKind, AlertMail, AlertTimes
from ledger.text.money import figure
from transactions.fields import AmountField, MoneyForm, OwnAccountField

AMOUNTS = {
    AlertKind.MONEY_IN: ("Above", "Leave this empty for any amount."),
    AlertKind.MONEY_OUT: ("Above", "Leave this empty for any amount."),
    AlertKind.BALANCE_BELOW: (
        "Below",
        "You get one alert when a payment takes the balance below this amount.",
    ),
}


class AmountOrZeroField(AmountField):
    """A form field for an amount. If the field is optional, an empty value means zero."""

    def clean(self, value: Any) -> Any:
        """Returns the amount, or zero if an optional field is empty.

        Raises: ValidationError with a message for the user.
        """
        if not self.required and not str(value or "").strip(" "):
            return Decimal(0)
        return super().clean(value)


class AlertChoiceForm(MoneyForm):
    """The form with which a user chooses one kind of alert. Depending on the kind, the form has
    fields for an account, an amount and the email setting.
    """

    account = OwnAccountField(queryset=Account.objects.none(), empty_label=None)
    amount = AmountOrZeroField()
    mail = forms.ChoiceField(
        label="By mail", choices=AlertMail.choices, widget=forms.RadioSelect, initial=AlertMail.OFF
    )

    def __init__(
        self, data: Any, *, owner: User, kind: AlertKind, saved: AlertChoice | None
    ) -> None:
        initial: dict[str, Any] = {}
        if saved is not None and saved.account is not None:
            amount = figure(saved.amount, saved.account.currency) if saved.amount else ""
            initial = {"account": saved.account_id, "amount": amount}
        if saved is not None:
            initial["mail"] = saved.mail
        super().__init__(data, initial=initial)
        if kind.is_of_account:
            mine = Account.objects.owned_by(owner).not_closed()
            self.fields["account"].queryset = mine  # type: ignore[attr-defined]
            if saved is None:
                chosen = AlertChoice.objects.owned_by(owner).filter(kind=kind)
                free = mine.exclude(pk__in=chosen.values("account"))
                self.initial["account"] = free.values_list("pk", flat=True).first()
            label, text = AMOUNTS[kind]
            self.fields["amount"].label, self.fields["amount"].help_text = label, text
            self.fields["amount"].required = kind == AlertKind.BALANCE_BELOW
        else:
            del self.fields["account"], self.fields["amount"]
        if kind == AlertKind.NEW_DEVICE:
            del self.fields["mail"]  # this email is always sent

    def clean(self) -> None:
        """Adds an error if the amount has more decimals than the account's currency."""
        data = self.cleaned_data
        if data.get("account") is not None and data.get("amount") is not None:
            self.refuse_decimals(data["amount"], data["account"].currency)


class ClockField(forms.TimeField):
    """A form field for a time of day, with the time picker of the browser."""

    default_error_messages = {"invalid": "Type a time like 22:30."}

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
        super().__init__(widget=widget, **kwargs)


class AlertTimesForm(forms.Form):
    """The form for the quiet hours and the time of the daily email."""

    daily_at = ClockField(label="Daily mail at")
    quiet_from = ClockField(label="No mail from", required=False)
    quiet_until = ClockField(
        label="No mail until",
        required=False,
        help_text="The hours may include midnight. We send the mails of these hours afterwards.",
    )

    @classmethod
    def of(cls, data: Any, times: AlertTimes) -> "AlertTimesForm":
        """Returns the form. `times` contains the initial values of its fields."""
        names = ("daily_at", "quiet_from", "quiet_until")
        return cls(data, initial={name: getattr(times, name) for name in names})

    def clean(self) -> None:
        """Adds an error in two cases: only one of the fields `quiet_from` and `quiet_until` has a
        time, or both fields have the same time.
        """
        if self.errors:
            return
        begin, end = self.cleaned_data["quiet_from"], self.cleaned_data["quiet_until"]
        if (begin is None) != (end is None):
            name = "quiet_until" if end is None else "quiet_from"
            self.add_error(name, "Type both times, or leave both empty.")
        elif begin is not None and begin == end:
            self.add_error("quiet_until", "Type a time that differs from the first time.")
