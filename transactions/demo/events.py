"""Functions that create events: card purchases, payments and income."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from transactions.demo.people import DemoAccount, Event, Person
from transactions.demo.places import KINDS, Town


def about(category: str, channel: str, **more: Any) -> dict[str, Any]:
    """Returns the metadata of a payment: a category, a channel, and the values in `more`."""
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
    """Returns a purchase with the person's card. If the shop has an account at this bank, the
    purchase is a transfer, otherwise a withdrawal.
    """
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
    """Returns a payment to the person or company with the name `to`. If the recipient has an
    account at this bank, the payment is a transfer, otherwise a withdrawal.
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
    """Returns a payment from the person or company with the name `by`. If the payer has an account
    at this bank, the payment is a transfer, otherwise a deposit.
    """
    source, words, metadata = _by_name(person, by, text, metadata)
    return Event(moment, amount, source, person.everyday, words, reference, metadata)


def _by_name(
    person: Person, name: str, text: str, metadata: dict[str, Any]
) -> tuple["DemoAccount | None", str, dict[str, Any]]:
    """Returns the account of the person with this name, the description of the payment, and the
    metadata. If this person has no account at this bank, the account is None, the description is
    the name, and the metadata contains `text` as a note.
    """
    account = person.directory.get((name, person.everyday.currency))
    if account is None:
        return None, name, {**metadata, "note": text}
    return account, text, metadata
