"""Ana's holds of the last days, and the refund of a book that she returned.

One hold is pending, one hold is partly captured, and one hold is released. The days depend on
today. Times and amounts are fixed, so that the random numbers of other people stay the same.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.utils import timezone

from transactions.demo.events import about
from transactions.demo.people import DemoAccount, Event, Person

RELEASED = "Tidal Bikes"
HOTEL_ENDS_IN = 9  # days


def plan(person: Person, today: date) -> None:
    """Adds the holds and the refund to the person's planned payments (`diary`)."""
    everyday, travel = person.everyday, person.accounts["travel"]

    def on(days_ago: int, clock: str, account: DemoAccount, amount: str, shop: str) -> Event:
        event = Event(_at(today, -days_ago, clock), Decimal(amount), account, None, shop)
        person.diary.setdefault(today - timedelta(days=days_ago), []).append(event)
        return event

    books = on(6, "15:42", everyday, "36.90", "Book Nook")
    books.metadata = _card(person, "shopping", "Book Nook", "5942")
    back = on(2, "10:15", everyday, "36.90", "Refund: Book Nook")
    back.source, back.target, back.reverses = None, everyday, books
    back.reference = "Return 4417"
    back.metadata = _card(person, "shopping", "Book Nook", "5942")

    bikes = on(4, "09:30", everyday, "60.00", RELEASED)
    bikes.metadata = _card(person, "leisure", RELEASED, "7999")
    fuel = on(3, "08:10", everyday, "100.00", "Wickenden Fuel")
    fuel.metadata = _card(person, "transport", "Wickenden Fuel", "5542")
    hotel = on(1, "20:05", travel, "150.00", "Hotel Aurora")
    hotel.metadata = _card(person, "travel", "Hotel Aurora", "7011", "Lisboa", "PT")
    for hold in (bikes, fuel, hotel):
        hold.is_hold = True
    bikes.expires_at = _at(today, 3, "12:00")
    hotel.expires_at = _at(today, HOTEL_ENDS_IN, "12:00")
    hotel.reference = "Room to come, 1 night in advance"

    filled = on(3, "08:22", everyday, "46.20", "Wickenden Fuel")
    filled.captures, filled.metadata = fuel, fuel.metadata


def _at(today: date, days: int, clock: str) -> datetime:
    """Returns a time on the day that is `days` days after today, in the bank's time zone."""
    wall = time.fromisoformat(clock)
    return timezone.make_aware(datetime.combine(today + timedelta(days=days), wall))


def _card(
    person: Person, category: str, shop: str, mcc: str, city: str = "", country: str = ""
) -> dict[str, object]:
    place = {"city": city or person.place.city, "country": country or person.place.country}
    merchant = {"name": shop, **place, "mcc": mcc}
    return about(category, "card", merchant=merchant, card={"last4": person.card})
