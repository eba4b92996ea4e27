"""Creates the people of the demo and their accounts, from the cast and a seed."""

import itertools
import random
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.numbers import with_check_digits
from ledger.db.ids import uuid7_of
from ledger.text.currencies import minor_units
from transactions.demo import cast
from transactions.demo.cast import Role
from transactions.demo.places import SUBSCRIPTIONS, Town
from transactions.demo.times import DAY, at

# letters that Unicode cannot decompose into an ASCII letter and an accent
PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "\u0131": "i", "đ": "d", "ß": "ss", "æ": "ae", "'": "", " ": "."}
)
FRIENDS = 6  # the number of people in a group of friends; all of them use one currency
ONE_IN_COMPANIES, ONE_IN_LANDLORDS = 30, 20  # one of this many people with random names


@dataclass(slots=True)
class Event:
    """A payment that a person plans. `source` is None if the money comes from outside the bank.
    `target` is None if the money goes outside the bank.

    `captures` is the hold that the payment captures, and `reverses` is the payment that it refunds.
    """

    moment: datetime
    amount: Decimal
    source: "DemoAccount | None"
    target: "DemoAccount | None"
    description: str
    reference: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    is_hold: bool = False
    expires_at: datetime | None = None
    captures: "Event | None" = None
    reverses: "Event | None" = None
    id: UUID | None = None  # the id of the transaction, set after the booking


@dataclass(slots=True, eq=False)
class DemoAccount:
    """An account, and its balance during the simulation."""

    id: uuid.UUID
    number: str
    name: str
    currency: str
    created_at: datetime
    overdraft_limit: Decimal = Decimal(0)
    transfer_limit: Decimal | None = None
    daily_limit: Decimal | None = None
    balance: Decimal = Decimal(0)
    held: Decimal = Decimal(0)

    @property
    def available(self) -> Decimal:
        return self.balance + self.overdraft_limit - self.held


@dataclass(slots=True, eq=False)
class Person:
    """A person with a generator of random numbers, a card, favourite shops and planned events."""

    id: uuid.UUID
    role: Role
    email: str
    joined: datetime
    rng: random.Random
    directory: (
        "dict[tuple[str, str], DemoAccount]"  # accounts at this bank, by holder's name and currency
    )
    card: str
    accounts: dict[str, DemoAccount] = field(default_factory=dict)
    friends: "list[Person]" = field(default_factory=list)
    subscriptions: list[tuple[str, str, Decimal, int]] = field(default_factory=list)
    payroll: int = 0
    diary: dict[date, list[Event]] = field(default_factory=dict)
    trips: list[tuple[date, date]] = field(default_factory=list)
    spends_until: date = date.max

    @property
    def place(self) -> Town:
        return self.role.place

    @property
    def everyday(self) -> DemoAccount:
        return self.accounts["everyday"]

    def away(self, day: date) -> bool:
        return any(start <= day <= end for start, end in self.trips)

    @property
    def cent(self) -> Decimal:
        """The smallest unit of the home currency, such as 0.01."""
        return Decimal(1).scaleb(-minor_units(self.place.currency))

    def whole(self, units: int) -> Decimal:
        """Returns `units` whole units of the home currency as an amount with the currency's
        decimals.
        """
        return Decimal(units).quantize(self.cent)

    def share(self, units: int, of_ten_thousand: int) -> Decimal:
        """Returns `units` times `of_ten_thousand` / 10,000, rounded to the smallest unit of the
        home currency.
        """
        return (units * Decimal(of_ten_thousand).scaleb(-4)).quantize(self.cent)


def make_people(count: int, seed: int, start: date, today: date) -> list[Person]:
    """Creates `count` people with accounts, friends and employers, and also the colleagues of the
    clerk. The people of `cast` come before people with random names. Does not use a database.
    """
    directory: dict[tuple[str, str], DemoAccount] = {}
    emails: set[str] = set()
    numbers: set[str] = set()
    people: list[Person] = []
    parts = _parts(count, random.Random(f"{seed}/cast"))  # noqa: S311  a demo, no secret
    for role in itertools.chain(parts, cast.COLLEAGUES):
        rng = random.Random(f"{seed}/{len(people)}")  # noqa: S311  a demo, no secret
        first_day = today - DAY if role.kind == "newcomer" else start
        joined = at(rng, first_day, "08:00", "12:00")
        email = role.email or _free_email(role.name, emails)
        emails.add(email)
        person = Person(
            id=uuid7_of(joined, user_name(email)),
            role=role,
            email=email,
            joined=joined,
            rng=rng,
            directory=directory,
            card=f"{rng.randrange(10000):04}",
        )
        _open_accounts(person, seed, numbers)
        people.append(person)
    _introduce(people)
    return people


def user_name(email: str) -> str:
    """Returns the text from which a demo person's id is computed. The text depends neither on the
    seed nor on the day.
    """
    return f"demo user {email}"


