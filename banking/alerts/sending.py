"""Sends the mails of alerts that are due: see Note [Mails of alerts].

An alert to be told at once waits only for the quiet hours of its person to end; what has gathered
meanwhile is one mail a kind. Those of the daily mail wait for its time.
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

LEASE = timedelta(minutes=2)  # that a claim lasts: longer than a mail server may take
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))
GIVE_UP_AFTER = timedelta(days=3)
MOST_FAILURES = 5  # in a row; then the mail server is taken to be down until the next run


_WAITING = """
    SELECT DISTINCT alert.owner_id, CASE alert.mail WHEN 'daily' THEN '' ELSE alert.kind END
    FROM alerts AS alert
    JOIN users ON users.id = alert.owner_id AND users.deleted_at IS NULL
    WHERE alert.mailed_at IS NULL AND alert.mail <> 'off'
      AND coalesce(alert.mail_claim_ends <= %s, true)
    ORDER BY 1, 2
"""
# Of one mail: those of a worker that was killed first, under their id.
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
    """A mail that this worker sends: alerts of one person and kind, "" for the daily mail."""

    id: UUID
    owner: User
    kind: str

    @property
    def alerts(self) -> AlertQuerySet:
        mine = Alert.objects.owned_by(self.owner).exclude(mail=AlertMail.OFF)
        return mine.filter(mail_id=self.id, mailed_at=None)


@dataclass(slots=True)
class SentMails:
    """How many mails were sent, and how many are tried again."""

    sent: int = 0
    waiting: int = 0


def send_due(now: datetime | None = None) -> SentMails:
    """Sends each mail that is due. Safe to run twice and in parallel. If one cannot be made, sends
    all others first, then raises that error. A mail that the server refuses keeps no other waiting.
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
            if down == MOST_FAILURES:
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
        # A mail of a killed worker, then what has come since. What comes while that is sent is of
        # the next run: whoever goes on paying would keep the worker from all other work.
        for _ in range(2):
            mail = _claim(owner, kind, moment, last_daily(times, moment))
            if mail is None:
                break
            yield mail


@with_retry
def _claim(owner: UUID, kind: str, now: datetime, until: datetime) -> ClaimedMail | None:
    """Gives this worker the next mail of a person and kind, and commits that."""
    facts: dict[str, Any] = {
        "owner": owner, "kind": kind, "now": now, "until": until, "new": uuid7(),
        "ends": now + LEASE,
    }  # fmt: skip
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_CLAIM, facts)
        row = cursor.fetchone()
    return ClaimedMail(row[0], User.objects.get(pk=owner), kind) if row else None


def _send(claimed: ClaimedMail, now: datetime) -> MailNotSent | None:
    """Sends the mail and marks its alerts. Returns why the mail server did not take it."""
    newest = list(claimed.alerts.newest_first()[:SHOWN])
    if not newest:
        return None  # ended meanwhile by its reader
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
    """Notes that the mail has left."""
    claimed.alerts.update(mailed_at=now, mail_claim_ends=None)


@with_retry
def _wait(claimed: ClaimedMail, attempts: int, now: datetime, error: MailNotSent) -> None:
    """Plans the next attempt, or gives the mail up: its alerts stay on the page."""
    pause = PAUSES[min(attempts, len(PAUSES)) - 1]
    claimed.alerts.update(mail_claim_ends=now + pause)
    given_up = claimed.alerts.filter(created_at__lt=now - GIVE_UP_AFTER)
    if given_up.update(mail=AlertMail.OFF):
        logger.error("Alerts of person %s were not mailed (%s)", claimed.owner.pk, error)
