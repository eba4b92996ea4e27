"""What a person wants to be told of: the form of one kind."""

from typing import Any

from accounts.models import Account, User
from ledger.text.money import figure
from transactions.fields import AmountField, MoneyForm, OwnAccountField
from transactions.models import AlertChoice, AlertKind

AMOUNTS = {
    AlertKind.MONEY_IN: ("Above", "0 for any amount."),
    AlertKind.MONEY_OUT: ("Above", "0 for any amount."),
    AlertKind.BALANCE_BELOW: ("Below", "Told when a payment crosses it, once."),
}


class AlertChoiceForm(MoneyForm):
    """An account and an amount, where the kind has them."""

    account = OwnAccountField(queryset=Account.objects.none(), empty_label=None)
    amount = AmountField()

    def __init__(
        self, data: Any, *, owner: User, kind: AlertKind, saved: AlertChoice | None
    ) -> None:
        self.kind = kind
        initial: dict[str, Any] = {"amount": "0" if kind != AlertKind.BALANCE_BELOW else ""}
        if saved is not None and saved.account and saved.amount is not None:
            amount = figure(saved.amount, saved.account.currency)
            initial = {"account": saved.account_id, "amount": amount}
        super().__init__(data, initial=initial)
        if kind.is_of_account:
            mine = Account.objects.owned_by(owner).not_closed()
            self.fields["account"].queryset = mine  # type: ignore[attr-defined]
            label, text = AMOUNTS[kind]
            self.fields["amount"].label, self.fields["amount"].help_text = label, text
        else:
            del self.fields["account"], self.fields["amount"]

    def clean(self) -> dict[str, Any]:
        """Refuses an amount below zero or too fine, and a balance below zero."""
        data = super().clean() or {}
        account, amount = data.get("account"), data.get("amount")
        if account is not None and amount is not None:
            self.refuse_decimals(amount, account.currency)
            if amount < 0 or (amount == 0 and self.kind == AlertKind.BALANCE_BELOW):
                self.add_error("amount", "Type an amount above zero.")
        return data
