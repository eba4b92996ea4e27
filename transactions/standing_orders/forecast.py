"""What is due in the days to come, and the balance that is expected after it.

Only standing orders are known beforehand: what others will pay in, and card payments, are not in
it, and the pages say so.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import takewhile
from uuid import UUID

from django.utils import timezone

from accounts.models import Account, User
from transactions.models import StandingOrder

CALENDAR_DAYS = 30
TOLD_DAYS = 2  # a payment that would fail is told so many days before
SHOWN_DATES = 6  # before one agrees


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """A day of an order, as it would come out. `leaves` is the expected booked balance of the
    account that pays, after it; `lacks`, what is missing then, 0 if it can be paid.
    """

    day: date
    order: StandingOrder
    leaves: Decimal
    lacks: Decimal
    is_frozen: bool

    @property
    def fails(self) -> bool:
        return self.is_frozen or self.lacks > 0


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

    An order that cannot be paid moves nothing; the next days go on without it.
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
    balances = {account.pk: account.balance for account in accounts}
    known = {account.pk: account for account in accounts}
    found = []
    for shown, _day, _pk, order in due:
        sender = known[order.from_account_id]
        found.append(_expected(shown, order, sender, balances))
    return found


def _expected(
    day: date, order: StandingOrder, sender: Account, balances: dict[UUID, Decimal]
) -> ExpectedPayment:
    before = balances[sender.pk]
    can_spend = before - sender.held + sender.overdraft_limit
    lacks = max(order.amount - can_spend, Decimal(0))
    fails = lacks > 0 or sender.is_frozen
    if not fails:
        balances[sender.pk] = before - order.amount
        if order.to_account_id in balances:
            balances[order.to_account_id] += order.amount
    return ExpectedPayment(day, order, balances[sender.pk], lacks, sender.is_frozen)


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
    """Payments of the next TOLD_DAYS days that would fail if nothing changes."""
    return [payment for payment in expected_of(person, days=TOLD_DAYS) if payment.fails]


def totals_of(payments: Iterable[ExpectedPayment]) -> dict[str, Decimal]:
    """What is expected to leave to others, by currency."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        order = payment.order
        if not payment.fails and order.to_account.user_id != order.owner_id:
            totals[order.from_account.currency] += order.amount
    return dict(totals)
