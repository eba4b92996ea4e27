"""Saves and deletes a person's choices of alerts, and marks alerts as read."""

from collections.abc import Collection
from datetime import datetime, time
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db import transaction as db_transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account, SignIn, User
from accounts.refusal_counts import counts_refusals
from banking.alerts.models import Alert, AlertChoice, AlertKind, AlertTimes, id_of_choice
from ledger.db.retry import with_retry
from transactions.exceptions import InvalidDetails

MAX_CHOICES = 100  # maximum number of choices of one person
TOO_MANY = f"You have chosen {MAX_CHOICES} alerts. Remove one first."


@counts_refusals
@with_retry
def choose(
    *,
    owner: User,
    kind: AlertKind,
    mail: str = "off",
    account: Account | None = None,
    amount: Decimal | None = None,
) -> AlertChoice:
    """Saves a person's choice of an alert and returns the choice. Updates the amount and the email
    setting of an existing choice.

    Raises: InvalidDetails if the person already has MAX_CHOICES choices.
    """
    key = id_of_choice(owner.pk, kind, account.pk if account else None)
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)
        mine = AlertChoice.objects.owned_by(owner)
        if mine.count() >= MAX_CHOICES and not mine.filter(pk=key).exists():
            raise InvalidDetails(TOO_MANY)
        facts = {"amount": amount, "mail": mail}
        about = {"owner": owner, "kind": kind, "account": account}
        saved: AlertChoice = AlertChoice.objects.update_or_create(
            pk=key, defaults=facts, create_defaults={**about, **facts}
        )[0]
    return saved


@with_retry
def drop(*, choice: AlertChoice) -> None:
    """Deletes a choice. Existing alerts are not deleted."""
    choice.delete()


@with_retry
def set_times(
    *, owner: User, daily_at: time, quiet_from: time | None, quiet_until: time | None
) -> None:
    """Sets the times at which the person may receive alert emails."""
    AlertTimes.objects.update_or_create(
        owner=owner,
        defaults={"daily_at": daily_at, "quiet_from": quiet_from, "quiet_until": quiet_until},
    )


@with_retry
def mark_read(*, owner: User, alert_ids: Collection[UUID], before: datetime | None = None) -> int:
    """Marks these alerts as read, and all alerts that are older than `before`. Returns the number
    of alerts that were unread before.

    All other alerts stay unread. The time of the page cannot replace `alert_ids`: an alert gets its
    time before its commit, so an alert that the page did not show can be older than the page.
    """
    seen = Q(pk__in=alert_ids)
    if before is not None:
        seen |= Q(created_at__lt=before)
    marked: int = Alert.objects.owned_by(owner).unread().filter(seen).update(read_at=timezone.now())
    return marked


def write_new_device_alert(*, sign_in: SignIn, **_signal: object) -> None:
    """Writes an alert about a sign-in from a new device. The alert is written in the database
    transaction of the sign-in.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT tell_of_new_device(%s)", [sign_in.pk])
