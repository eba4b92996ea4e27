"""Forecasts the payments of standing orders in the coming days, and the expected balance after each
payment.

The forecast contains only standing orders, because incoming payments from others and card payments
are not known. The pages mention this.

Note [What is missing]: the expected balance of an account assumes that the owner adds no money. A
payment that fails moves no money, and is listed after the successful payments of its day. `lacks`
is the amount that the owner must add by that day, so that this payment and all earlier payments
from the same account are paid. So these amounts increase from payment to payment, and the last
amount is enough for all payments. A payment that lacks money is still paid if an earlier payment
fails.

Money from other orders counts if these orders are paid without a change. There are two exceptions
for a payment that now fails. First: money that leaves the account and returns to it on the same day
does not count. Therefore only the lowest balance of the day counts. Second: money that arrives
after the first attempt of the payment does not count, unless the payment is the last payment that
fails. The reason for both exceptions is the same: with more money in the account, this payment or
others would be made before such money arrives.

An amount before the last amount may be too small if orders of one day go between the owner's
accounts, because other orders may then be paid first.

Note [Paid a day late]: a payment that fails is tried once more on the next day. This attempt is
before the orders of that day, and after orders that bring money. If the second attempt succeeds,
the payment is listed on both days.
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
WARNING_DAYS = 2  # days before a payment that is expected to fail
SHOWN_DATES = 6  # number of dates on the review page
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """The expected result of an order on one day. `leaves` is the expected booked balance of the
    paying account after the payment.

    `lacks` is the amount that is missing for this payment and all earlier payments from the same
    account, or 0 if nothing is missing for a payment that is made. `before` is the number of
    earlier payments that lack money. See Note [What is missing]. `stop` is the reason if the
    payment fails for another reason than money.
    """

    day: date
    order: StandingOrder
    leaves: Decimal
    fails: bool
    lacks: Decimal = Decimal(0)
    before: int = 0
    stop: "Stop | None" = None
    is_late: bool = False  # the payment failed on the previous day
    is_paid_late: bool = False  # the payment fails on this day, and is made on the next day

    @property
    def needs_help(self) -> bool:
        """Whether the owner must do something to make this payment and all earlier payments
        succeed.
        """
        return self.stop is not None or self.lacks > 0

    @property
    def lacks_held(self) -> bool:
        """Whether the payment fails only because of money on hold in the account. The expected
        balance includes money on hold.
        """
        spendable = self.leaves + self.order.from_account.overdraft_limit
        return self.fails and self.stop is None and self.order.amount <= spendable

    @property
    def is_to_others(self) -> bool:
        """Whether the payment goes to another person's account."""
        return bool(self.order.to_account.user_id != self.order.owner_id)

    @property
    def and_before(self) -> str:
        """A text about the other payments that `lacks` includes, for example " and 2 earlier
        payments", or "" if there are none.
        """
        if not self.before:
            return ""
        return f" and {counted(self.before, 'earlier payment')}"

    @property
    def badge(self) -> str:
        """A short text about an unusual payment, such as "too little money" or "a day late". The
        text is "" for a normal payment.
        """
        if self.fails:
            return self.stop.badge if self.stop else "too little money"
        return "a day late" if self.is_late else ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A reason other than money for a refusal: the status of an account, or a limit of the paying
    account. `limit` is None if the status is the reason.
    """

    account: Account
    limit: Decimal | None = None
    is_daily: bool = False

    @property
    def badge(self) -> str:
        """The reason as a short text, for example "above the limit"."""
        if self.limit is not None:
            return "above the limit"
        return str(self.account.get_status_display()).lower()

    @property
    def most(self) -> str:
        """The limit as text, for example "2,500.00 USD per day", or "" if there is no limit."""
        if self.limit is None:
            return ""
        per = "per day" if self.is_daily else "per payment"
        return f"{money(self.limit, self.account.currency)} {per}"

    def __str__(self) -> str:
        if self.limit is not None:
            return f"{self.account.name} has a limit of {self.most}"
        return f"{self.account.name} is {self.badge}"


@dataclass(slots=True)
class AccountForecast:
    """The state of an account on each day of the forecast. All amounts are in the account's
    currency.

    - `balance`: the booked balance if the owner adds no money.
    - `planned`: the available money if all orders are paid.
    - `lowest`: the lowest value of `planned` on the day.
    - `missing`: the money that the owner must add so that all orders are paid.
    - `sent`: the amount that counts towards the daily limit.
    """

    account: Account
    balance: Decimal
    planned: Decimal
    sent: Decimal
    lowest: Decimal = Decimal(0)
    missing: Decimal = Decimal(0)
    short: int = 0  # number of payments that lacked money

    @classmethod
    def of(cls, account: Account, *, pays_today: bool) -> "AccountForecast":
        """Returns the current state of the account as a forecast. Makes one query if the account
        pays today and has a daily limit, and no query otherwise.
        """
        planned = account.balance + account.overdraft_limit - account.held
        is_counted = pays_today and account.daily_limit is not None
        sent = sent_today(account) if is_counted else Decimal(0)
        return cls(account, account.balance, planned, sent)

    @property
    def available(self) -> Decimal:
        """The money that can be spent if the owner adds no money."""
        found: Decimal = self.balance - self.account.held + self.account.overdraft_limit
        return found

    def stop_of(self, amount: Decimal) -> Stop | None:
        """Returns the reason other than money why this account cannot make a payment of this
        amount, or None.
        """
        account = self.account
        if not account.is_active:
            return Stop(account)
        if account.transfer_limit is not None and amount > account.transfer_limit:
            return Stop(account, account.transfer_limit)
        if account.daily_limit is not None and amount + self.sent > account.daily_limit:
            return Stop(account, account.daily_limit, is_daily=True)
        return None

    def plan(self, turn: "_DayTurn", later: Decimal) -> None:
        """Sets `lacks` of a payment: the amount that is missing if all earlier payments from this
        account are made. `later` is the money that arrives on the same day after this payment.
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
    """An order on one day, while the attempts of the day are simulated. `plan` sets the values that
    `ExpectedPayment` also has. `tried_at` and `paid_at` are the numbers of the first attempt and of
    the successful attempt. 0 means that there was none.
    """

    day: date  # day of the attempt; for a missed day, today
    due: date
    order: StandingOrder
    first_try: "_DayTurn | None" = None  # the attempt that failed on the previous day
    is_last: bool = False  # true if there is no later attempt
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
        """The result as an ExpectedPayment."""
        return ExpectedPayment(
            self.day, self.order, leaves=self.leaves, fails=not self.is_paid, lacks=self.lacks,
            before=self.before, stop=self.stop, is_late=self.first_try is not None,
            is_paid_late=self.is_paid_late,
        )  # fmt: skip


