"""What is due in the days to come, and the balance that is expected after it.

Only standing orders are known beforehand: what others will pay in, and card payments, are not in
it, and the pages say so.

Note [What is missing]: the expected balances tell what happens if nothing changes, so a payment
that fails moves nothing and stands after those that its day pays. What a payment lacks tells what
to do: the money that must come in by its day so that it and all payments before it from the same
account are paid. So the figures rise, and who adds the last one has enough for all. A payment can
lack money without failing: it is paid if one before it fails, and not if that one is paid.

What other orders bring in counts if they are paid without a change. Two of it do not count for a
payment that now fails, because with more money it, or others, would have their turn before that
came: money of its own account on its way back on the same day, which is why only the lowest point
of the day counts; and what comes after its first turn, unless it is the last that fails.

The last figure is enough for all. One before it may be too little for its payment where orders of
one day go between own accounts, because other ones may then be paid first.

Note [Paid a day late]: what fails is tried once more on the day after, before the orders of that
day and after those that bring money. If it is paid then, it stands on both days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, islice, takewhile
from uuid import UUID

from django.utils import timezone

from accounts.models import Account, User
from banking.standing_orders.models import StandingOrder
from ledger.text.lines import counted
from ledger.text.money import money
from transactions.availability import sent_today

CALENDAR_DAYS = 30
TOLD_DAYS = 2  # a payment that would fail is told so many days before
SHOWN_DATES = 6  # before one agrees
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """A day of an order, as it would come out. `leaves` is the expected booked balance of the
    account that pays, after it. `lacks` is what is missing for it and all before it from the same
    account, 0 if it is paid and lacks nothing more than they do; `before`, how many of those lack
    money. See Note [What is missing]. `stop` is what stops it besides money.
    """

    day: date
    order: StandingOrder
    leaves: Decimal
    fails: bool
    lacks: Decimal = Decimal(0)
    before: int = 0
    stop: "Stop | None" = None
    is_late: bool = False  # it failed on the day before
    is_paid_late: bool = False  # it fails, and is paid on the day after

    @property
    def needs_help(self) -> bool:
        """Whether its owner must do something so that it and all before it are paid."""
        return self.stop is not None or self.lacks > 0

    @property
    def lacks_held(self) -> bool:
        """Whether it fails because money is held that the expected balance still has."""
        spendable = self.leaves + self.order.from_account.overdraft_limit
        return self.fails and self.stop is None and self.order.amount <= spendable

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

    @property
    def badge(self) -> str:
        """What is unusual about it, in a word or two; "" if nothing is."""
        if self.fails:
            return self.stop.badge if self.stop else "too little money"
        return "a day late" if self.is_late else ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a payment is refused, whatever money there is: an account's status, or a limit of the
    one that pays. None for a limit that is not the reason.
    """

    account: Account
    limit: Decimal | None = None
    is_daily: bool = False

    @property
    def badge(self) -> str:
        """In a word or two."""
        if self.limit is not None:
            return "above the limit"
        return str(self.account.get_status_display()).lower()

    @property
    def most(self) -> str:
        """The limit: "2,500.00 USD a day", "" without one."""
        if self.limit is None:
            return ""
        per = "a day" if self.is_daily else "at once"
        return f"{money(self.limit, self.account.currency)} {per}"

    def __str__(self) -> str:
        if self.limit is not None:
            return f"{self.account.name} pays at most {self.most}"
        return f"{self.account.name} is {self.badge}"


