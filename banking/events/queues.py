"""Chooses the next webhook and the next event to send, and records the results. See Note [Webhook
queues]. The clock of the database sets all times except the time of the signature.

Note [Claims of webhooks]: a worker claims a webhook by setting `claim_ends` to a later time, as in
Note [Claims of jobs], and commits before it sends. If the worker is killed, the claim expires, and
another worker sends the same event again with the same id. So each event is delivered at least
once.

Note [Turns of webhooks]: a person may have receivers that answer slowly. Therefore a person has at
most one claim at a time in all processes, even if the claimed webhook is no longer active. A worker
locks the owner before a claim, so that it sees the claims of other workers. The worker does not
wait for this lock: it ignores owners that another transaction has locked. The person whose last
turn was the longest time ago is next.

A slow attempt ends the turn. For SLOW_FOR after a slow attempt, all webhooks of the owner are slow,
even new webhooks and webhooks that answer quickly. Slow webhooks wait SLOW_WAITS longer than other
webhooks, and they cannot use the last free thread of a worker (`Deliverer`).
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from accounts.models import User
from accounts.sign_in import notices
from banking.events.models import Webhook, WebhookDelivery, WebhookQueue
from banking.events.sending import GONE, SendResult
from ledger.db.retry import with_retry
from ledger.web import security_log
from transactions.models import EventKind

GIVE_UP_AFTER = timedelta(days=3)
# The pauses between the attempts to send an event. The last pause is repeated until GIVE_UP_AFTER.
PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800)
)
SLOW_FOR = timedelta(hours=1)
SLOW_WAITS = 60.0  # additional seconds
GRACE = 20.0  # seconds by which a claim is longer than the longest attempt

# The restore event is sent regardless of the kinds that the owner chose, because it affects the
# numbers of all events.
_IS_CHOSEN = f"kind = ANY (array_append(hook.kinds, '{EventKind.RESTORED}'))"
_DUE = f"""
    SELECT queue.account_id, next.* FROM webhook_queues AS queue
    JOIN webhooks AS hook ON hook.id = queue.webhook_id
    JOIN event_streams AS stream ON stream.account_id = queue.account_id
    JOIN accounts ON accounts.id = queue.account_id AND accounts.user_id = hook.owner_id
    JOIN LATERAL (
        (SELECT number, kind, transaction_id, at FROM events
         WHERE account_id = queue.account_id AND number > queue.position
           AND {_IS_CHOSEN} ORDER BY number LIMIT 1)
        UNION ALL
        (SELECT other_number, kind, transaction_id, at FROM events
         WHERE other_account_id = queue.account_id AND other_number > queue.position
           AND {_IS_CHOSEN} ORDER BY other_number LIMIT 1)
        ORDER BY 1 LIMIT 1
    ) AS next ON true
    WHERE queue.webhook_id = %s AND stream.last_number > queue.position
      AND coalesce(queue.next_at <= clock_timestamp(), true)
    ORDER BY next.at, queue.account_id LIMIT 1
"""  # noqa: S608 - a constant
# Moves queues past events of kinds that the owner did not choose, so that these events are not read
# again.
_SKIP = f"""
    UPDATE webhook_queues AS queue SET position = stream.last_number
    FROM event_streams AS stream, webhooks AS hook
    WHERE queue.webhook_id = %s AND hook.id = queue.webhook_id
      AND stream.account_id = queue.account_id AND stream.last_number > queue.position
      AND NOT EXISTS (
          SELECT FROM events WHERE account_id = queue.account_id AND number > queue.position
                               AND {_IS_CHOSEN})
      AND NOT EXISTS (
          SELECT FROM events
          WHERE other_account_id = queue.account_id AND other_number > queue.position
            AND {_IS_CHOSEN})
