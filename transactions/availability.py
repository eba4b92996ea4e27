"""The available money of an account: holds, limits, and what is left of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.html import format_html_join

from accounts.models import Account
from ledger.text.dates import start_of_day
from ledger.text.money import NO_BREAK, figure
from transactions.models import StaffReason, Transaction
from transactions.models.transaction import TransactionQuerySet

MOST_PENDING = 20
LATELY = timedelta(days=7)  # how long a released hold is shown
LONGEST_AGO = timedelta(days=90)  # a released hold that was placed earlier is not shown


@dataclass(frozen=True, slots=True)
class Holds:
    """The newest holds, and how many more there are."""

    newest: list[Transaction]
    more: int


def pending_of(accounts: Sequence[Account]) -> Holds:
    """The pending holds on these accounts, newest first.

    No query if nothing is held on them, else one; two for many holds.
    """
    holding = [account for account in accounts if account.held]
    if not holding:
        return Holds([], 0)
    return _newest(Transaction.objects.pending().filter(from_account__in=holding), holding)


def any_released() -> Exists:
    """For a query of accounts: whether a hold was released that `released_lately` may show."""
    placed = timezone.now() - LONGEST_AGO
    released = Transaction.objects.filter(status="voided", created_at__gte=placed)
    return Exists(released.filter(from_account=OuterRef("pk")))


def released_lately(account: Account) -> Holds:
    """Released holds that were placed, expired or released by staff within LATELY.

    Leaves out holds that were placed more than LONGEST_AGO ago.
    """
    now = timezone.now()
    since = now - LATELY
    by_hand = StaffReason.objects.filter(
        transaction=OuterRef("pk"), action=StaffReason.Action.RELEASE, created_at__gte=since
    )
    voided = Transaction.objects.filter(
        from_account=account, status="voided", created_at__gte=now - LONGEST_AGO
    )
    ended = Q(created_at__gte=since) | Q(expires_at__gte=since, expires_at__lte=now)
    return _newest(voided.filter(ended | Exists(by_hand)), [account])


def _newest(holds: TransactionQuerySet, accounts: Sequence[Account]) -> Holds:
    """The newest of these holds, which are on these accounts."""
    with_recipient = holds.select_related("to_account__user").order_by("-created_at")
    newest = list(with_recipient[: MOST_PENDING + 1])
    known = {account.pk: account for account in accounts}
    for hold in newest:
        assert hold.from_account_id is not None  # noqa: S101 - a hold has a sender
        hold.from_account = known[hold.from_account_id]
    more = holds.count() - MOST_PENDING if len(newest) > MOST_PENDING else 0
    return Holds(newest[:MOST_PENDING], more)


@dataclass(frozen=True, slots=True)
class LabelledFigure:
    """A figure with its label, both as a page shows them."""

    label: str
    figure: str


def figures_of(account: Account) -> list[LabelledFigure]:
    """Booked, held, overdraft limit and payment limits, as far as they are set."""
    figures = [LabelledFigure("Booked", figure(account.balance, account.currency))]
    if account.held:
        figures.append(LabelledFigure("Held", figure(account.held, account.currency)))
    if account.overdraft_limit:
        limit = figure(account.overdraft_limit, account.currency)
        figures.append(LabelledFigure("Overdraft limit", limit))
    return figures + limits_of(account)


def limits_of(account: Account) -> list[LabelledFigure]:
    """The limits per payment and per day, and how much of the daily limit is left.

    For display: services count again under the lock, see `LockedAccount.sent_on`.
    """
    return _limits(account, Decimal(0) if account.daily_limit is None else sent_today(account))


def _limits(account: Account, sent: Decimal) -> list[LabelledFigure]:
    limits = []
    if account.transfer_limit is not None:
        limit = figure(account.transfer_limit, account.currency)
        limits.append(LabelledFigure("Limit per payment", limit))
    if account.daily_limit is not None:
        left = max(account.daily_limit - sent, Decimal(0))
        limit = figure(account.daily_limit, account.currency)
        limits.append(LabelledFigure("Limit per day", limit))
        limits.append(LabelledFigure("Left today", figure(left, account.currency)))
    return limits


def limits_in_words(accounts: Sequence[Account], chosen: Account | None) -> str:
    """The limits of each account that has some, in a line each, for the help of a form field that
    chooses one; "" without limits. One query if any has a limit per day.

    The line of `chosen` is shown; a script shows that of another choice, and a browser without
    scripts all.
    """
    sent = _all_sent_today([each for each in accounts if each.daily_limit is not None])
    hints = [
        (each.pk, "" if each == chosen else " hidden", each.name, words)
        for each in accounts
        if (words := _one_line(each, sent.get(each.pk, Decimal(0))))
    ]
    return format_html_join("", '<span data-about="{}"{}>{}: {}.</span>', hints)


def _one_line(account: Account, sent: Decimal) -> str:
    return ", ".join(
        f"{limit.label.lower()} {limit.figure}{NO_BREAK}{account.currency}"
        for limit in _limits(account, sent)
    )


def _all_sent_today(accounts: Sequence[Account]) -> dict[UUID, Decimal]:
    """`sent_today` of several accounts, without those that sent nothing. One query at most."""
    if not accounts:
        return {}
    today = start_of_day(timezone.localdate())
    counted = Transaction.objects.filter(from_account__in=accounts).counted_since(today)
    sums = counted.values("from_account").annotate(total=Sum("amount"))
    return dict(sums.values_list("from_account", "total"))


def sent_today(account: Account) -> Decimal:
    """What a limit per day has counted today. One query."""
    return _all_sent_today([account]).get(account.pk, Decimal(0))