@dataclass(slots=True)
class AccountForecast:
    """An account on the way through the days to come. `balance` is the booked one if nothing
    changes; `planned`, the available money if all is paid; `lowest`, the least of it on the day;
    `missing`, what must come in for that; `sent`, what counts against the limit of the day.
    """

    account: Account
    balance: Decimal
    planned: Decimal
    sent: Decimal
    lowest: Decimal = Decimal(0)
    missing: Decimal = Decimal(0)
    short: int = 0  # payments that lacked money

    @classmethod
    def of(cls, account: Account, *, pays_today: bool) -> "AccountForecast":
        """The account as it is now. A query if it pays today and has a limit for a day."""
        planned = account.balance + account.overdraft_limit - account.held
        is_counted = pays_today and account.daily_limit is not None
        sent = sent_today(account) if is_counted else Decimal(0)
        return cls(account, account.balance, planned, sent)

    @property
    def available(self) -> Decimal:
        """What can be spent if nothing changes."""
        found: Decimal = self.balance - self.account.held + self.account.overdraft_limit
        return found

    def stop_of(self, amount: Decimal) -> Stop | None:
        """What stops a payment of this account besides money."""
        account = self.account
        if not account.is_active:
            return Stop(account)
        if account.transfer_limit is not None and amount > account.transfer_limit:
            return Stop(account, account.transfer_limit)
        if account.daily_limit is not None and amount + self.sent > account.daily_limit:
            return Stop(account, account.daily_limit, is_daily=True)
        return None

    def plan(self, turn: "_DayTurn", later: Decimal) -> None:
        """Notes what a payment lacks, if all before it from this account are paid. `later` comes in
        on the day, too late for it.
        """
        amount = turn.order.amount
        usable = self.planned if turn.is_paid else self.lowest - later
        more = max(amount - usable, Decimal(0))
        self.planned += more - amount
        self.lowest += more if turn.is_paid else more - amount
        self.lowest = min(self.lowest, self.planned)
        self.missing += more
        if more or not turn.is_paid:
            turn.lacks, turn.before = self.missing, self.short
        self.short += more > 0


@dataclass(slots=True)
class _DayTurn:
    """A payment of an order on a day. Once it is planned, it has the figures of ExpectedPayment.
    `tried_at` and `paid_at` count all tries of the day.
    """

    day: date  # on which it is tried: today for one that was missed
    due: date
    order: StandingOrder
    first_try: "_DayTurn | None" = None  # that failed on the day before
    is_last: bool = False  # it is not tried again
    tried_at: int = 0
    paid_at: int = 0
    stop: Stop | None = None
    leaves: Decimal = Decimal(0)
    lacks: Decimal = Decimal(0)
    before: int = 0
    is_paid_late: bool = False

    @property
    def is_paid(self) -> bool:
        return self.paid_at > 0

    @property
    def expected(self) -> ExpectedPayment:
        """It, as it came out."""
        return ExpectedPayment(
            self.day, self.order, leaves=self.leaves, fails=not self.is_paid, lacks=self.lacks,
            before=self.before, stop=self.stop, is_late=self.first_try is not None,
            is_paid_late=self.is_paid_late,
        )  # fmt: skip


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
    orders: Iterable[StandingOrder], accounts: Sequence[Account], *, today: date, days: int
) -> list[ExpectedPayment]:
    """What active orders would pay until so many days from today, in the order of booking.

    An order that cannot be paid moves nothing; the next go on without it. One with an account of
    the person's that is closed ends on its first day. One that lacks money comes after those of its
    day that bring it, as in Note [Second tries] of `paying`.
    """
    until = today + timedelta(days=days)
    closed = {account.pk for account in accounts if account.is_closed}
    due: dict[date, list[_DayTurn]] = defaultdict(list)
    for order in orders:
        is_last = _was_refused_before(order, today)
        coming = order.days_from(order.position) if order.is_active else iter(())
        if closed & {order.from_account_id, order.to_account_id}:
            coming = islice(coming, 1)  # it is refused, which ends the order
        for day in takewhile(lambda day: day <= until + DAY, coming):
            shown = max(day, today)
            due[shown].append(_DayTurn(shown, day, order, is_last=is_last))
            is_last = False
    paying = {turn.order.from_account_id for turn in due[today]}
    forecasts = {
        account.pk: AccountForecast.of(account, pays_today=account.pk in paying)
        for account in accounts
    }
    found: list[_DayTurn] = []
    late: list[_DayTurn] = []
    for shown in (today + number * DAY for number in range(days + 2)):
        if turns := late + due[shown]:
            tries = _Tries(forecasts)
            tries.take(turns)
            late = [
                _DayTurn(shown + DAY, turn.due, turn.order, turn, is_last=True)
                for turn in tries.unpaid
                if not turn.is_last
            ]
            found += _planned(tries, forecasts)
        for forecast in forecasts.values():
            forecast.sent = Decimal(0)
    return [turn.expected for turn in found if turn.day <= until]


