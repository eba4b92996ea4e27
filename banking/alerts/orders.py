"""Alerts about standing orders. This module reads the state of the order in an alert. It also
writes the alerts about payments for which an account will have too little money.

An alert is stored for a year, and an email may wait for hours. Therefore the state of the order is
read when the alert is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from banking.alerts.models import Alert, AlertChoice, AlertKind, id_of_alert
from banking.standing_orders.forecast import ExpectedPayment, failing_soon
from banking.standing_orders.models import Occurrence, StandingOrder
from banking.standing_orders.reads import names_of
from ledger.db.rights.row_security import RowScope, reading
from ledger.jobs.apart import apart
from ledger.text.dates import short_date
from ledger.text.money import money

ORDER_KINDS = (AlertKind.ORDER_FAILED, AlertKind.ORDER_LACKS)
Outcome = Occurrence.DayOutcome


class SettledDay(NamedTuple):
    """The result of a due day of a standing order. `paid` is the amount, or None if nothing was
    paid.
    """

    outcome: str
    reason: str
    at: datetime
    paid: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderDay:
    """The standing order that an alert is about, in its current state, and the due day of the
    payment. `who` is the recipient's name as the order's owner may see it. `settled` is None if the
    day has no result yet.
    """

    order: StandingOrder
    who: str
    day: date
    settled: SettledDay | None

    @property
    def verb(self) -> str:
        """A verb phrase about the refused payment, for example "was not paid"."""
        if self.settled is None:
            return "was not paid" if self.order.is_ended else "is not paid yet"
        is_paid = self.settled.outcome == Outcome.PAID
        return "was refused, then paid" if is_paid else "was not paid"

    @property
    def is_ahead(self) -> bool:
        """Whether the payment is still due in the future."""
        is_past = self.settled is not None or self.day < timezone.localdate()
        return self.order.is_active and not is_past

    @property
    def result(self) -> str:
        """A sentence with the result of the day, or "" if the day has no result yet."""
        if self.settled is None:
            return ""
        if self.settled.paid is not None:
            paid = money(self.settled.paid, self.order.currency)
            return f"{paid} was paid on {short_date(timezone.localdate(self.settled.at))}."
        is_skipped = self.settled.outcome == Outcome.SKIPPED
        return "The day was skipped." if is_skipped else "It was not paid."

    @property
    def reason(self) -> str:
        """The reason why the latest attempt was refused, or "" if no reason is stored. Also "" if
        the day was paid or skipped in the meantime.
        """
        if self.settled is None:
            return self.order.refused_why
        return self.settled.reason if self.settled.outcome == Outcome.REFUSED else ""

    @property
    def next_step(self) -> str:
        """A sentence about the next step: whether the payment is tried again, and until when. If
        the payment was made in the meantime, returns `result`.
        """
        if self.settled is not None and self.settled.paid is not None:
            return self.result
        if self.order.is_ended:
            return "We do not try again, because the order has ended."
        if self.settled is not None:
            is_skipped = self.settled.outcome == Outcome.SKIPPED
            return f"{self.result} We do not try again." if is_skipped else "We do not try again."
        if self.order.is_paused:
            return "We do not try again while the order is paused."
        return self._tries

    @property
    def _tries(self) -> str:
        until = self.order.tried_until
        if until is None:  # the owner has changed the order after the refusal
            return "We try again."
        if until < timezone.localdate():
            return "We try once more."
        after = short_date(until + timedelta(days=1))
        return f"We try again until the end of {short_date(until)}, and once more on {after}."


def order_url(alert: Alert) -> str:
    """Returns the URL of the page of the standing order that the alert is about."""
    return reverse("transactions:standing_order", args=[alert.about])


def order_days(alerts: Iterable[Alert]) -> dict[UUID, OrderDay]:
    """Returns a dict with the OrderDay of each alert about a standing order. The keys are the ids
    of the alerts. Leaves out alerts about other events. Also leaves out alerts whose standing
    orders were erased.

    All alerts must belong to one person. Makes six queries, or none if no alert is about an order.
    """
    of_orders = [each for each in alerts if each.kind in ORDER_KINDS and each.day]
    if not of_orders:
        return {}
    with reading(RowScope.DIRECTORY):
        rows = StandingOrder.objects.filter(pk__in={each.about for each in of_orders})
        orders = {row.pk: row for row in rows.with_accounts().select_related("owner")}
    if not orders:
        return {}
    owner = next(iter(orders.values())).owner
    who = names_of(owner, orders.values(), Account.objects.owned_by(owner))
    settled = _settled(of_orders)
    return {
        each.pk: OrderDay(
            order := orders[each.about], who[order.to_account_id], each.day,
            settled.get((each.about, each.day)),
        )
        for each in of_orders
        if each.about in orders and each.day
    }  # fmt: skip


def _settled(alerts: Iterable[Alert]) -> dict[tuple[UUID, date], SettledDay]:
    days = Occurrence.objects.filter(
        order__in={each.about for each in alerts}, due_on__in={each.day for each in alerts}
    )
    facts = days.values_list(
        "order", "due_on", "outcome", "reason", "created_at", "transaction__amount"
    )
    return {
        (order, day): SettledDay(outcome, reason, at, paid)
        for order, day, outcome, reason, at, paid in facts
    }


def write_lacking_money_alerts() -> int:
    """Writes an alert about each payment of a standing order that will soon fail, for example
    because the account will have too little money. Writes each alert only once. Returns the number
    of new alerts.

    Raises: the first error, after the alerts of all other people were written.
    """
    written = 0
    owners = StandingOrder.objects.active().values("owner")
    wanted = AlertChoice.objects.filter(kind=AlertKind.ORDER_LACKS, owner__in=owners)
    with apart("Alerts of orders, person") as person_apart:
        for choice in wanted.select_related("owner").iterator():
            with person_apart(choice.owner_id):
                written += _write_alerts(choice)
    return written


def _write_alerts(choice: AlertChoice) -> int:
    # A refused payment has a different alert, and later days of its order may have one too.
    failing = [
        payment for payment in failing_soon(choice.owner) if payment.order.refused_at is None
    ]
    alerts = [_alert_of_lack(choice, payment) for payment in failing]
    known = set(Alert.objects.filter(pk__in=[each.pk for each in alerts]).values_list("pk"))
    new = [each for each in alerts if (each.pk,) not in known]
    Alert.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _alert_of_lack(choice: AlertChoice, payment: ExpectedPayment) -> Alert:
    """Returns an alert about a payment that will probably fail. `amount` of the alert is the
    missing money. If the account is frozen, `amount` is 0. If the payment will fail for another
    reason, `amount` is None, and `detail` contains the reason.
    """
    order, stop = payment.order, payment.stop
    is_frozen = stop is not None and stop.account.is_frozen
    why = payment.and_before
    if stop is not None and not is_frozen:
        why = f", above {stop.most}" if stop.most else f": {stop}"
    return Alert(
        id=id_of_alert(choice.kind, choice.owner_id, order.pk, payment.day), owner=choice.owner,
        account_id=order.from_account_id, kind=choice.kind, about=order.pk, day=payment.day,
        amount=None if stop and not is_frozen else payment.lacks, mail=choice.mail,
        detail=f"{money(order.amount, order.currency)}{why}",
    )  # fmt: skip
