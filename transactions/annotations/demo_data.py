"""Writes Ana's notes and tags on her payments, for the demo."""

from transactions.annotations.services import annotate
from transactions.demo.registered import DemoBank, register
from transactions.models import Transaction

NEWEST = 4  # max. number of payments with each description

# Description of the payment, note, tags.
NOTES = (
    ("For the trip to Lisbon", "Flights and the first two nights", ("holiday", "lisbon")),
    ("Every week, to the holiday", "", ("holiday",)),
    ("Hotel Aurora", "Breakfast was not included; ask next time", ("holiday", "lisbon")),
    ("Miradouro Boat Tours", "", ("holiday", "lisbon", "with-mara")),
    ("Harbor Mutual Insurance", "Ask for a better rate in January", ("home", "yearly-check")),
    ("Ampersand Books", "Present for Nadia's birthday", ("gifts",)),
    ("Concert tickets", "Row 4, seats 11 and 12", ("with-mara",)),
    ("Book Nook", "Wrong edition, sent back", ("to-check",)),
)


@register(order=10)
def write_notes(bank: DemoBank) -> None:
    """Writes the notes of the demo. A second call changes nothing."""
    ana = bank.people["ana"]
    mine = Transaction.objects.visible_to(ana).order_by("-created_at")
    for description, text, tags in NOTES:
        for row in mine.filter(description=description)[:NEWEST]:
            annotate(transaction=row, owner=ana, text=text, tags=tags)