@dataclass(slots=True)
class _Tries:
    """The turns of one day, as the job would take them: what is paid, in the order of booking, and
    what is not.
    """

    forecasts: Mapping[UUID, AccountForecast]
    paid: list[_DayTurn] = field(default_factory=list)
    unpaid: list[_DayTurn] = field(default_factory=list)
    count: int = 0

    @property
    def failing(self) -> list[_DayTurn]:
        """Those that are not shown on the day before already."""
        return [turn for turn in self.unpaid if turn.first_try is None]

    def take(self, turns: list[_DayTurn]) -> None:
        """Tries all of them, missed days first. See Note [Second tries] of `paying`."""
        turns.sort(key=lambda turn: (turn.due, turn.order.pk))
        for _due, of_day in groupby(turns, key=lambda turn: turn.due):
            new = list(of_day)
            self._try_each(new)
            self.unpaid += [turn for turn in new if not turn.is_paid]
            while ready := self._ready():
                self._try_each(turn for turn in self.unpaid if turn.order.from_account_id in ready)
                self.unpaid = [turn for turn in self.unpaid if not turn.is_paid]
        for turn in self.unpaid:
            turn.leaves = self.forecasts[turn.order.from_account_id].balance

    def _ready(self) -> set[UUID]:
        """The accounts that have what one of their orders lacked."""
        return {
            turn.order.from_account_id
            for turn in self._first_unpaid().values()
            if turn.stop is None
            and turn.order.amount <= self.forecasts[turn.order.from_account_id].available
        }

    def _first_unpaid(self) -> dict[UUID, _DayTurn]:
        """The first day of each order that is not paid; its later days wait for it."""
        return {turn.order.pk: turn for turn in reversed(self.unpaid) if not turn.is_paid}

    def _try_each(self, turns: Iterable[_DayTurn]) -> None:
        waiting = self._first_unpaid()
        for turn in turns:
            if waiting.setdefault(turn.order.pk, turn) is turn:
                self._try(turn)
            if turn.is_paid:
                del waiting[turn.order.pk]

    def _try(self, turn: _DayTurn) -> None:
        """Pays it if its account has the money, unless it was stopped."""
        order = turn.order
        payer, recipient = (
            self.forecasts.get(pk) for pk in (order.from_account_id, order.to_account_id)
        )
        assert payer is not None  # noqa: S101
        self.count += 1
        turn.tried_at = turn.tried_at or self.count
        if turn.stop is None:
            turn.stop = payer.stop_of(order.amount)
        if turn.stop is None and recipient and recipient.account.is_closed:
            turn.stop = Stop(recipient.account)
        if turn.stop is not None or order.amount > payer.available:
            return
        payer.balance -= order.amount
        payer.sent += order.amount
        turn.leaves, turn.paid_at = payer.balance, self.count
        self.paid.append(turn)
        if recipient:
            recipient.balance += order.amount


def _planned(tries: _Tries, forecasts: Mapping[UUID, AccountForecast]) -> list[_DayTurn]:
    """The turns of a day that are shown, with what each lacks."""
    inward = [turn for turn in tries.paid if turn.order.to_account_id in forecasts]
    edges = {(turn.order.from_account_id, turn.order.to_account_id) for turn in inward}
    returning = {edge for edge in edges if _is_returning(edge, edges)}
    coming: dict[UUID, list[_DayTurn]] = defaultdict(list)  # which counts from the start of the day
    for turn in inward:
        if (turn.order.from_account_id, turn.order.to_account_id) not in returning:
            coming[turn.order.to_account_id].append(turn)
    for pk, account in forecasts.items():
        account.planned += sum(turn.order.amount for turn in coming[pk])
        account.lowest = account.planned
    lacking = [turn for turn in tries.failing if turn.stop is None]
    last = {turn.order.from_account_id: turn for turn in lacking}
    for turn in tries.paid:
        sender, recipient = turn.order.from_account_id, turn.order.to_account_id
        if turn.first_try is not None:
            turn.first_try.is_paid_late = True
        if turn.first_try is None or turn.first_try.stop is not None:
            forecasts[sender].plan(turn, Decimal(0))
        if (sender, recipient) in returning:
            forecasts[recipient].planned += turn.order.amount
    for turn in lacking:
        sender = turn.order.from_account_id
        after = (each for each in coming[sender] if each.paid_at > turn.tried_at)
        later = sum((each.order.amount for each in after), Decimal(0))
        forecasts[sender].plan(turn, Decimal(0) if turn is last[sender] else later)
    return [*tries.paid, *tries.failing]


def _was_refused_before(order: StandingOrder, today: date) -> bool:
    """Whether its next payment failed on an earlier day, and has its last try today."""
    at = order.refused_at
    return at is not None and timezone.localdate(at) < today


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
    """What a person's orders would pay within so many days. Two queries and those of
    `AccountForecast.of`; one without an order.
    """
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
