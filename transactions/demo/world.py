"""Simulates the demo bank day by day without a database. Yields a draft for each payment that the
bank would accept.

Memory use does not grow, because only the planned events and the events of one day are in memory.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from ledger.db.ids import uuid7_of
from ledger.text.dates import months_before
from transactions.demo import stories
from transactions.demo.people import Event, Person, make_people
from transactions.demo.times import DAY
from transactions.services import Draft


@dataclass(slots=True)
class World:
    """A demo bank up to the time `now`. The same arguments always produce the same people and
    drafts. An earlier `now` on the same day produces the same drafts, except for the drafts after
    `now`.

    Iterate `drafts` only once, because the iteration changes the balances and random numbers.
    """

    users: int
    months: int
    seed: int
    now: datetime
    people: list[Person] = field(init=False)
    start: date = field(init=False)
    today: date = field(init=False)

    def __post_init__(self) -> None:
        self.today = timezone.localdate(self.now)
        self.start = months_before(self.today, self.months)
        self.people = make_people(self.users, self.seed, self.start, self.today)
        stories.plan_ahead(self.people, self.start, self.today)

    def drafts(self) -> Iterator[Draft]:
        """Yields the draft of every payment up to `now`, in the order of booking times."""
        day = self.start
        while day <= self.today:
            events = [
                (event.moment, f"{self.seed}/{day}/{person.email}/{n}", event)
                for person in self.people
                for n, event in enumerate(self._events(person, day))
            ]
            events.sort(key=lambda row: row[:2])
            nothing_yet = day == self.today
            for moment, name, event in events:
                if moment > self.now:
                    if not nothing_yet:
                        break
                    event.moment = self.now  # right after midnight, so that today has an entry
                if _move(event):
                    nothing_yet = False
                    event.id = uuid7_of(moment, f"demo {name}")
                    yield _draft(event, event.id)
            day += DAY

    def _events(self, person: Person, day: date) -> Iterator[Event]:
        if day == self.start:
            return stories.opening(person)
        return stories.events_of_day(person, day, self.today)


def _move(event: Event) -> bool:
    """Changes the balances in memory. Returns False if the bank would refuse the payment."""
    source, target = event.source, event.target
    if event.amount <= Decimal(0) or any(e.id is None for e in _linked(event)):
        return False
    if event.captures and source is not None:
        source.held -= event.captures.amount
    if source is not None:
        limit = source.transfer_limit
        if event.amount > source.available or (limit is not None and event.amount > limit):
            return False
        if event.is_hold:
            source.held += event.amount
            return True
        source.balance -= event.amount
    if target is not None:
        target.balance += event.amount
    return True


def _linked(event: Event) -> list[Event]:
    """Returns the events that must be booked before this event: the hold that it captures, or the
    payment that it reverses.
    """
    return [other for other in (event.captures, event.reverses) if other is not None]


def _draft(event: Event, id: uuid.UUID) -> Draft:
    return Draft(
        id=id,
        amount=event.amount,
        from_account=event.source.id if event.source else None,
        to_account=event.target.id if event.target else None,
        description=event.description,
        reference=event.reference,
        metadata=event.metadata,
        created_at=event.moment,
        pending=event.is_hold,
        expires_at=event.expires_at,
        captures=event.captures.id if event.captures else None,
        reverses=event.reverses.id if event.reverses else None,
    )
