"""Kinds of events: card purchases, payments, incomes."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from transactions.demo.people import DemoAccount, Event, Person
from transactions.demo.places import KINDS, Town


def about(category: str, channel: str, **more: Any) -> dict[str, Any]:
    """Returns metadata as this bank writes it: always a category and a channel."""
    return {"category": category, "channel": channel, **more}


def card_payment(
    person: Person,
    moment: datetime,
    kind: str,
    shop: str,
    *,
    amount: Decimal | None = None,
    abroad: tuple[DemoAccount, Town] | None = None,
) -> Event:
    """Returns a card purchase; a transfer if the shop has an account at this bank."""
    account, place = abroad or (person.everyday, person.place)
    what = KINDS[kind]
    target = person.directory.get((shop, account.currency))
    return Event(
        moment,
        amount or place.price(person.rng, kind),
        account,
        target,
        f"{kind.capitalize()} for one" if target and kind == "lunch" else
        kind.capitalize() if target else shop,
        metadata=about(
            what.category,
            "card",
            merchant={"name": shop, "city": place.city, "country": place.country, "mcc": what.mcc},
            card={"last4": person.card},
        ),
    )  # fmt: skip


def payment(
    person: Person,
    to: str,
    moment: datetime,
    amount: Decimal,
    text: str,
    *,
    reference: str = "",
    metadata: dict[str, Any],
) -> Event:
    """Returns a payment to a person by name: a transfer if they have an account here, else a
    withdrawal.
    """
    target, words, metadata = _by_name(person, to, text, metadata)
    return Event(moment, amount, person.everyday, target, words, reference, metadata)


def income(
    person: Person,
    by: str,
    moment: datetime,
    amount: Decimal,
    text: str,
    *,
    reference: str = "",
    metadata: dict[str, Any],
) -> Event:
    """Returns income from a person: a transfer if they have an account here, else a deposit."""
    source, words, metadata = _by_name(person, by, text, metadata)
    return Event(moment, amount, source, person.everyday, words, reference, metadata)


def _by_name(
    person: Person, name: str, text: str, metadata: dict[str, Any]
) -> tuple["DemoAccount | None", str, dict[str, Any]]:
    """Returns the person's account here, the description and the metadata. Without an account, the
    name is the description.
    """
    account = person.directory.get((name, person.everyday.currency))
    if account is None:
        return None, name, {**metadata, "note": text}
    return account, text, metadata
