"""How accounts stand at this moment, beside their entries: what is held, what may still go out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone

from accounts.models import Account
from ledger.text.dates import start_of_day
from ledger.text.money import money
from transactions.models import StaffReason, Transaction
from transactions.models.transaction import TransactionQuerySet

MOST_PENDING = 20
LATELY = timedelta(days=7)  # how long a released hold is told of
LONGEST_AGO = timedelta(days=90)  # when such a hold was made at the earliest


@dataclass(frozen=True, slots=True)
class Holds:
    """The newest of some holds, and how many others there are."""

    newest: list[Transaction]
    more: int


def pending_of(accounts: Sequence[Account]) -> Holds:
    """What is held on these accounts, newest first. One query; a second where there is much."""
    return _newest(Transaction.objects.pending().filter(from_account__in=accounts))


def released_lately(account: Account) -> Holds:
    """Holds that came to nothing in the last days, which no entry tells of."""
    now = timezone.now()
    since = now - LATELY
    by_hand = StaffReason.objects.filter(
        transaction=OuterRef("pk"), action=StaffReason.Action.RELEASE, created_at__gte=since
    )
    voided = Transaction.objects.filter(
        from_account=account, status="voided", created_at__gte=now - LONGEST_AGO
    )
    ended = Q(created_at__gte=since) | Q(expires_at__gte=since, expires_at__lte=now)
    return _newest(voided.filter(ended | Exists(by_hand)))


def _newest(holds: TransactionQuerySet) -> Holds:
    newest = list(holds.with_sides().order_by("-created_at")[: MOST_PENDING + 1])
    more = holds.count() - MOST_PENDING if len(newest) > MOST_PENDING else 0
    return Holds(newest[:MOST_PENDING], more)


def limits_in_words(account: Account) -> str:
    """What may go out at most, and how much of it is left today; "" where nothing is limited.

    For reading: what counts is counted again under the lock, see `books.Locked.sent_on`.
    """
    said = []
    if account.transfer_limit is not None:
        most = money(account.transfer_limit, account.currency)
        said.append(f"At most {most} goes out in one payment.")
    if account.daily_limit is not None:
        left = max(account.daily_limit - _sent_today(account), Decimal(0))
        most, rest = money(account.daily_limit, account.currency), money(left, account.currency)
        said.append(f"At most {most} goes out in a day; {rest} of it is left today.")
    return " ".join(said)


def _sent_today(account: Account) -> Decimal:
    today = start_of_day(timezone.localdate())
    counted = Transaction.objects.counted_against_limit(account, today)
    return counted.aggregate(total=Sum("amount"))["total"] or Decimal(0)
