"""What a person wants to be told of, chosen and dropped; and what they have read."""

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

MOST_CHOICES = 100  # of one person
TOO_MANY = f"You have chosen {MOST_CHOICES} alerts. Remove one first."


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
    """Tells the person of it from now on; chosen again, with the new amount and mail.

    Raises InvalidDetails for one more than MOST_CHOICES.
    """
    key = id_of_choice(owner.pk, kind, account.pk if account else None)
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(owner.pk)
        mine = AlertChoice.objects.owned_by(owner)
        if mine.count() >= MOST_CHOICES and not mine.filter(pk=key).exists():
            raise InvalidDetails(TOO_MANY)
        facts = {"amount": amount, "mail": mail}
        about = {"owner": owner, "kind": kind, "account": account}
        saved: AlertChoice = AlertChoice.objects.update_or_create(
            pk=key, defaults=facts, create_defaults={**about, **facts}
        )[0]
    return saved


@with_retry
def drop(*, choice: AlertChoice) -> None:
    """Tells the person of it no more. What they were told stays."""
    choice.delete()


@with_retry
def set_times(
    *, owner: User, daily_at: time, quiet_from: time | None, quiet_until: time | None
) -> None:
    """Chooses when mails of alerts may leave."""
    AlertTimes.objects.update_or_create(
        owner=owner,
        defaults={"daily_at": daily_at, "quiet_from": quiet_from, "quiet_until": quiet_until},
    )


@with_retry
def mark_read(*, owner: User, shown: Collection[UUID], before: datetime | None = None) -> int:
    """Marks the alerts that a page has shown as read, and all that are older than `before`. Returns
    how many.

    Not all until a moment: an alert is written within its event's commit, so one that comes later
    may have an earlier time.
    """
    seen = Q(pk__in=shown)
    if before is not None:
        seen |= Q(created_at__lt=before)
    marked: int = Alert.objects.owned_by(owner).unread().filter(seen).update(read_at=timezone.now())
    return marked


def tell_of_new_device(*, sign_in: SignIn, **_signal: object) -> None:
    """Writes the alert of a sign-in from a new device, within its database transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tell_of_new_device(%s)", [sign_in.pk])
