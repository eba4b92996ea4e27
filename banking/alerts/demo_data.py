"""Creates alert choices and past alerts for the demo user Ana.

The triggers write alerts only for payments that are booked after a user has chosen the alert. The
demo payments are booked before Ana's choices. Therefore this module writes the alerts of these
payments, with the times of the payments.
"""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from accounts.models import User
from banking.alerts.models import Alert, AlertChoice, AlertKind, id_of_alert
from banking.alerts.services import choose
from transactions.demo.registered import DemoBank, register
from transactions.models import Entry

DAYS, MAX_ALERTS, UNREAD = 30, 20, 3


class DemoChoice(NamedTuple):
    kind: AlertKind
    amount: str = ""


CHOICES = (
    DemoChoice(AlertKind.MONEY_IN, "100"),
    DemoChoice(AlertKind.MONEY_OUT, "40"),
    DemoChoice(AlertKind.BALANCE_BELOW, "500"),
    DemoChoice(AlertKind.ORDER_LACKS),
    DemoChoice(AlertKind.ORDER_FAILED),
    DemoChoice(AlertKind.NEW_DEVICE),
)


@register(order=70)
def add_alerts(bank: DemoBank) -> None:
    """Adds Ana's choices and the alerts of her latest payments. A second call changes nothing."""
    ana = bank.people["ana"]
    if AlertChoice.objects.owned_by(ana).exists():
        return
    everyday = ana.accounts.get(name="Everyday")
    recent = Entry.objects.for_account(everyday).between(bank.now - timedelta(days=DAYS), None)
    alerts = [alert for entry in recent.newest_first() if (alert := _alert(ana, entry))][
        :MAX_ALERTS
    ]
    for alert in alerts[UNREAD:]:
        alert.read_at = bank.now
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)
    for kind, amount in CHOICES:
        of = {"account": everyday, "amount": Decimal(amount)} if amount else {}
        choose(owner=ana, kind=kind, **of)  # type: ignore[arg-type]


def _alert(ana: User, entry: Entry) -> Alert | None:
    kind = AlertKind.MONEY_IN if entry.is_credit else AlertKind.MONEY_OUT
    if entry.amount <= Decimal(dict(CHOICES)[kind]):
        return None
    return Alert(
        id=id_of_alert(kind, ana.pk, entry.transaction_id, None), owner=ana, kind=kind,
        account_id=entry.account_id, about=entry.transaction_id, amount=entry.amount,
        balance=entry.balance, created_at=entry.created_at,
    )  # fmt: skip