def _parts(count: int, rng: random.Random) -> Iterator[Role]:
    yield from cast.ROLES[:count]
    companies = {"USD": cast.NORTHWIND, "EUR": cast.AETHERWERK}
    landlords = {"USD": cast.LINDT, "EUR": cast.HOUSING}
    for n in range(len(cast.ROLES), count):
        place = rng.choice(cast.RANDOM_PLACES)
        name = f"{rng.choice(cast.FIRST_NAMES)} {rng.choice(cast.LAST_NAMES)}"
        if n % ONE_IN_COMPANIES == 0:
            words = rng.choice(cast.COMPANY_WORDS), rng.choice(cast.COMPANY_TRADES)
            name = " ".join((*words, cast.FORMS[place.currency]))
            companies[place.currency] = name
            yield Role(name, "company", place)
        elif n % ONE_IN_LANDLORDS == 1:
            landlords[place.currency] = name
            yield Role(name, "landlord", place, activity=30)
        else:
            dollars = rng.randrange(2300, 5900)
            yield Role(
                name,
                place=place,
                employer=companies.get(place.currency, "Ministry of Public Works"),
                landlord=landlords.get(place.currency, "City Homes"),
                salary=_whole_units(dollars, place),
                rent=_whole_units(dollars * rng.randrange(22, 34) // 100, place),
                pay_day=rng.choice((15, 20, 25, 27, 28)),
                activity=rng.randrange(20, 60),
            )


def _whole_units(dollars: int, place: Town) -> int:
    """Returns the value of these dollars in the currency of `place`, as a round number."""
    major: int = 10 ** minor_units(place.currency)
    return dollars * place.per_dollar // major // 10 * 10


def _free_email(name: str, taken: set[str]) -> str:
    decomposed = unicodedata.normalize("NFKD", name.lower().translate(PLAIN_LETTERS))
    plain = "".join(c for c in decomposed if c.isascii() and (c.isalnum() or c in ".-"))
    email, n = f"{plain}@example.com", 1
    while email in taken:
        n += 1
        email = f"{plain}{n}@example.com"
    return email


def _open_accounts(person: Person, seed: int, numbers: set[str]) -> None:
    place, story, kind = person.place, person.role.story, person.role.kind
    if kind in ("analyst", "staff"):
        return
    names = {"company": "Business", "shop": "Takings", "landlord": "Rental income"}
    plans: list[tuple[str, str, str, dict[str, Decimal]]] = [
        ("everyday", names.get(kind, "Everyday"), place.currency, {})
    ]
    if story == "overdraft":
        plans[0][3]["overdraft_limit"] = person.whole(500)
    if story == "ana":
        plans[0][3]["transfer_limit"] = person.whole(5000)
        plans.append(("savings", "Savings", "USD", {"daily_limit": person.whole(2500)}))
        plans.append(("travel", "Travel", "EUR", {}))
    elif story == "closed":
        plans.append(("old", "Old savings", place.currency, {}))
    elif kind == "customer" and story != "overdraft" and person.rng.randrange(2):
        plans.append(("savings", "Savings", place.currency, {}))
    for key, name, currency, limits in plans:
        number = _number(person.rng, numbers)
        created_at = person.joined + timedelta(minutes=2 + len(person.accounts))
        id = uuid7_of(created_at, f"demo {seed} account {person.email} {key}")
        person.accounts[key] = DemoAccount(id, number, name, currency, created_at, **limits)


def _number(rng: random.Random, taken: set[str]) -> str:
    while (number := with_check_digits(f"4{rng.randrange(10**9):09}")) in taken:
        pass
    taken.add(number)
    return number


def _introduce(people: list[Person]) -> None:
    """Sets the friends and subscriptions of customers, and the wages that employers pay. Also adds
    the accounts of companies, landlords and shops to `Person.directory`, where other people find
    them by name.
    """
    circles: dict[str, list[Person]] = {}
    by_account: dict[uuid.UUID, Person] = {}
    for person in people:
        role, currency = person.role, person.place.currency
        if role.kind == "customer":
            circles.setdefault(currency, []).append(person)
            for name, mcc, cents in person.rng.sample(SUBSCRIPTIONS, person.rng.randrange(2, 5)):
                price = person.place.amount(cents)
                person.subscriptions.append((name, mcc, price, person.rng.randrange(2, 28)))
        elif role.kind in ("company", "landlord", "shop"):
            person.directory[role.name, currency] = person.everyday
            by_account[person.everyday.id] = person
    for person in people:
        employer = person.directory.get((person.role.employer, person.place.currency))
        if employer is not None:
            by_account[employer.id].payroll += person.role.salary
    for circle in circles.values():
        for n, person in enumerate(circle):
            first = n // FRIENDS * FRIENDS
            person.friends = [p for p in circle[first : first + FRIENDS] if p is not person]