"""  # noqa: S608 - a constant
# The first row is the person whose last turn was the longest time ago: see Note [Turns of
# webhooks].
_CHOOSE = """
    SELECT hook.id, person.is_slow
    FROM webhooks AS hook
    JOIN users ON users.id = hook.owner_id AND users.deleted_at IS NULL
    JOIN LATERAL (
        SELECT max(claim_ends) AS served_at,
               coalesce(max(slow_until) > clock_timestamp(), false) AS is_slow
        FROM webhooks WHERE owner_id = hook.owner_id
    ) AS person ON coalesce(person.served_at <= clock_timestamp(), true)
    WHERE hook.status = 'active'
      AND (%(may_be_slow)s OR NOT person.is_slow)
      AND (
          EXISTS (SELECT FROM webhook_deliveries AS delivery
                  WHERE delivery.webhook_id = hook.id AND delivery.again_at IS NOT NULL)
          OR coalesce(hook.paused_until <= clock_timestamp(), true) AND EXISTS (
              SELECT FROM webhook_queues AS queue
              JOIN event_streams AS stream ON stream.account_id = queue.account_id
              JOIN accounts ON accounts.id = queue.account_id
                   AND accounts.user_id = hook.owner_id
              WHERE queue.webhook_id = hook.id AND stream.last_number > queue.position
                AND coalesce(queue.next_at <= clock_timestamp(), true))
      )
    ORDER BY person.served_at
             + CASE WHEN person.is_slow THEN %(slow_waits)s ELSE 0 END * interval '1 s' NULLS FIRST,
             hook.claim_ends NULLS FIRST
    LIMIT 1
    FOR NO KEY UPDATE OF hook, users SKIP LOCKED
"""
# The owner is locked, so this statement sees claims that were committed after the webhook was
# chosen.
_TAKE = """
    UPDATE webhooks
    SET claimed_by = %(worker)s, claim_ends = clock_timestamp() + %(lease)s * interval '1 s'
    WHERE id = %(webhook)s AND NOT EXISTS (
        SELECT FROM webhooks AS other
        WHERE other.owner_id = webhooks.owner_id AND other.claim_ends > clock_timestamp())
"""


@dataclass(frozen=True, slots=True)
class WebhookClaim:
    """A webhook that a worker has claimed. `is_slow` is true if an attempt to send to a webhook of
    the same owner was slow within the last SLOW_FOR.
    """

    webhook: UUID
    is_slow: bool


@dataclass(frozen=True, slots=True)
class Sending:
    """A delivery to send now. `is_again` is true if the webhook's owner scheduled the delivery to
    be sent once more.
    """

    delivery: WebhookDelivery
    webhook: Webhook
    is_again: bool


def lease() -> float:
    """Returns the length of a claim in seconds: the maximum time of one attempt plus GRACE."""
    return float(settings.LEDGER_WEBHOOK_TIMEOUT) + GRACE


def claim(worker: str, *, may_be_slow: bool = True) -> WebhookClaim | None:
    """Claims a webhook that has something to send, and returns the claim. A person has at most one
    claim: if a webhook of a person is claimed, ignores all webhooks of this person (see Note [Turns
    of webhooks]). Returns None if no webhook can be claimed. If `may_be_slow` is false, claims no
    slow webhook.
    """
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_CHOOSE, {"may_be_slow": may_be_slow, "slow_waits": SLOW_WAITS})
        row = cursor.fetchone()
        if row is None:
            return None
        found = WebhookClaim(*row)
        cursor.execute(_TAKE, {"worker": worker, "lease": lease(), "webhook": found.webhook})
        return found if cursor.rowcount else None


def give_back(webhook: UUID, worker: str) -> None:
    """Ends the worker's claim of the webhook, so that other workers can claim the webhook."""
    Webhook.objects.filter(pk=webhook, claimed_by=worker).update(claim_ends=Now(), claimed_by="")


@with_retry
def begin(webhook_id: UUID, worker: str) -> Sending | None:
    """Returns the next delivery of a claimed webhook, and records that it is being sent. Returns
    None if there is nothing to send now, if the claim has expired, or if the webhook is not active
    any more.
    """
    with db_transaction.atomic(durable=True):
        mine = Webhook.objects.filter(
            pk=webhook_id, claimed_by=worker, claim_ends__gt=Now(), status=Webhook.Status.ACTIVE,
            owner__deleted_at=None,
        )  # fmt: skip
        webhook = mine.select_for_update(of=("self",), no_key=True).first()
        if webhook is None:
            return None
        again = webhook.deliveries.exclude(again_at=None).order_by("again_at").first()
        delivery = again or _next(webhook)
        if delivery is None:
            return None
        delivery.status = WebhookDelivery.Status.SENDING
        delivery.attempts += 1
        delivery.tried_at = clock()
        delivery.save(update_fields=["status", "attempts", "tried_at"])
        webhook.claim_ends = clock() + timedelta(seconds=lease())
        webhook.save(update_fields=["claim_ends"])
    return Sending(delivery, webhook, is_again=again is not None)


