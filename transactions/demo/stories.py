"""The daily payments of special people in the demo: Ana and her trips, a person with an overdraft,
a person who closes an account, companies, landlords and shops.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from ledger.text.currencies import minor_units
from transactions.demo import holds
from transactions.demo.events import about, card_payment
from transactions.demo.habits import bills, errands, groceries, interest, ordinary_day
from transactions.demo.people import Event, Person
from transactions.demo.places import LISBON
from transactions.demo.times import DAY, NIGHT_RUN, at, is_pay_day, name_of_month

TRIP_DAYS, TRIP_ENDED, TRIP_EVERY = 8, 24, 170
CLIENTS = (
    "Brightwater Clinics", "Hollis & Daughters", "Museum of Tides", "Grünwald Verlag",
    "Ølby Kommune",
)  # fmt: skip
SUPPLIERS = (
    "Narragansett Fish Co-op", "Bayou Spice Imports", "Meadowlark Creamery", "Root & Stem Farm",
)  # fmt: skip


def plan_ahead(people: list[Person], start: date, today: date) -> None:
    """Plans the events whose dates depend on today, such as Ana's trips and holds."""
    for person in people:
        match person.role.story:
            case "ana":
                holds.plan(person, today)
                first = today - timedelta(days=TRIP_ENDED + TRIP_DAYS)
                while first > start + timedelta(days=9):
                    person.trips.append((first, first + timedelta(days=TRIP_DAYS)))
                    first -= timedelta(days=TRIP_EVERY)
            case "frozen":
                person.spends_until = today - timedelta(days=4)


