"""The payments of a customer on a day. Each function creates one kind of payment."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from transactions.demo.cast import NORTHWIND
from transactions.demo.events import about, card_payment, income, payment
from transactions.demo.people import DemoAccount, Event, Person
from transactions.demo.places import KINDS
from transactions.demo.times import DAY, NIGHT_RUN, at, is_pay_day, name_of_month

# Probabilities in thousandths for a person with activity 100: on a working day, and at the weekend.
ERRANDS = (
    ("coffee", 420, 360, "07:30", "11:00"),
    ("lunch", 240, 120, "11:50", "14:10"),
    ("taxi", 25, 70, "18:00", "23:50"),
    ("books", 20, 60, "12:30", "18:30"),
    ("clothes", 15, 60, "12:00", "18:40"),
    ("home", 10, 45, "10:30", "17:40"),
    ("devices", 5, 10, "12:00", "18:00"),
    ("pharmacy", 35, 30, "09:00", "18:30"),
    ("doctor", 9, 0, "09:00", "17:00"),
    ("cash", 55, 70, "09:00", "20:00"),
)
SAVING_UP = timedelta(days=60)
DINNER_HALVES = (
    "Dinner, your half", "My half of dinner, thank you!", "Half of the pizza", "For last night",
)  # fmt: skip
GIFTS = (
    "Concert tickets", "Happy birthday!", "Thank you for the ride", "Football on Sunday",
    "The plants you watered", "Lottery pool, week's share", "Book club wine", "Bike repair",
)  # fmt: skip


def ordinary_day(person: Person, day: date) -> Iterator[Event]:
    """Yields a customer's payments on an ordinary day, in no particular order."""
    yield from salary(person, day)
    yield from monthly_payments(person, day)
    if day > person.spends_until:
        return
    yield from bills(person, day)
    yield from spare_money(person, day)
    if not person.away(day):
        yield from commute(person, day)
        yield from groceries(person, day)
        yield from errands(person, day)
        yield from evening_out(person, day)
        arrange_gifts(person, day)


def _chance(person: Person, of_thousand: int) -> bool:
    return person.rng.randrange(100_000) < of_thousand * person.role.activity


def _shop(person: Person, kind: str) -> str:
    """Returns the name of a random shop of this kind. Favourite shops are more likely."""
    shops, rng = person.place.shops[kind], person.rng
    nth = min(rng.randrange(len(shops)), rng.randrange(len(shops)))
    return shops[(nth + int(person.card)) % len(shops)]


def salary(person: Person, day: date) -> Iterator[Event]:
    role = person.role
    if not role.salary or not is_pay_day(day, role.pay_day, person.place.weekend):
        return
    initials = "".join(word[0] for word in role.employer.split()[:2]).upper()
    if role.employer == NORTHWIND:
        initials = "NW"
    period = f"{day:%Y-%m}"
    yield income(
        person,
        role.employer,
        at(person.rng, day, "06:10", "07:20"),
        person.whole(role.salary),
        "Pension" if role.story == "pension" else "Salary",
        reference=f"{initials}-{period}",
        metadata=about("salary", "transfer", period=period),
    )


