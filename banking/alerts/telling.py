"""Alerts of what no commit causes: a hold that will expire, an order that will lack money."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from banking.alerts.models import Alert, AlertChoice, AlertKind, id_of_alert
from banking.standing_orders.forecast import ExpectedPayment, failing_soon
from banking.standing_orders.models import StandingOrder
from ledger.jobs.apart import apart
from ledger.jobs.records import clock
from ledger.text.money import money

BEFORE_EXPIRY = timedelta(days=1)
_HOLDS = """
    INSERT INTO alerts (id, owner_id, account_id, kind, about, day, amount, created_at, mail)
    SELECT md5(concat('alert ', choice.kind, ' ', choice.owner_id, ' ', hold.id, ' '))::uuid,
           choice.owner_id, hold.from_account_id, choice.kind, hold.id,
           (hold.expires_at AT TIME ZONE %(zone)s)::date, hold.amount, %(now)s, choice.mail
    FROM alert_choices AS choice
    JOIN accounts ON accounts.user_id = choice.owner_id
    JOIN transactions AS hold ON hold.from_account_id = accounts.id
    WHERE choice.kind = 'hold_expiring' AND hold.status = 'pending'
      AND hold.expires_at > %(now)s AND hold.expires_at <= %(until)s
    ON CONFLICT (id) DO NOTHING
"""


def tell_of_coming() -> int:
    """Writes the alerts of the days to come, each once. Returns how many. Safe to run twice. If
    those of one person fail, writes all others first, then raises that error.
    """
    now = clock()
    parameters: dict[str, Any] = {
        "zone": settings.TIME_ZONE, "now": now, "until": now + BEFORE_EXPIRY,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS, parameters)
        written: int = cursor.rowcount
    owners = StandingOrder.objects.active().values("owner")
    wanted = AlertChoice.objects.filter(kind=AlertKind.ORDER_LACKS, owner__in=owners)
    with apart("Alerts of orders, person") as person_apart:
        for choice in wanted.select_related("owner").iterator():
            with person_apart(choice.owner_id):
                written += _tell_of_orders(choice)
    return written


def _tell_of_orders(choice: AlertChoice) -> int:
    # One that was refused was told of as such, and so may its later days be.
    failing = [
        payment for payment in failing_soon(choice.owner) if payment.order.refused_at is None
    ]
    alerts = [_alert(choice, payment) for payment in failing]
    known = set(Alert.objects.filter(pk__in=[each.pk for each in alerts]).values_list("pk"))
    new = [each for each in alerts if (each.pk,) not in known]
    Alert.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _alert(choice: AlertChoice, payment: ExpectedPayment) -> Alert:
    """The alert of a payment. Its amount is 0 if the account is frozen, and None if something else
    than money is the reason, which is in the detail.
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
