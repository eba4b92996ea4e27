"""The available money of an account, its holds and its limits."""

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

MAX_PENDING = 20
SHOWN_AFTER_RELEASE = timedelta(days=7)  # the time for which a released hold is shown
LONGEST_AGO = timedelta(days=90)  # holds that were placed earlier are not shown after their release


@dataclass(frozen=True, slots=True)
class Holds:
    """The newest holds. `more` is the number of holds that are left out."""

    newest: list[Transaction]
    more: int


def pending_of(accounts: Sequence[Account]) -> Holds:
    """Returns the pending holds on these accounts, newest first.

    Sends no query if no account has a held amount. Sends two queries if there are more than
    MAX_PENDING holds, otherwise one query.
    """
    holding = [account for account in accounts if account.held]
    if not holding:
        return Holds([], 0)
    return _newest(Transaction.objects.pending().filter(from_account__in=holding), holding)


def any_released() -> Exists:
    """Returns a condition on accounts. The condition is true if `released_lately` may return a hold
    of the account.
    """
    placed = timezone.now() - LONGEST_AGO
    released = Transaction.objects.filter(status="voided", created_at__gte=placed)
    return Exists(released.filter(from_account=OuterRef("pk")))


def released_lately(account: Account) -> Holds:
    """Returns released holds that were placed, expired or released within SHOWN_AFTER_RELEASE.
    Holds that were placed more than LONGEST_AGO ago are left out.
    """
    now = timezone.now()
    since = now - SHOWN_AFTER_RELEASE
    by_hand = StaffReason.objects.filter(
        transaction=OuterRef("pk"), action=StaffReason.Action.RELEASE, created_at__gte=since
    )
    voided = Transaction.objects.filter(
        from_account=account, status="voided", created_at__gte=now - LONGEST_AGO
    )
    ended = Q(created_at__gte=since) | Q(expires_at__gte=since, expires_at__lte=now)
    return _newest(voided.filter(ended | Exists(by_hand)), [account])


def _newest(holds: TransactionQuerySet, accounts: Sequence[Account]) -> Holds:
    """Returns the newest of these holds. `accounts` are the payers' accounts."""
    with_recipient = holds.select_related("to_account__user").order_by("-created_at")
    newest = list(with_recipient[: MAX_PENDING + 1])
    known = {account.pk: account for account in accounts}
    for hold in newest:
        assert hold.from_account_id is not None  # noqa: S101 - a hold has a sender
        hold.from_account = known[hold.from_account_id]
    more = holds.count() - MAX_PENDING if len(newest) > MAX_PENDING else 0
    return Holds(newest[:MAX_PENDING], more)


@dataclass(frozen=True, slots=True)
class LabelledFigure:
    """An amount and its label, as text for a page."""

    label: str
    figure: str


def figures_of(account: Account) -> list[LabelledFigure]:
    """Returns the balance of the account. Also returns the held amount, the overdraft limit and the
    payment limits, if they are set.
    """
    figures = [LabelledFigure("Booked", figure(account.balance, account.currency))]
    if account.held:
        figures.append(LabelledFigure("Held", figure(account.held, account.currency)))
    if account.overdraft_limit:
        limit = figure(account.overdraft_limit, account.currency)
        figures.append(LabelledFigure("Overdraft limit", limit))
    return figures + limits_of(account)


def limits_of(account: Account) -> list[LabelledFigure]:
    """Returns the limits per payment and per day, and the rest of the daily limit.

    The amounts are only for pages. A booking computes the rest of the daily limit again while the
    account is locked, see `LockedAccount.sent_on`.
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
    """Returns the limits of these accounts as HTML for the help text of a form field, with one line
    for each account that has limits. Returns "" if no account has limits. Sends one query if an
    account has a daily limit.

    Only the line of the account `chosen` is visible. A script shows another line when the user
    chooses another account. Without scripts, a browser shows all lines.
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
    """Returns a dict from the ids of the accounts to the amounts that count towards the daily limit
    today. Accounts that have sent nothing are left out. Sends at most one query.
    """
    if not accounts:
        return {}
    today = start_of_day(timezone.localdate())
    counted = Transaction.objects.filter(from_account__in=accounts).counted_since(today)
    sums = counted.values("from_account").annotate(total=Sum("amount"))
    return dict(sums.values_list("from_account", "total"))


def sent_today(account: Account) -> Decimal:
    """Returns the amount that counts towards the account's daily limit today. Sends one query."""
    return _all_sent_today([account]).get(account.pk, Decimal(0))