def monthly_payments(person: Person, day: date) -> Iterator[Event]:
    """Yields the payments that are due on a fixed day of the month: rent, fee and interest on the
    1st, and savings on the 2nd.
    """
    rng, role = person.rng, person.role
    period = f"{day:%Y-%m}"
    if day.day == 1 and role.rent:
        yield payment(
            person,
            role.landlord,
            at(rng, day, *NIGHT_RUN),
            person.whole(role.rent),
            f"Rent for {name_of_month(day)}",
            reference=f"RENT-{period}",
            metadata=about("rent", "transfer", period=period),
        )
    if day.day == 1 and (person.everyday.overdraft_limit or person.place.currency == "EUR"):
        month = day - DAY
        yield Event(
            at(rng, day, *NIGHT_RUN), person.place.amount(450, 10), person.everyday, None,
            f"Account fee for {name_of_month(month)}", f"FEE-{month:%Y-%m}", about("fee", "bank"),
        )  # fmt: skip
    savings = person.accounts.get("savings")
    if savings is None:
        return
    if day.day == 2 and role.salary:
        yield Event(
            at(rng, day, *NIGHT_RUN),
            person.whole(max(10, role.salary // 120 * 10)),
            person.everyday,
            savings,
            "Every month, to savings",
            metadata=about("savings", "transfer"),
        )
    if day.day == 1:
        yield from interest(person, savings, day)


def interest(person: Person, account: DemoAccount, day: date) -> Iterator[Event]:
    """Yields the interest of one month, at 2.4 % per year, rounded to the smallest unit."""
    amount = (account.balance * Decimal("0.002")).quantize(person.cent)
    if amount > 0:
        month = day - DAY
        yield Event(
            at(person.rng, day, *NIGHT_RUN),
            amount,
            None,
            account,
            f"Interest for {name_of_month(month)}",
            reference=f"INT-{month:%Y-%m}",
            metadata=about("interest", "bank", rate="2.40"),
        )


def bills(person: Person, day: date) -> Iterator[Event]:
    """Yields subscriptions, utilities and insurance, each on a fixed day of the month."""
    rng, place = person.rng, person.place
    for name, mcc, price, due in person.subscriptions:
        if day.day == due:
            merchant = {"name": name, "city": "online", "mcc": mcc}
            yield Event(
                at(rng, day, "03:00", "06:00"), price, person.everyday, None, name,
                metadata=about(
                    "subscription", "card", merchant=merchant, card={"last4": person.card}
                ),
            )  # fmt: skip
    if not person.role.rent:
        return
    for kind, text, due in (("utilities", "Power and heating", 8), ("insurance", "Home", 12)):
        if day.day == due:
            name = place.shops[kind][0]
            amount = place.price(rng, kind) if kind == "utilities" else place.amount(5480)
            yield Event(
                at(rng, day, *NIGHT_RUN), amount, person.everyday, None, name,
                f"DD-{day:%Y-%m}-{person.card}",
                about(
                    kind, "direct debit", note=text,
                    merchant={"name": name, "city": place.city, "mcc": KINDS[kind].mcc},
                ),
            )  # fmt: skip


def spare_money(person: Person, day: date) -> Iterator[Event]:
    """Yields an investment on the 4th day of the month, if the balance of the customer's everyday
    account is more than two salaries and the customer is not saving for a trip. The amount is 70 %
    of the money above one salary, rounded down to a multiple of 50.
    """
    spare = person.everyday.balance - person.role.salary
    saving_up = any(first - SAVING_UP <= day <= last for first, last in person.trips)
    if day.day == 4 and person.role.salary and spare > person.role.salary and not saving_up:
        round_sum = int(spare) * 7 // 10 // 50 * 50
        yield Event(
            at(person.rng, day, "09:00", "16:00"),
            person.whole(round_sum),
            person.everyday,
            None,
            "Larkfield Investments",
            f"LF-{person.card}-{day:%y%m}",
            about("savings", "transfer", note="Index fund"),
        )


def commute(person: Person, day: date) -> Iterator[Event]:
    """Yields card payments for trips between home and work on some working days, and for one trip
    on some weekend days.
    """
    metro = person.place.shops["metro"][0]
    if day.weekday() in person.place.weekend:
        if _chance(person, 150):
            yield card_payment(person, at(person.rng, day, "10:30", "20:00"), "metro", metro)
    elif _chance(person, 480):
        yield card_payment(person, at(person.rng, day, "07:10", "08:50"), "metro", metro)
        if _chance(person, 900):
            yield card_payment(person, at(person.rng, day, "16:40", "18:50"), "metro", metro)


def groceries(person: Person, day: date) -> Iterator[Event]:
    """Yields a purchase of groceries on some days. The time is after work, or during the day at the
    weekend.
    """
    weekend = day.weekday() in person.place.weekend
    if _chance(person, 560 if weekend else 470):
        hours = ("09:30", "16:30") if weekend else ("17:10", "20:20")
        shop = _shop(person, "groceries")
        yield card_payment(person, at(person.rng, day, *hours), "groceries", shop)


def errands(person: Person, day: date) -> Iterator[Event]:
    weekend = day.weekday() in person.place.weekend
    for kind, on_workday, on_weekend, opens, closes in ERRANDS:
        if not _chance(person, on_weekend if weekend else on_workday):
            continue
        event = card_payment(person, at(person.rng, day, opens, closes), kind, _shop(person, kind))
        if kind == "cash":
            atm = {"name": event.description, "city": person.place.city}
            event.metadata = about("cash", "cash", atm=atm, card={"last4": person.card})
            event.description = "Cash withdrawal"
            event.reference = event.metadata["atm"]["name"]
        elif kind in ("clothes", "devices", "home") and person.rng.randrange(5) == 0:
            _send_back(person, event, day)
        yield event


def _send_back(person: Person, bought: Event, day: date) -> None:
    """Plans a refund for one of the next days. The refund is a transfer if the shop has an account
    at this bank, otherwise a deposit.
    """
    later = day + timedelta(days=person.rng.randrange(3, 10))
    refund = Event(
        at(person.rng, later, "10:00", "17:00"),
        bought.amount,
        bought.target,
        bought.source,
        f"Refund: {bought.description}",
        f"Bought on {day.day} {name_of_month(day)}",
        dict(bought.metadata),
        reverses=bought,
    )
    person.diary.setdefault(later, []).append(refund)


def evening_out(person: Person, day: date) -> Iterator[Event]:
    """Yields the payment for a dinner, mostly around the weekend. Sometimes plans a payment by a
    friend on the next day, for half of the price.
    """
    likely = (day + DAY).weekday() in person.place.weekend or day.weekday() in person.place.weekend
    if not _chance(person, 330 if likely else 60):
        return
    dinner = card_payment(
        person, at(person.rng, day, "18:50", "22:40"), "dinner", _shop(person, "dinner")
    )
    yield dinner
    if person.friends and person.rng.randrange(100) < 45:
        friend = person.rng.choice(person.friends)
        half = (dinner.amount / 2).quantize(person.cent)
        _promise(friend, person, day + DAY, half, person.rng.choice(DINNER_HALVES))


def arrange_gifts(person: Person, day: date) -> None:
    """Sometimes plans a payment to a friend on the next day."""
    if person.friends and _chance(person, 45):
        friend, rng = person.rng.choice(person.friends), person.rng
        amount = person.place.amount(rng.randrange(10, 61) * 100, 100)
        _promise(person, friend, day + DAY, amount, rng.choice(GIFTS))


def _promise(payer: Person, payee: Person, day: date, amount: Decimal, text: str) -> None:
    """Plans a transfer between friends: adds it to the planned payments (`diary`) of the payee.
    Does nothing if the payer has stopped spending.
    """
    if day > payer.spends_until:
        return
    event = Event(
        at(payee.rng, day, "09:10", "21:50"),
        amount,
        payer.everyday,
        payee.everyday,
        text,
        metadata=about("transfer", "transfer"),
    )
    payee.diary.setdefault(day, []).append(event)