@dataclass(slots=True)
class ExpectedDay:
    """One day and its expected payments."""

    day: date
    payments: list[ExpectedPayment] = field(default_factory=list)


def next_dates(order: StandingOrder, many: int = SHOWN_DATES) -> list[date]:
    """Returns the next `many` days on which the order is due. The order may be unsaved."""
    days = order.days_from(order.position)
    return [day for day, _ in zip(days, range(many), strict=False)]


def expected_payments(
    orders: Iterable[StandingOrder], accounts: Sequence[Account], *, today: date, days: int
) -> list[ExpectedPayment]:
    """Returns the expected payments of the orders from today until `days` days later, in the order
    of booking. Includes payments that are expected to fail. Ignores paused and ended orders.

    An order that cannot be paid moves no money, and the next orders are still tried. An order of a
    closed account ends on its first due day. An order that lacks money comes after the orders of
    its day that bring money to its account: see Note [Second tries] in `paying`.
    """
    until = today + timedelta(days=days)
    closed = {account.pk for account in accounts if account.is_closed}
    due: dict[date, list[_DayTurn]] = defaultdict(list)
    for order in orders:
        is_last = _was_refused_before(order, today)
        coming = order.days_from(order.position) if order.is_active else iter(())
        if closed & {order.from_account_id, order.to_account_id}:
            coming = islice(coming, 1)  # the payment is refused, which ends the order
        for day in takewhile(lambda day: day <= until + DAY, coming):
            shown_on = max(day, today)
            due[shown_on].append(_DayTurn(shown_on, day, order, is_last=is_last))
            is_last = False
    paying = {turn.order.from_account_id for turn in due[today]}
    forecasts = {
        account.pk: AccountForecast.of(account, pays_today=account.pk in paying)
        for account in accounts
    }
    found: list[_DayTurn] = []
    late: list[_DayTurn] = []
    for shown_on in (today + number * DAY for number in range(days + 2)):
        if turns := late + due[shown_on]:
            tries = _Tries(forecasts)
            tries.take(turns)
            late = [
                _DayTurn(shown_on + DAY, turn.due, turn.order, turn, is_last=True)
                for turn in tries.unpaid
                if not turn.is_last
            ]
            found += _planned(tries, forecasts)
        for forecast in forecasts.values():
            forecast.sent = Decimal(0)
    return [turn.expected for turn in found if turn.day <= until]