def _next(webhook: Webhook) -> WebhookDelivery | None:
    """Returns the delivery of the webhook's oldest event that is due, or None if no event is due.
    Creates the delivery if this is the first attempt to send the event.
    """
    if webhook.paused_until is not None and webhook.paused_until > clock():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [webhook.pk])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(_SKIP, [webhook.pk])
            return None
    account, number, kind, transaction, at = row
    found, _ = WebhookDelivery.objects.get_or_create(
        webhook=webhook, account_id=account, number=number,
        defaults={"kind": kind, "transaction_id": transaction, "at": at},
    )  # fmt: skip
    return found


@with_retry
def finish(sending: Sending, answer: SendResult) -> None:
    """Records the result of an attempt. After a success, the queue moves to the next event. After a
    failure, the time of the next attempt is set, or the webhook is turned off. The failure of a
    delivery that was scheduled once more does not change the queue.

    Before a failure is recorded, the owner's row is locked: see Note [Lock of a person].
    """
    with db_transaction.atomic(durable=True):
        if not answer.is_delivered:
            User.objects.locked([sending.webhook.owner_id]).get()
        webhook = Webhook.objects.select_for_update(no_key=True).get(pk=sending.webhook.pk)
        status = WebhookDelivery.Status
        WebhookDelivery.objects.filter(pk=sending.delivery.pk).update(
            status=status.DELIVERED if answer.is_delivered else status.FAILED,
            answer_code=answer.code, error=answer.error, seconds=answer.seconds,
            **({"again_at": None} if sending.is_again else {}),
        )  # fmt: skip
        if answer.is_slow:
            webhook.slow_until = clock() + SLOW_FOR
            webhook.save(update_fields=["slow_until"])
        queue = WebhookQueue.objects.filter(webhook=webhook, account_id=sending.delivery.account_id)
        if answer.is_delivered:
            _advance(queue, sending.delivery.number)
        elif not sending.is_again:
            _wait(webhook, queue.get(), sending.delivery.number, answer)


def _advance(queue: Any, number: int) -> None:
    """Moves the queue to this event. Does nothing if the queue is already past the event."""
    queue.filter(position__lt=number).exclude(attempts=0, failing_since=None, next_at=None).update(
        attempts=0, failing_since=None, next_at=None
    )
    queue.update(position=Greatest(F("position"), number))


def _wait(webhook: Webhook, queue: WebhookQueue, number: int, answer: SendResult) -> None:
    """Sets the time of the next attempt after a failure. Turns the webhook off if its URL no longer
    exists, or if attempts have failed for GIVE_UP_AFTER.
    """
    if queue.position >= number or not webhook.is_active:
        return  # another worker delivered the event, or the webhook was turned off
    now = clock()
    queue.attempts += 1
    queue.failing_since = queue.failing_since or now
    queue.next_at = now + pause_after(queue.attempts)
    queue.save(update_fields=["attempts", "failing_since", "next_at"])
    if answer.code == GONE:
        _disable(webhook, "The address answered that it no longer exists.")
    elif now - queue.failing_since >= GIVE_UP_AFTER:
        _disable(webhook, f"We could not deliver events for three days. {answer.error}")
    elif answer.is_unreachable:
        webhook.paused_until = queue.next_at
        webhook.save(update_fields=["paused_until"])


def pause_after(attempts: int) -> timedelta:
    """Returns the pause after this number of failed attempts: the value in PAUSES plus a random
    part of up to 10 %. Because of the random part, Ledger does not send to all webhooks of a
    receiver again at the same time.
    """
    pause = PAUSES[min(attempts, len(PAUSES)) - 1]
    return pause * random.uniform(1, 1.1)  # noqa: S311 - not a secret


def _disable(webhook: Webhook, reason: str) -> None:
    webhook.status, webhook.reason = Webhook.Status.DISABLED, reason[:200]
    webhook.save(update_fields=["status", "reason"])
    notices.notify(webhook.owner, _notice(webhook), counts=False)
    security_log.record("webhook.disabled", person=webhook.owner_id, webhook=webhook.pk)


def _notice(webhook: Webhook) -> notices.Notice:
    return notices.Notice(
        "Your webhook was turned off",
        f"Ledger no longer sends events to {webhook.url}. {webhook.reason}\n\n"
        "Repair the receiver, then turn the webhook on again on the page Webhooks. We then send "
        "the events that we could not deliver. We do not record events while the webhook is off: "
        "read your statement to find the payments of that time.",
    )


def clock() -> datetime:
    """Returns the current time of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
