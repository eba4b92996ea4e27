"""Sends the alert emails that are due. See Note [Mails of alerts].

An alert with immediate email waits only for the end of the quiet hours. After the quiet hours, the
alerts of each kind are sent as one email. Alerts for the daily email wait until the time of this
email.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db import transaction as db_transaction

from accounts.models import User
from banking.alerts.mails import SHOWN, mail_of
from banking.alerts.models import Alert, AlertMail, AlertQuerySet
from banking.alerts.times import is_quiet, last_daily, times_of
from ledger.db.ids import uuid7
from ledger.db.retry import with_retry
from ledger.jobs.apart import apart
from ledger.jobs.records import clock
from ledger.web.mail import MailNotSent, MailRefused

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # length of a claim: longer than a mail server may take
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))
GIVE_UP_AFTER = timedelta(days=3)
MAX_FAILURES = 5  # the run ends after this many failures in a row: the mail server is probably down


_WAITING = """
    SELECT DISTINCT alert.owner_id, CASE alert.mail WHEN 'daily' THEN '' ELSE alert.kind END
    FROM alerts AS alert
    JOIN users ON users.id = alert.owner_id AND users.deleted_at IS NULL
    WHERE alert.mailed_at IS NULL AND alert.mail <> 'off'
      AND coalesce(alert.mail_claim_ends <= %s, true)
    ORDER BY 1, 2
"""
# Claims the alerts of one email. If a killed worker had claimed alerts before, claims these alerts
# first, with the same id of the email.
_CLAIM = """
    WITH mine AS MATERIALIZED (
        SELECT id, mail_id, mail_attempts FROM alerts
        WHERE owner_id = %(owner)s AND mailed_at IS NULL
          AND coalesce(mail_claim_ends <= %(now)s, true)
          AND CASE %(kind)s WHEN '' THEN mail = 'daily' AND created_at <= %(until)s
                            ELSE mail = 'now' AND kind = %(kind)s END
        FOR NO KEY UPDATE SKIP LOCKED
    ), chosen AS (
        SELECT (SELECT mail_id FROM mine WHERE mail_id IS NOT NULL ORDER BY mail_id LIMIT 1) AS old
    )
    UPDATE alerts SET mail_id = coalesce(chosen.old, %(new)s), mail_claim_ends = %(ends)s,
                      mail_attempts = alerts.mail_attempts + 1
    FROM mine, chosen
    WHERE alerts.id = mine.id AND mine.mail_id IS NOT DISTINCT FROM chosen.old
    RETURNING alerts.mail_id
"""


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """An email that this worker has claimed: the alerts of one person and one kind. `kind` is ""
    for the daily email.
    """

    id: UUID
    owner: User
    kind: str

    @property
    def alerts(self) -> AlertQuerySet:
        mine = Alert.objects.owned_by(self.owner).exclude(mail=AlertMail.OFF)
        return mine.filter(mail_id=self.id, mailed_at=None)


@dataclass(slots=True)
class SentMails:
    """The number of emails that were sent, and the number that will be tried again later."""

    sent: int = 0
    waiting: int = 0


def send_due(now: datetime | None = None) -> SentMails:
    """Sends each email that is due. Returns the number of sent emails, and the number that will be
    tried again later. Several workers can call this function in parallel.

    An email that the mail server refuses does not delay the other emails. After MAX_FAILURES emails
    in a row without an answer from the server, the function stops. An email that cannot be created
    raises its error after the other emails were sent.
    """
    counts, down = SentMails(), 0
    with apart("Mail of alerts") as mail_apart:
        for mail in _due(now):
            with mail_apart(mail.id):
                failure = _send(mail, now or clock())
                counts.sent += failure is None
                counts.waiting += failure is not None
                is_answered = failure is None or isinstance(failure, MailRefused)
                down = 0 if is_answered else down + 1
            if down == MAX_FAILURES:
                break
    return counts


def _due(now: datetime | None) -> Iterator[ClaimedMail]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [now or clock()])
        waiting = cursor.fetchall()
    for owner, kind in waiting:
        moment, times = now or clock(), times_of(owner)
        if is_quiet(times, moment):
            continue
        # Sends the email of a killed worker first, then the newer alerts. Alerts that are written
        # in the meantime wait for the next run. Otherwise a customer with many payments could
        # occupy the worker.
        for _ in range(2):
            mail = _claim(owner, kind, moment, last_daily(times, moment))
            if mail is None:
                break
            yield mail


@with_retry
def _claim(owner: UUID, kind: str, now: datetime, until: datetime) -> ClaimedMail | None:
    """Claims the next email of this person and kind, commits the claim and returns it. Returns None
    if there is nothing to send.
    """
    facts: dict[str, Any] = {
        "owner": owner, "kind": kind, "now": now, "until": until, "new": uuid7(),
        "ends": now + LEASE,
    }  # fmt: skip
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_CLAIM, facts)
        row = cursor.fetchone()
    return ClaimedMail(row[0], User.objects.get(pk=owner), kind) if row else None


def _send(claimed: ClaimedMail, now: datetime) -> MailNotSent | None:
    """Sends the email and marks its alerts as sent. Returns the error if the mail server did not
    accept the email, and None otherwise.
    """
    newest = list(claimed.alerts.newest_first()[:SHOWN])
    if not newest:
        return None  # the reader has turned off these emails in the meantime
    count = claimed.alerts.count()
    try:
        mail_of(claimed.id, claimed.kind, claimed.owner, newest, count).send()
    except MailNotSent as error:
        _wait(claimed, newest[0].mail_attempts, now, error)
        return error
    mark_sent(claimed, now)
    return None


@with_retry
def mark_sent(claimed: ClaimedMail, now: datetime) -> None:
    """Records that the email was sent."""
    claimed.alerts.update(mailed_at=now, mail_claim_ends=None)


@with_retry
def _wait(claimed: ClaimedMail, attempts: int, now: datetime, error: MailNotSent) -> None:
    """Sets the time of the next attempt. Alerts that are older than GIVE_UP_AFTER are not sent by
    email any more. The page of alerts still shows them.
    """
    pause = PAUSES[min(attempts, len(PAUSES)) - 1]
    claimed.alerts.update(mail_claim_ends=now + pause)
    given_up = claimed.alerts.filter(created_at__lt=now - GIVE_UP_AFTER)
    if given_up.update(mail=AlertMail.OFF):
        logger.error("Alerts of person %s were not mailed (%s)", claimed.owner.pk, error)
