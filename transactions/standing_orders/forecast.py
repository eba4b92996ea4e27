"""What is due in the days to come, and the balance that is expected after it.

Only standing orders are known beforehand: what others will pay in, and card payments, are not in
it, and the pages say so.

Note [What is missing]: the expected balances tell what happens if nothing changes, so a payment
that fails moves nothing and stands after those that its day pays. What a payment lacks tells what
to do: the money that must come in by its day so that it and all payments before it from the same
account are paid. So the figures rise, and who adds the last one has enough for all. A payment can
lack money without failing: it is paid if one before it fails, and not if that one is paid. What
other orders bring in counts if they are paid without a change, whenever on the day, as the job
tries again. But a payment that now fails would have its turn before money of its own account is on
its way back on the same day, so it has only what is left at the lowest point of that day.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, takewhile
from uuid import UUID

from django.utils import timezone

from accounts.models import Account, User
from ledger.text.lines import counted
from transactions.models import StandingOrder

CALENDAR_DAYS = 30
TOLD_DAYS = 2  # a payment that would fail is told so many days before
SHOWN_DATES = 6  # before one agrees


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """A day of an order, as it would come out. `leaves` is the expected booked balance of the
    account that pays, after it. `lacks` is what is missing for it and all before it from the same
    account, 0 if it lacks nothing more than they do; `before`, how many of those lack money. See
    Note [What is missing].
    """

    day: date
    order: StandingOrder
    leaves: Decimal
    fails: bool
    lacks: Decimal
    before: int
    is_frozen: bool

    @property
    def needs_help(self) -> bool:
        """Whether its owner must do something so that it and all before it are paid."""
        return self.is_frozen or self.lacks > 0

    @property
    def is_to_others(self) -> bool:
        """Whether it would leave the person's own accounts."""
        return bool(self.order.to_account.user_id != self.order.owner_id)

    @property
    def and_before(self) -> str:
        """Of which payments `lacks` tells besides this: " and the 2 payments before it", or ""."""
        if not self.before:
            return ""
        return f" and the {counted(self.before, 'payment')} before it".replace(" 1 ", " ")


@dataclass(slots=True)
class AccountForecast:
    """An account on the way through the days to come. `balance` is the booked one if nothing
    changes; `planned`, the available money if all is paid; `lowest`, the least of it on the day;
    `missing`, what must come in for that.
    """

    account: Account
    balance: Decimal
    planned: Decimal
    lowest: Decimal = Decimal(0)
    missing: Decimal = Decimal(0)
    short: int = 0  # payments that lacked money

    @classmethod
    def of(cls, account: Account) -> "AccountForecast":
        """The account as it is now."""
        unbooked = account.overdraft_limit - account.held
        return cls(account, account.balance, account.balance + unbooked)

    @property
    def available(self) -> Decimal:
        """What can be spent if nothing changes."""
        money: Decimal = self.balance - self.account.held + self.account.overdraft_limit
        return money

    def can_pay(self, order: StandingOrder) -> bool:
        """Whether it has the money now, and may send it."""
        return not self.account.is_frozen and bool(order.amount <= self.available)

    def plan(self, turn: "_Due") -> ExpectedPayment:
        """What a payment lacks, if all before it from this account are paid."""
        order, before = turn.order, self.short
        usable = self.planned if turn.is_paid else self.lowest
        more = max(order.amount - usable, Decimal(0))
        self.planned += more - order.amount
        self.lowest += more if turn.is_paid else more - order.amount
        self.lowest = min(self.lowest, self.planned)
        self.missing += more
        self.short += more > 0
        return ExpectedPayment(
            turn.day, order, leaves=turn.leaves if turn.is_paid else self.balance,
            fails=not turn.is_paid, before=before,
            lacks=self.missing if more else Decimal(0), is_frozen=self.account.is_frozen,
        )  # fmt: skip


@dataclass(slots=True)
class _Due:
    """A payment of an order on a day. `leaves` is known once it is paid."""

    day: date
    order: StandingOrder
    leaves: Decimal = Decimal(0)
    is_paid: bool = False


@dataclass(slots=True)
class ExpectedDay:
    """A day with its payments, and the expected balance of each account that they move."""

    day: date
    payments: list[ExpectedPayment] = field(default_factory=list)


def next_dates(order: StandingOrder, many: int = SHOWN_DATES) -> list[date]:
    """The next days that an order is due on, also of one that is not saved."""
    days = order.days_from(order.position)
    return [day for day, _ in zip(days, range(many), strict=False)]


