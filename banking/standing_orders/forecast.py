"""Forecasts which payments standing orders will make in the coming days, and the balance after each
payment.

The forecast contains only standing orders, because incoming payments from others and card payments
are not known. The pages mention this limit. The forecast makes the same attempts as the job: see
Note [Second tries] in `paying`. A payment that fails moves no money, and is tried once more on the
next day.

Note [What is missing]: `lacks` of a payment is the amount that the owner must add to the account by
the day of the payment. With this amount, this payment and all earlier payments from the account can
be made. So the amount never decreases from one payment to the next, and the last amount is enough
for all payments. A payment that lacks money is still paid if an earlier payment fails.

Money that other orders bring to the account counts if these orders will be paid even if the owner
adds nothing. Money that arrives after the first attempt of a payment counts only for the last
payment that fails. For an earlier payment it does not count: if the owner adds money, the earlier
payment is made before this money arrives. If money moves in a circle between the owner's accounts,
the amounts may be too small.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(slots=True)
class ExpectedPayment:
    """The expected result of a standing order on one day. `due` is the day of the order, and `day`
    is the day of the attempt. `leaves` is the expected booked balance of the paying account after
    the payment.

    `lacks` is the amount that is missing for this payment and all earlier payments from the same
    account. It is 0 if this payment will be made without more money. `before` is the number of
    earlier payments that lack money. See Note [What is missing]. `stop` is the reason if an
    account's status or a limit prevents the payment, and None otherwise.
    """

    day: date
    due: date
    order: StandingOrder
    leaves: Decimal = Decimal(0)
    fails: bool = True
    lacks: Decimal = Decimal(0)
    before: int = 0
    stop: "Stop | None" = None
    is_last: bool = False  # whether there is no later attempt
    first_try: "ExpectedPayment | None" = None  # the attempt that failed on the previous day
    received: Decimal | None = None  # the account's income of the day before its first attempt

    @property
    def needs_help(self) -> bool:
        """Whether this payment, or an earlier payment from the same account, will fail if the owner
        does nothing.
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
        return f" and {counted(self.before, 'earlier payment')}" if self.before else ""

    @property
    def badge(self) -> str:
        """The reason why the payment fails, such as "too little money", or "" if it is made."""
        if not self.fails:
            return ""
        return self.stop.badge if self.stop else "too little money"


@dataclass(frozen=True, slots=True)
class Stop:
    """The status of an account, or a limit of the paying account, that prevents a payment. `limit`
    is None if the status is the reason.
    """

    account: Account
    limit: Decimal | None = None
    is_daily: bool = False

    @property
    def badge(self) -> str:
        """The reason why the payment is not possible, as a short text, for example "above the
        limit".
        """
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
    - `planned`: the available money if the owner adds what is missing and all orders are paid.
    - `missing`: the money that the owner must add so that all orders are paid.
    - `sent`: the amount of the day's payments that count towards the daily limit.
    - `received`: the money that standing orders brought to the account on the day.
    """

    account: Account
    balance: Decimal
    planned: Decimal
    sent: Decimal
    received: Decimal = Decimal(0)
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
        """Returns what prevents a payment of this amount from this account: its status, the limit
        per payment or the daily limit. Returns None if these allow the payment. Does not check
        whether the account has enough money.
        """
        account = self.account
        if not account.is_active:
            return Stop(account)
        if account.transfer_limit is not None and amount > account.transfer_limit:
            return Stop(account, account.transfer_limit)
        if account.daily_limit is not None and amount + self.sent > account.daily_limit:
            return Stop(account, account.daily_limit, is_daily=True)
        return None

    def plan(self, payment: ExpectedPayment, later: Decimal = Decimal(0)) -> None:
        """Sets `lacks` of a payment: the amount that is missing if this payment and all earlier
        payments from this account are made. Does not count the money `later`, which arrives after
        this payment.
        """
        more = max(payment.order.amount - self.planned + later, Decimal(0))
        self.planned += more - payment.order.amount
        self.missing += more
        if more or payment.fails:
            payment.lacks, payment.before = self.missing, self.short
        self.short += more > 0


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

    An order of a closed account ends on its first due day. If an account has too little money for
    an order, the order comes after those orders of the same day that bring money to this account.
    """
    until = today + timedelta(days=days)
    coming: dict[date, list[ExpectedPayment]] = defaultdict(list)
    closed = {account.pk for account in accounts if account.is_closed}
    for order in orders:
        due = order.days_from(order.position) if order.is_active else iter(())
        if closed & {order.from_account_id, order.to_account_id}:
            due = islice(due, 1)  # the payment is refused, which ends the order
        is_last = _was_refused_before(order, today)
        for day in takewhile(lambda day: day <= until, due):
            shown_on = max(day, today)
            coming[shown_on].append(ExpectedPayment(shown_on, day, order, is_last=is_last))
            is_last = False
    paying = {payment.order.from_account_id for payment in coming[today]}
    forecasts = {
        account.pk: AccountForecast.of(account, pays_today=account.pk in paying)
        for account in accounts
    }
    found: list[ExpectedPayment] = []
    for day in (today + number * DAY for number in range(days + 1)):
        tries = _Tries(forecasts)
        tries.take(coming[day])
        coming[day + DAY] += [
            ExpectedPayment(day + DAY, failed.due, failed.order, is_last=True, first_try=failed)
            for failed in tries.failed
            if not failed.is_last
        ]
        found += _planned(tries, forecasts)
        for forecast in forecasts.values():
            forecast.sent = forecast.received = Decimal(0)
    return found


