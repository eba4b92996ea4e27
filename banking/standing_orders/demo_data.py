"""Creates standing orders for the demo person Ana."""

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone

from accounts.models import Account, User
from banking.standing_orders.models import Every
from banking.standing_orders.services import OrderDraft, pause, set_up
from ledger.db.ids import uuid7_of
from transactions.demo.registered import DemoBank, register


class DemoOrder(NamedTuple):
    """A standing order of the demo. `to` is the name of one of Ana's accounts, or the name of a
    person that Ana has paid before.

    If `after` is not 0, the first payment is `after` days after the demo data is created. Otherwise
    it is on the day `day` of this month or of the next month.
    """

    to: str
    amount: str
    description: str
    every: Every
    after: int = 0
    day: int = 0
    is_paused: bool = False


ORDERS = (
    DemoOrder("Savings", "150", "Put aside", Every.MONTH, day=25),
    DemoOrder("Mara Lindt", "900", "Rent", Every.MONTH, day=1),
    DemoOrder("Jonas Weber", "35", "Band practice room", Every.WEEK, after=3),
    DemoOrder("Halima's Kitchen", "60", "Birthday dinner", Every.ONCE, after=12),
    DemoOrder("Mara Lindt", "12.50", "Cleaning of the stairs", Every.MONTH, day=15, is_paused=True),
)


@register(order=60)
def set_up_orders(bank: DemoBank) -> None:
    """Sets up Ana's standing orders. A second call on the same day changes nothing."""
    ana = bank.people["ana"]
    today = timezone.localdate(bank.now)
    everyday = ana.accounts.get(name="Everyday")
    for number, demo in enumerate(ORDERS):
        to = _recipient(ana, demo.to)
        if to is None:
            continue
        order = set_up(
            OrderDraft(
                id=uuid7_of(ana.created_at, f"demo order {number}"), owner=ana,
                from_account=everyday, to_account=to, amount=Decimal(demo.amount),
                every=demo.every, first_on=_first_day(demo, today), description=demo.description,
            )
        )  # fmt: skip
        if demo.is_paused:
            pause(order=order)


def _recipient(ana: User, name: str) -> Account | None:
    mine: Account | None = ana.accounts.filter(name=name).first()
    paid = Account.objects.filter(user__name=name, currency="USD").order_by("created_at")
    return mine or paid.first()


def _first_day(demo: DemoOrder, today: date) -> date:
    """Returns the first day of the order. The day is after today, so that no payment is due while
    the demo starts.
    """
    if demo.after:
        return today + timedelta(days=demo.after)
    day = today.replace(day=demo.day)
    return day if day > today else (day.replace(day=1) + timedelta(days=32)).replace(day=demo.day)