def opening(person: Person) -> Iterator[Event]:
    """Yields the first deposit on each of the person's accounts. The deposits come from another
    bank.
    """
    if person.role.kind == "newcomer":
        return
    unit = person.role.salary or max(person.payroll * 2, 8000)
    shares = {"everyday": 120, "savings": 140, "travel": 18, "old": 60}
    for n, (key, account) in enumerate(person.accounts.items()):
        coins = Decimal(person.rng.randrange(100)).scaleb(-minor_units(account.currency))
        yield Event(
            account.created_at + timedelta(minutes=11 + n),
            Decimal(unit * shares[key] // 100) + coins,
            None,
            account,
            "Transfer from previous bank",
            "Opening",
            about("transfer", "transfer"),
        )


def ana(person: Person, day: date, today: date) -> Iterator[Event]:
    yield from ordinary_day(person, day)
    if day.weekday() == today.weekday():  # so that her statement begins with an entry of today
        yield Event(
            at(person.rng, day, *NIGHT_RUN), person.whole(25), person.everyday,
            person.accounts["savings"], "Every week, to the holiday",
            metadata=about("savings", "transfer"),
        )  # fmt: skip
    for first, last in person.trips:
        yield from _before_trip(person, (first - day).days, day)
        if first <= day <= last:
            yield from _abroad(person, day, last)


def _before_trip(person: Person, days_left: int, day: date) -> Iterator[Event]:
    """Yields the payments before a trip: the flights 33 days before the trip, and two payments 6
    days before the trip. These are a transfer from the savings account, and an exchange of dollars
    to euros.
    """
    rng, everyday, travel = person.rng, person.everyday, person.accounts["travel"]
    if days_left == 33:
        yield card_payment(person, at(rng, day, "20:10", "22:30"), "flight", "Gaivota Air")
    if days_left == 6:
        yield Event(
            at(rng, day, "18:00", "18:20"), person.whole(900), person.accounts["savings"],
            everyday, "For the trip to Lisbon", metadata=about("savings", "transfer"),
        )  # fmt: skip
        rate = Decimal(rng.randrange(9080, 9340)).scaleb(-4)
        moment = at(rng, day, "18:25", "18:40")
        euros = (person.whole(1400) * rate).quantize(Decimal("0.01"))
        details = about(
            "travel", "transfer", exchange={"from": "USD", "to": "EUR", "rate": str(rate)}
        )
        reference = f"FX-{day:%y%m%d}-{person.card}"
        sold = Event(moment, person.whole(1400), everyday, None, "Exchanged to EUR")
        bought = Event(moment + timedelta(seconds=2), euros, None, travel, "Exchanged from USD")
        for event in (sold, bought):
            event.reference, event.metadata = reference, details
            yield event


def _abroad(person: Person, day: date, last: date) -> Iterator[Event]:
    """Yields the purchases on a day of a trip. The travel account pays these purchases in euros."""
    rng, abroad = person.rng, (person.accounts["travel"], LISBON)
    plan = [
        ("coffee", 900, "08:20", "10:30"), ("metro", 650, "10:00", "11:00"),
        ("sights", 450, "11:00", "16:00"), ("lunch", 700, "12:40", "14:50"),
        ("groceries", 200, "17:00", "19:00"), ("dinner", 850, "20:00", "22:50"),
        ("taxi", 200, "23:00", "23:40"), ("books", 80, "15:00", "18:00"),
    ]  # fmt: skip
    for kind, of_thousand, opens, closes in plan:
        if rng.randrange(1000) < of_thousand:
            shop = rng.choice(LISBON.shops[kind])
            yield card_payment(person, at(rng, day, opens, closes), kind, shop, abroad=abroad)
    if day == last:
        bill = LISBON.amount(6150, 5) * TRIP_DAYS
        moment = at(rng, day, "10:40", "11:10")
        hotel = card_payment(person, moment, "hotel", "Hotel Aurora", amount=bill, abroad=abroad)
        hotel.reference = f"Room {rng.randrange(101, 420)}, {TRIP_DAYS} nights"
        yield hotel


def overdraft(person: Person, day: date, today: date) -> Iterator[Event]:
    """Yields the payments of an ordinary day. Also yields a tuition fee three days before the end
    of the demo, and a car repair that costs more than the balance one day before the end.
    """
    if day < today - DAY:
        yield from ordinary_day(person, day)
    if day == today - timedelta(days=3):
        yield Event(
            at(person.rng, day, "09:20", "11:40"), person.everyday.balance - person.whole(460),
            person.everyday, None, "Narrow River College", f"TUITION-{day:%Y}",
            about("education", "transfer", note="Evening course, nursing"),
        )  # fmt: skip
    if day == today - DAY:
        amount = person.everyday.balance + person.whole(180 + person.rng.randrange(140))
        merchant = {"name": "Fox Point Garage", "city": "Providence", "mcc": "7538"}
        yield Event(
            at(person.rng, day, "16:10", "17:40"), amount, person.everyday, None,
            "Fox Point Garage", f"Clutch and brakes, INV-{person.rng.randrange(2000, 9000)}",
            about("transport", "card", merchant=merchant, card={"last4": person.card}),
        )  # fmt: skip


def closed(person: Person, day: date, today: date) -> Iterator[Event]:
    """Yields the payments of an ordinary day, and the interest of the old savings account. Six days
    before the end of the demo, yields a transfer of all savings to the account Everyday.
    """
    yield from ordinary_day(person, day)
    old = person.accounts["old"]
    if day == today - timedelta(days=6):
        yield Event(
            at(person.rng, day, "11:00", "12:00"), old.balance, old, person.everyday,
            "Everything to Everyday", metadata=about("savings", "transfer"),
        )  # fmt: skip
    elif day.day == 1:
        yield from interest(person, old, day)


def company(person: Person, day: date, _today: date) -> Iterator[Event]:
    """Yields a company's payments on a day: weekly income from clients, rent, and taxes. The income
    is enough for the wages.
    """
    rng, everyday = person.rng, person.everyday
    if day.weekday() == 1:
        base = max(person.payroll, 4000)
        yield Event(
            at(rng, day, "09:00", "16:00"), person.share(base, rng.randrange(2900, 3700)),
            None, everyday, rng.choice(CLIENTS), f"INV-{day:%y%m}-{rng.randrange(100, 999)}",
            about("invoice", "transfer"),
        )  # fmt: skip
    if day.day == 1:
        yield Event(
            at(rng, day, *NIGHT_RUN), person.whole(max(person.payroll // 12, 300)), everyday,
            None, "Dock Square Offices", f"RENT-{day:%Y-%m}",
            about("rent", "transfer", note=f"Office, {name_of_month(day)}"),
        )  # fmt: skip
    if is_pay_day(day, 12, person.place.weekend):
        yield Event(
            at(rng, day, "10:00", "12:00"), person.share(max(person.payroll, 1200), 1710), everyday,
            None, "Revenue Office", f"TAX-{day:%Y-%m}", about("tax", "transfer"),
        )  # fmt: skip


def landlord(person: Person, day: date, _today: date) -> Iterator[Event]:
    """Yields a landlord's payments on a day: mortgage, repairs and personal payments. The tenants'
    payments of rent are not included, because the tenants plan them.
    """
    rng, everyday = person.rng, person.everyday
    spare = int(everyday.balance)
    if day.day == 5 and spare > 100:
        yield Event(
            at(rng, day, *NIGHT_RUN), person.share(spare, 4500), everyday, None,
            "Old Harbor Mortgage Trust", f"MORT-{day:%Y-%m}", about("mortgage", "direct debit"),
        )  # fmt: skip
    if day.weekday() == 3 and rng.randrange(5) == 0:
        yield Event(
            at(rng, day, "09:00", "17:00"), person.place.amount(rng.randrange(6000, 48000), 5),
            everyday, None, "Levante Plumbing", f"Job {rng.randrange(1000, 9999)}",
            about("repairs", "transfer"),
        )  # fmt: skip
    if person.role.story == "householder":
        for habit in (groceries, errands, bills):
            yield from habit(person, day)


def shop(person: Person, day: date, _today: date) -> Iterator[Event]:
    """Yields a shop's income, several times a day, and its payments to suppliers and for wages."""
    rng, everyday = person.rng, person.everyday
    takings = (
        ("Card takings, yesterday evening", "card", 69, *NIGHT_RUN),
        ("Card takings, lunch", "card", 41, "15:10", "15:50"),
        ("Pedal & Plate deliveries", "transfer", 26, "21:30", "22:10"),
        ("Cash takings", "cash", 17, "22:50", "23:40"),
    )
    busy = 145 if day.weekday() in (4, 5, 6) else 100
    for text, channel, guests, opens, closes in takings:
        covers = guests * busy * rng.randrange(35, 75) // 10_000
        amount = person.place.amount(covers * rng.randrange(1450, 1990))
        yield Event(
            at(rng, day, opens, closes), amount, None, everyday, text, f"Z-{day:%y%m%d}",
            about("sales", channel, covers=covers),
        )  # fmt: skip
    if day.weekday() in (0, 3):
        for supplier in rng.sample(SUPPLIERS, 2):
            yield Event(
                at(rng, day, "06:00", "10:30"), person.place.amount(rng.randrange(48_000, 96_000)),
                everyday, None, supplier, f"INV-{rng.randrange(10_000, 99_999)}",
                about("supplies", "direct debit"),
            )  # fmt: skip
    if is_pay_day(day, 28, person.place.weekend):
        yield Event(
            at(rng, day, "06:10", "06:50"), person.share(int(everyday.balance), 7000),
            everyday, None, "Wages", f"PAY-{day:%Y-%m}", about("wages", "transfer", staff=9),
        )  # fmt: skip


def _ordinary(person: Person, day: date, _today: date) -> Iterator[Event]:
    return ordinary_day(person, day)


def _nothing(_person: Person, _day: date, _today: date) -> Iterator[Event]:
    return iter(())


LIVES: dict[str, Callable[[Person, date, date], Iterator[Event]]] = {
    "customer": _ordinary, "company": company, "landlord": landlord, "shop": shop,
    "ana": ana, "overdraft": overdraft, "closed": closed,
}  # fmt: skip


def events_of_day(person: Person, day: date, today: date) -> Iterator[Event]:
    """Yields all payments of a person on a day."""
    live = LIVES.get(person.role.story) or LIVES.get(person.role.kind) or _nothing
    yield from person.diary.pop(day, ())
    yield from live(person, day, today)
