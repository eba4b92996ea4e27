"""Writes the alerts about the coming days: a hold will expire soon, or a payment of a standing
order will fail.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from banking.alerts.orders import write_lacking_money_alerts
from ledger.jobs.records import clock

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


def write_upcoming_alerts() -> int:
    """Writes the alerts about the coming days: holds that will expire, and payments of standing
    orders that will fail. Writes each alert only once. Returns the number of new alerts.

    Raises: the first error, after the alerts of all other people were written.
    """
    now = clock()
    parameters: dict[str, Any] = {
        "zone": settings.TIME_ZONE, "now": now, "until": now + BEFORE_EXPIRY,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS, parameters)
        written: int = cursor.rowcount
    return written + write_lacking_money_alerts()