@dataclass(slots=True)
class _Tries:
    """The simulated attempts of one day to pay the orders. `made` contains the payments that
    succeed, in the order of booking. `failed` contains all others.
    """

    forecasts: Mapping[UUID, AccountForecast]
    made: list[ExpectedPayment] = field(default_factory=list)
    failed: list[ExpectedPayment] = field(default_factory=list)

    def take(self, attempts: list[ExpectedPayment]) -> None:
        """Simulates `attempts`, all attempts of the day. Payments of missed days come first. See
        Note [Second tries] in `paying`.
        """
        attempts.sort(key=lambda payment: (payment.due, payment.order.pk))
        for _due, of_day in groupby(attempts, key=lambda payment: payment.due):
            new = list(of_day)
            self.failed += new
            self._try_each(new)
            while ready := self._ready():
                self._try_each(each for each in self.failed if each.order.from_account_id in ready)
        for payment in self.failed:
            payment.leaves = self.forecasts[payment.order.from_account_id].balance

    def _ready(self) -> set[UUID]:
        """Returns the ids of the accounts that now have enough money for at least one of their
        orders that failed.
        """
        return {
            payment.order.from_account_id
            for payment in self._first_unpaid().values()
            if payment.stop is None
            and payment.order.amount <= self.forecasts[payment.order.from_account_id].available
        }

    def _first_unpaid(self) -> dict[UUID, ExpectedPayment]:
        """Returns a dict from the id of each order to the first unpaid day of the order. Later days
        of an order wait for this day.
        """
        return {payment.order.pk: payment for payment in reversed(self.failed)}

    def _try_each(self, attempts: Iterable[ExpectedPayment]) -> None:
        waiting = self._first_unpaid()
        for payment in attempts:
            if waiting.setdefault(payment.order.pk, payment) is payment:
                self._try(payment)
            if not payment.fails:
                del waiting[payment.order.pk]
        self.failed = [payment for payment in self.failed if payment.fails]

    def _try(self, payment: ExpectedPayment) -> None:
        """Simulates one attempt. The payment succeeds if the paying account has enough money, and
        if its limits and the status of both accounts allow the payment.
        """
        order = payment.order
        payer = self.forecasts[order.from_account_id]
        recipient = self.forecasts.get(order.to_account_id)
        if payment.received is None:
            payment.received = payer.received
        if payment.stop is None:
            payment.stop = payer.stop_of(order.amount)
        if payment.stop is None and recipient and recipient.account.is_closed:
            payment.stop = Stop(recipient.account)
        if payment.stop is not None or order.amount > payer.available:
            return
        payer.balance -= order.amount
        payer.sent += order.amount
        payment.leaves, payment.fails = payer.balance, False
        self.made.append(payment)
        if recipient:
            recipient.balance += order.amount
            recipient.received += order.amount


def _planned(tries: _Tries, forecasts: Mapping[UUID, AccountForecast]) -> list[ExpectedPayment]:
    """Returns the payments of a day for the page, and calculates `lacks` of these payments. A
    payment that failed on the day before and fails again is not shown a second time.
    """
    for account in forecasts.values():
        account.planned += account.received
    for payment in tries.made:
        if payment.first_try is None or payment.first_try.stop is not None:
            forecasts[payment.order.from_account_id].plan(payment)
    failed = [payment for payment in tries.failed if payment.first_try is None]
    lacking = [payment for payment in failed if payment.stop is None]
    last = {payment.order.from_account_id: payment for payment in lacking}
    for payment in lacking:
        account = forecasts[payment.order.from_account_id]
        is_last = payment is last[payment.order.from_account_id]
        later = Decimal(0) if is_last else account.received - (payment.received or 0)
        account.plan(payment, later)
    return [*tries.made, *failed]


def _was_refused_before(order: StandingOrder, today: date) -> bool:
    """Returns whether the order's next payment was refused on an earlier day. Today's attempt is
    then the last attempt.
    """
    at = order.refused_at
    return at is not None and timezone.localdate(at) < today


def by_day(payments: Sequence[ExpectedPayment]) -> list[ExpectedDay]:
    """Returns the payments grouped by day."""
    days: dict[date, ExpectedDay] = {}
    for payment in payments:
        days.setdefault(payment.day, ExpectedDay(payment.day)).payments.append(payment)
    return list(days.values())


def expected_of(person: User, *, days: int = CALENDAR_DAYS) -> list[ExpectedPayment]:
    """Returns the expected payments of the person's orders within `days` days, including payments
    that are expected to fail. Makes one query if there are no active orders. Otherwise makes two
    queries, and the queries of `AccountForecast.of`.
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
    """Returns the total of the payments that the person is expected to make to other people, by
    currency. Ignores payments that are expected to fail.
    """
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        order = payment.order
        if not payment.fails and payment.is_to_others:
            totals[order.from_account.currency] += order.amount
    return dict(totals)