def expected_payments(
    orders: Iterable[StandingOrder], accounts: Iterable[Account], *, today: date, days: int
) -> list[ExpectedPayment]:
    """What active orders would pay until so many days from today, in the order of booking.

    An order that cannot be paid moves nothing; the next go on without it. One that lacks money
    comes after those of its day that bring it, as in Note [Second tries] of `paying`.
    """
    until = today + timedelta(days=days)
    due = sorted(
        (
            (max(day, today), day, order.pk, order)
            for order in orders
            if order.is_active
            for day in takewhile(lambda day: day <= until, order.days_from(order.position))
        ),
        key=lambda item: item[:3],
    )
    forecasts = {account.pk: AccountForecast.of(account) for account in accounts}
    found = []
    for shown, of_shown in groupby(due, key=lambda item: item[0]):
        tries = _Tries(forecasts)
        for _day, of_day in groupby(of_shown, key=lambda item: item[1]):
            tries.add([_Due(shown, item[3]) for item in of_day])
        found += _planned(tries, forecasts)
    return found


@dataclass(slots=True)
class _Tries:
    """The turns of one day, as the job would take them: what is paid, in the order of booking, and
    what lacks money.
    """

    forecasts: Mapping[UUID, AccountForecast]
    paid: list[_Due] = field(default_factory=list)
    lacking: list[_Due] = field(default_factory=list)

    def add(self, turns: list[_Due]) -> None:
        """Tries these orders, then all that lacked money again, until none has enough."""
        for turn in turns:
            self._try(turn)
        self.lacking += [turn for turn in turns if not turn.is_paid]
        while ready := {
            turn.order.from_account_id for turn in self.lacking if self._can_pay(turn.order)
        }:
            for turn in self.lacking:
                if turn.order.from_account_id in ready:
                    self._try(turn)
            self.lacking = [turn for turn in self.lacking if not turn.is_paid]

    def _can_pay(self, order: StandingOrder) -> bool:
        return self.forecasts[order.from_account_id].can_pay(order)

    def _try(self, turn: _Due) -> None:
        order = turn.order
        payer = self.forecasts[order.from_account_id]
        if not self._can_pay(order):
            return
        payer.balance -= order.amount
        turn.leaves, turn.is_paid = payer.balance, True
        self.paid.append(turn)
        if recipient := self.forecasts.get(order.to_account_id):
            recipient.balance += order.amount


def _planned(tries: _Tries, forecasts: Mapping[UUID, AccountForecast]) -> list[ExpectedPayment]:
    """The payments of a day, with what each lacks."""
    inward = [turn for turn in tries.paid if turn.order.to_account_id in forecasts]
    edges = {(turn.order.from_account_id, turn.order.to_account_id) for turn in inward}
    returning = {edge for edge in edges if _is_returning(edge, edges)}
    for turn in inward:
        if (turn.order.from_account_id, turn.order.to_account_id) not in returning:
            forecasts[turn.order.to_account_id].planned += turn.order.amount
    for account in forecasts.values():
        account.lowest = account.planned
    found = []
    for turn in [*tries.paid, *tries.lacking]:
        sender, recipient = turn.order.from_account_id, turn.order.to_account_id
        found.append(forecasts[sender].plan(turn))
        if turn.is_paid and (sender, recipient) in returning:
            forecasts[recipient].planned += turn.order.amount
    return found


def _is_returning(edge: tuple[UUID, UUID], edges: Set[tuple[UUID, UUID]]) -> bool:
    """Whether money goes back from an account to one that it came from, by any others, too."""
    sender, recipient = edge
    reached: set[UUID] = set()
    more = {recipient}
    while more:
        reached |= more
        more = {target for source, target in edges if source in more} - reached
    return sender in reached


def by_day(payments: Sequence[ExpectedPayment]) -> list[ExpectedDay]:
    """Payments under their days."""
    days: dict[date, ExpectedDay] = {}
    for payment in payments:
        days.setdefault(payment.day, ExpectedDay(payment.day)).payments.append(payment)
    return list(days.values())


def expected_of(person: User, *, days: int = CALENDAR_DAYS) -> list[ExpectedPayment]:
    """What a person's orders would pay within so many days. Two queries; one without an order."""
    # Without the recipients, which policies of rows hide from the reader.
    mine = StandingOrder.objects.owned_by(person).active().select_related("from_account")
    orders = list(mine.in_order())
    if not orders:
        return []
    accounts = list(Account.objects.owned_by(person))
    return expected_payments(orders, accounts, today=timezone.localdate(), days=days)


def failing_soon(person: User) -> list[ExpectedPayment]:
    """Payments of the next TOLD_DAYS days that lack money, or whose account is frozen."""
    return [payment for payment in expected_of(person, days=TOLD_DAYS) if payment.needs_help]


def totals_of(payments: Iterable[ExpectedPayment]) -> dict[str, Decimal]:
    """What is expected to leave to others, by currency."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        order = payment.order
        if not payment.fails and payment.is_to_others:
            totals[order.from_account.currency] += order.amount
    return dict(totals)
