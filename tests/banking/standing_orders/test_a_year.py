"""A leap year in Berlin, two workers at once, killed anywhere: each due day is settled once."""

import os
import random
import subprocess
import sys
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from dateutil.rrule import MONTHLY, WEEKLY, YEARLY, rrule
from django.db import connection
from django.db.models import Sum

from accounts.models import Account
from accounts.services import close_account, freeze_account, unfreeze_account
from banking.standing_orders.models import Occurrence, StandingOrder
from banking.standing_orders.paying import payment_id
from ledger.env import BASE_DIR
from tests.banking.standing_orders.orders import order_of, settled
from tests.factories import AccountFactory
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 300  # seconds until what must happen has happened, on any machine
QUARTERS = (
    (date(2028, 1, 1), date(2028, 3, 31)),  # 29 February; clocks go forward on 26 March
    (date(2028, 4, 1), date(2028, 6, 30)),
    (date(2028, 7, 1), date(2028, 9, 30)),
    (date(2028, 10, 1), date(2028, 12, 31)),  # clocks go back on 29 October
)
KILLS = 3  # in each quarter


def worker(first: date, last: date) -> subprocess.Popen[str]:
    """One on the database of this test."""
    its = connection.get_connection_params()
    place = {"NAME": its["dbname"], "USER": its["user"], "HOST": its["host"], "PORT": its["port"]}
    database = {f"DB_{name}": str(value) for name, value in place.items()}
    settings = {"DJANGO_SETTINGS_MODULE": "ledger.settings", "TIME_ZONE": "Europe/Berlin"}
    module = "tests.banking.standing_orders.year_worker"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(first), str(last)],
        cwd=BASE_DIR,
        env={**os.environ, **database, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def live_through(first: date, last: date, chance: random.Random) -> None:
    """Two workers pay the days; both are killed after some days, and others begin again."""
    for _ in range(KILLS):
        pair = [worker(first, last) for _ in range(2)]
        for each in pair:
            assert each.stdout is not None
            for _ in range(chance.randrange(60)):
                each.stdout.readline()
            each.kill()
        for each in pair:
            each.communicate(timeout=LONG)
    for each in [worker(first, last) for _ in range(2)]:
        _out, err = each.communicate(timeout=LONG)
        assert each.returncode == 0, err


def days(freq: int, first: date, until: date = date(2028, 12, 31), **rule: Any) -> list[str]:
    """The days by RFC 5545; those of 2027 were missed."""
    start, end = (datetime.combine(day, time()) for day in (first, until))
    found = rrule(freq, dtstart=start, until=end, **rule)
    return [f"{moment:%m-%d}" for moment in found]


def last_of_month(**rule: Any) -> dict[str, Any]:
    return {"bymonthday": range(28, 32), "bysetpos": -1, **rule}


def test_each_due_day_of_a_year_is_settled_once() -> None:
    rich, savings = AccountFactory(balance="90000"), AccountFactory()
    frozen, poor = AccountFactory(balance="9000"), AccountFactory(balance="5")
    shop, leaver = AccountFactory(), AccountFactory()
    sunday, wednesday = date(2028, 1, 2), date(2028, 1, 5)
    leap, end = date(2028, 2, 29), date(2028, 1, 31)
    order = {
        "monthly": order_of(rich, shop, first_on=end),
        "on the 30th": order_of(rich, shop, first_on=date(2027, 12, 30)),
        "quarterly": order_of(rich, shop, every="quarter", first_on=date(2027, 11, 30)),
        "yearly": order_of(rich, shop, every="year", first_on=leap),
        "once": order_of(rich, shop, every="once", first_on=leap),
        "sundays": order_of(rich, savings, every="week", first_on=sunday),
        "until": order_of(rich, shop, first_on=end, last_on=date(2028, 5, 30)),
        "five times": order_of(rich, shop, every="week", first_on=wednesday, times=5),
        "frozen in spring": order_of(frozen, shop, first_on=end),
        "without money": order_of(poor, shop, every="week", first_on=wednesday),
        "to a leaver": order_of(rich, leaver, every="week", first_on=wednesday),
    }
    chance = random.Random(2028)  # noqa: S311 - no secret
    for number, quarter in enumerate(QUARTERS):
        if number == 1:
            freeze_account(account=frozen, reason="Lost card")
        if number == 2:
            unfreeze_account(account=frozen, reason="Found")
            services.withdraw(from_account=leaver, amount=Account.objects.get(pk=leaver.pk).balance)
            close_account(account=leaver, reason="Left")
        if number == 3:
            services.deposit(to_account=poor, amount=Decimal(900))
        live_through(*quarter, chance)

    weeks = days(WEEKLY, wednesday)
    paid = {
        "monthly": days(MONTHLY, end, **last_of_month()),
        "on the 30th": days(MONTHLY, date(2027, 12, 30), bymonthday=range(28, 31), bysetpos=-1),
        "quarterly": days(
            MONTHLY, date(2027, 11, 30), interval=3, bymonthday=range(28, 31), bysetpos=-1
        ),
        "yearly": days(YEARLY, leap),
        "once": ["02-29"],
        "sundays": days(WEEKLY, sunday),
        "until": days(MONTHLY, end, date(2028, 5, 30), **last_of_month()),
        "five times": weeks[:5],
        "without money": [day for day in weeks if day >= "10"],
        "to a leaver": [day for day in weeks if day < "07"],
    }
    for name, expected in paid.items():
        outcomes = settled(order[name])
        assert [day for day, outcome in outcomes if outcome == "paid"] == expected, name
    every_month = paid["monthly"]
    # The last day of spring is tried once more on the first of summer.
    assert settled(order["frozen in spring"]) == [
        (day, "refused" if day in ("04-30", "05-31") else "paid") for day in every_month
    ]
    assert [day for day, _ in settled(order["without money"])] == weeks
    assert settled(order["to a leaver"])[-1] == ("07-05", "refused")
    ended = StandingOrder.objects.filter(status="ended").values_list("pk", flat=True)
    assert set(ended) == {order[name].pk for name in ("once", "until", "five times", "to a leaver")}
    in_the_books()


def in_the_books() -> None:
    """Each paid day is one transaction with its id, in the order of its days, and no other."""
    rows = Occurrence.objects.filter(outcome="paid").select_related("transaction", "order")
    for row in rows:
        assert row.transaction is not None
        assert row.transaction_id == payment_id(row.order_id, row.due_on)
    assert rows.count() == Transaction.objects.filter(type="transfer").count()
    for order in StandingOrder.objects.all():
        by_day = order.occurrences.filter(outcome="paid").order_by("due_on")
        booked = list(by_day.values_list("transaction__created_at", flat=True))
        assert booked == sorted(booked)
    total = Account.objects.aggregate(sum=Sum("balance"))["sum"]
    came = Transaction.objects.filter(type="deposit").aggregate(sum=Sum("amount"))["sum"]
    went = Transaction.objects.filter(type="withdrawal").aggregate(sum=Sum("amount"))["sum"]
    assert total == came - went
    assert audit().clean