@dataclass(slots=True)
class _Tries:
    """The simulated attempts of one day. `paid` is in the order of booking."""

    forecasts: Mapping[UUID, AccountForecast]
    paid: list[_DayTurn] = field(default_factory=list)
    unpaid: list[_DayTurn] = field(default_factory=list)
    count: int = 0

    @property
    def failing(self) -> list[_DayTurn]:
        """The unpaid attempts, without those that are already listed on the previous day."""
        return [turn for turn in self.unpaid if turn.first_try is None]

    def take(self, turns: list[_DayTurn]) -> None:
        """Tries all orders of the day, missed days first. See Note [Second tries] in `paying`."""
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
        """Returns the ids of the accounts that now have enough money for at least one of their
        unpaid orders.
        """
        return {
            turn.order.from_account_id
            for turn in self._first_unpaid().values()
            if turn.stop is None
            and turn.order.amount <= self.forecasts[turn.order.from_account_id].available
        }

    def _first_unpaid(self) -> dict[UUID, _DayTurn]:
        """Returns a dict from the id of each order to the first unpaid day of the order. Later days
        of an order wait for this day.
        """
        return {turn.order.pk: turn for turn in reversed(self.unpaid) if not turn.is_paid}

    def _try_each(self, turns: Iterable[_DayTurn]) -> None:
        waiting = self._first_unpaid()
        for turn in turns:
            if waiting.setdefault(turn.order.pk, turn) is turn:
                self._try(turn)
            if turn.is_paid:
                del waiting[turn.order.pk]

    def _try(self, turn: _DayTurn) -> None:
        """Pays the order if its account has enough money and nothing else stops the payment."""
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
    """Returns the payments of a day that the page shows. Sets the missing amount of each
    payment.
    """
    inward = [turn for turn in tries.paid if turn.order.to_account_id in forecasts]
    edges = {(turn.order.from_account_id, turn.order.to_account_id) for turn in inward}
    returning = {edge for edge in edges if _is_returning(edge, edges)}
    coming: dict[UUID, list[_DayTurn]] = defaultdict(list)  # available from the start of the day
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
    """Returns whether the order's next payment was refused on an earlier day. Today's attempt is
    then the last attempt.
    """
    at = order.refused_at
    return at is not None and timezone.localdate(at) < today


def _is_returning(edge: tuple[UUID, UUID], edges: Set[tuple[UUID, UUID]]) -> bool:
    """Returns whether the money of this payment can return to its sender on the same day, directly
    or through other accounts. `edges` are the pairs (sender, recipient) of all payments.
    """
    sender, recipient = edge
    visited: set[UUID] = set()
    more = {recipient}
    while more:
        visited |= more
        more = {target for source, target in edges if source in more} - visited
    return sender in visited


def by_day(payments: Sequence[ExpectedPayment]) -> list[ExpectedDay]:
    """Returns the payments grouped by day."""
    days: dict[date, ExpectedDay] = {}
    for payment in payments:
        days.setdefault(payment.day, ExpectedDay(payment.day)).payments.append(payment)
    return list(days.values())


def expected_of(person: User, *, days: int = CALENDAR_DAYS) -> list[ExpectedPayment]:
    """Returns the payments that the person's orders are expected to make within `days` days. Makes
    one query if there are no active orders. Otherwise makes two queries, and the queries of
    `AccountForecast.of`.
    """
    # The recipients are not read, because row-level security hides the recipients from the reader.
    mine = StandingOrder.objects.owned_by(person).active().select_related("from_account")
    orders = list(mine.in_order())
    if not orders:
        return []
    accounts = list(Account.objects.owned_by(person))
    return expected_payments(orders, accounts, today=timezone.localdate(), days=days)


def failing_soon(person: User) -> list[ExpectedPayment]:
    """Returns the payments of the next WARNING_DAYS days for which the owner must do something,
    such as add money.
    """
    return [payment for payment in expected_of(person, days=WARNING_DAYS) if payment.needs_help]


def totals_of(payments: Iterable[ExpectedPayment]) -> dict[str, Decimal]:
    """Returns the total that the person is expected to pay to others, by currency, without payments
    that fail.
    """
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        order = payment.order
        if not payment.fails and payment.is_to_others:
            totals[order.from_account.currency] += order.amount
    return dict(totals)
