"""Queries for the pages of standing orders, with past and expected payments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from accounts.models import Account, User
from banking.standing_orders.forecast import (
    CALENDAR_DAYS,
    WARNING_DAYS,
    ExpectedDay,
    ExpectedPayment,
    by_day,
    expected_payments,
    next_dates,
    totals_of,
)
from banking.standing_orders.models import Occurrence, StandingOrder
from ledger.db.rights.row_security import RowScope, reading
from transactions.payees.reads import saved_payees
from transactions.safeguards.names import masked_name
from transactions.safeguards.recipients import known_among

MAX_ENDED, MAX_DAYS = 20, 50  # maximum numbers of ended orders and of past days on a page


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order as a row of the list. `who` is the recipient's name as the owner may see it."""

    order: StandingOrder
    who: str
    next_on: date | None


@dataclass(frozen=True, slots=True)
class OrdersPage:
    """The data of the page of standing orders: the orders that have not ended, the latest ended
    orders, and the expected payments.
    """

    lines: list[OrderLine]
    ended: list[OrderLine]
    days: list[ExpectedDay]
    failing: list[ExpectedPayment]
    totals: list[tuple[str, Decimal]]
    left_out: int  # number of payments to others that fail; no total includes these payments
    who: dict[UUID, str]  # the recipients' names by account


def orders_page(owner: User) -> OrdersPage:
    """Returns the data of the page. Makes seven queries and the queries of `AccountForecast.of`,
    for any number of orders.
    """
    orders = orders_of(owner)
    ended = _ended(owner)
    accounts = list(Account.objects.owned_by(owner))
    who = names_of(owner, [*orders, *ended], accounts)
    expected = _expected(orders, accounts)
    until = timezone.localdate() + timedelta(days=WARNING_DAYS)
    failing = [payment for payment in expected if payment.needs_help and payment.day <= until]
    return OrdersPage(
        lines=[_line(order, who) for order in orders],
        ended=[_line(order, who) for order in ended],
        days=by_day(expected),
        failing=failing,
        totals=sorted(totals_of(expected).items()),
        left_out=_left_out(expected),
        who=who,
    )


def _left_out(expected: Iterable[ExpectedPayment]) -> int:
    to_others = [payment for payment in expected if payment.is_to_others]
    failed, paid = (
        {(each.order.pk, each.due) for each in to_others if each.fails is fails}
        for fails in (True, False)
    )
    return len(failed - paid)


@dataclass(frozen=True, slots=True)
class DraftFailures:
    """The payments that are expected to fail within CALENDAR_DAYS if a new order is set up. `own`
    is the first payment of the new order that will fail, or None. `other` is the first payment of
    another order that will fail only because of the new order, or None.
    """

    own: ExpectedPayment | None
    other: ExpectedPayment | None


def failures_with(owner: User, draft: StandingOrder) -> DraftFailures:
    """Returns the payments that are expected to fail if the order `draft` is set up."""
    orders, accounts = orders_of(owner), list(Account.objects.owned_by(owner))

    without = {
        (payment.order.pk, payment.day) for payment in _expected(orders, accounts) if payment.fails
    }
    found = [payment for payment in _expected([*orders, draft], accounts) if payment.needs_help]
    others = (
        payment for payment in found
        if payment.fails and payment.order is not draft
        and (payment.order.pk, payment.day) not in without
    )  # fmt: skip
    own = (payment for payment in found if payment.order is draft)
    return DraftFailures(next(own, None), next(others, None))


def _expected(
    orders: Iterable[StandingOrder], accounts: Sequence[Account]
) -> list[ExpectedPayment]:
    today = timezone.localdate()
    return expected_payments(orders, accounts, today=today, days=CALENDAR_DAYS)


def orders_of(owner: User) -> list[StandingOrder]:
    """Returns the owner's orders that have not ended. The order that pays next is first."""
    with reading(RowScope.DIRECTORY):
        mine = StandingOrder.objects.owned_by(owner).not_ended()
        return list(mine.with_accounts().in_order())


def own_order(owner: User, pk: UUID) -> StandingOrder | None:
    """Returns the order with its accounts and the recipient. Returns None if the order does not
    exist or belongs to another person.
    """
    with reading(RowScope.DIRECTORY):
        mine = StandingOrder.objects.owned_by(owner).with_accounts()
        found: StandingOrder | None = mine.filter(pk=pk).first()
        return found


def _ended(owner: User) -> list[StandingOrder]:
    with reading(RowScope.DIRECTORY):
        mine = StandingOrder.objects.owned_by(owner).filter(status=StandingOrder.Status.ENDED)
        return list(mine.with_accounts().order_by("-next_on", "pk")[:MAX_ENDED])


def _line(order: StandingOrder, who: dict[UUID, str]) -> OrderLine:
    due = next_dates(order, 1) if order.is_active else []
    return OrderLine(order, who[order.to_account_id], due[0] if due else None)


def names_of(
    owner: User, orders: Iterable[StandingOrder], accounts: Iterable[Account]
) -> dict[UUID, str]:
    """Returns a dict from account id to the recipient's name as the owner may see it. For the
    owner's account, this is the name of the account. For other accounts, it is the name that the
    owner has saved, the holder's name if the owner may see it, or the masked name.

    Makes three queries, or none if there are no orders.
    """
    recipients = {order.to_account_id: order.to_account for order in orders}
    if not recipients:
        return {}
    own = {account.pk: account.name for account in accounts}
    saved = {payee.account_id: payee.name for payee in saved_payees(owner.pk)}
    known = known_among(owner.pk, list(recipients))

    def name(account: Account) -> str:
        holder = account.user.name
        other = saved.get(account.pk) or (holder if account.pk in known else masked_name(holder))
        return own.get(account.pk) or other

    return {pk: name(account) for pk, account in recipients.items()}


@dataclass(frozen=True, slots=True)
class OrderPage:
    """The data of an order's page: the order, its next days, and the latest results."""

    order: StandingOrder
    who: str
    next_days: list[date]
    settled: list[Occurrence]
    failing: list[ExpectedPayment]  # only the first payment that needs the owner's help


def order_page(owner: User, order: StandingOrder) -> OrderPage:
    """Returns the data of an order's page. The order's accounts must be loaded."""
    accounts = list(Account.objects.owned_by(owner))
    who = names_of(owner, [order], accounts)
    settled = order.occurrences.order_by("-due_on")[:MAX_DAYS]
    days = [] if order.is_ended else next_dates(order)
    expected = _expected(orders_of(owner), accounts) if order.is_active else []
    failing = [each for each in expected if each.order.pk == order.pk and each.needs_help]
    return OrderPage(order, who[order.to_account_id], days, list(settled), failing[:1])
